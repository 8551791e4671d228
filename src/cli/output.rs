//! What is printed where, and what becomes of a run whose output nobody takes.

use std::io::{self, Write};

use crate::write::Cause;

/// Standard output, until it fails.
#[derive(Default)]
pub(super) struct Output {
    failure: Option<io::Error>,
}

impl Output {
    /// Prints; whether it is worth going on.
    pub(super) fn put(&mut self, bytes: &[u8]) -> bool {
        if self.failure.is_none() && !bytes.is_empty() {
            let mut stdout = io::stdout().lock();
            self.failure = stdout.write_all(bytes).and_then(|()| stdout.flush()).err();
        }
        self.failure.is_none()
    }

    /// The exit code, if the output decides about it. `writes`: whether the run changes files; to stop it half-way is then
    /// a failure, while a reader who has seen enough is none.
    pub(super) fn exit_code(&self, writes: bool) -> Option<u8> {
        match &self.failure {
            None => None,
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Some(if writes { 2 } else { 0 }),
            Some(error) => {
                say(&format!("error: cannot write to standard output: {}", Cause(error)));
                Some(2)
            }
        }
    }
}

/// Prints a line on standard error. There is nobody to tell when that fails.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The same for text that has its line ends.
pub(super) fn say_all(text: &[u8]) {
    let _ = io::stderr().lock().write_all(text);
}
