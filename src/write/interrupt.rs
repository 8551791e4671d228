//! Ctrl-C: the first asks the run to stop between two files, the second ends it at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the user wants the run to end; cheap to clone and to ask, shared by all threads.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on. The handler only sets flags, so it may come at any moment.
    ///
    /// A second signal ends the process at once, with 130 or 143. That is as safe as any kill: files are old or new, and a
    /// temporary file may stay. A run without signals is `Interrupt::default()`.
    ///
    /// # Errors
    /// Those of sigaction(2); none are known for these two signals.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // First the exit, which must not see the flag that the same signal sets.
            flag::register_conditional_shutdown(signal, code(signal.unsigned_abs()), Arc::clone(&interrupt.stop))?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), signal.unsigned_abs() as usize)?;
            flag::register(signal, Arc::clone(&interrupt.stop))?;
        }
        Ok(interrupt)
    }

    /// Whether to stop before the next file.
    pub fn is_set(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The exit code of a run that stopped, as shells have it: 128 + the number of the signal, so 130 after Ctrl-C.
    pub fn exit_code(&self) -> Option<u8> {
        self.is_set().then(|| u8::try_from(128 + self.signal.load(Ordering::SeqCst)).unwrap_or(130))
    }
}

fn code(signal: u32) -> i32 {
    128_i32.saturating_add_unsigned(signal)
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    /// Raises signals in a process of its own: this same test, which the variable tells what to do.
    #[test]
    fn the_first_signal_sets_the_flag_and_the_second_ends() {
        const PART: &str = "MLFIX_TEST_INTERRUPT";
        if let Ok(signal) = std::env::var(PART) {
            let signal: i32 = signal.parse().expect("a signal number");
            let interrupt = Interrupt::listen().expect("handlers can be set");
            assert!(!interrupt.is_set() && interrupt.exit_code().is_none());
            signal_hook::low_level::raise(signal).expect("the signal is sent");
            assert_eq!(interrupt.exit_code().map(i32::from), Some(128 + signal));
            signal_hook::low_level::raise(signal).expect("the signal is sent");
            panic!("still here after the second signal");
        }
        for signal in [SIGINT, SIGTERM] {
            let status = Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", super_test_name(), "--nocapture"])
                .env(PART, signal.to_string())
                .status()
                .expect("it runs again");
            assert_eq!(status.code(), Some(128 + signal));
        }
    }

    fn super_test_name() -> &'static str {
        concat!(module_path!(), "::the_first_signal_sets_the_flag_and_the_second_ends")
            .split_once("::")
            .expect("a path in a crate")
            .1
    }
}
