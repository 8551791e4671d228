//! One child process with limits: how long, how many bytes, how large a folder may grow meanwhile.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::failure::{Failure, Kind};
use crate::write::Cause;

/// What a child may take.
pub(super) struct Limits {
    pub(super) time: Duration,
    /// Bytes on standard output.
    pub(super) output: u64,
    pub(super) folder: Option<Watched>,
}

/// A folder that may not grow beyond so many bytes.
pub(super) struct Watched {
    pub(super) path: PathBuf,
    pub(super) most: u64,
}

/// What is kept of standard error: 64 KiB.
const SAID: u64 = 64 << 10;
/// How often the size of the folder is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// How a child ended.
pub(super) struct Ended {
    /// What it printed.
    pub(super) printed: Vec<u8>,
    /// What it said on standard error.
    pub(super) said: Vec<u8>,
    /// Whether it says that it did what it was to do.
    pub(super) well: bool,
}

/// Runs a child, gives it `input`, and returns what it prints.
pub(super) fn run(command: &mut Command, input: Option<&[u8]>, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let ended = run_to_end(command, input, limits)?;
    if ended.well { Ok(ended.printed) } else { Err(Failure::of(&ended.said)) }
}

/// The same for a child whose own failure is an answer.
pub(super) fn run_to_end(command: &mut Command, input: Option<&[u8]>, limits: &Limits) -> Result<Ended, Failure> {
    let cannot = |error: io::Error| Failure::new(Kind::Other, Cause(&error).to_string());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that the helpers that git starts end with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn().map_err(cannot)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let group = Group::of(&child);
    let verdict = AtomicU8::new(FINE);
    let (done, ended) = channel::<()>();
    let (watched, seen) = (&group, &verdict);

    let (printed, said, status) = std::thread::scope(|scope| {
        scope.spawn(move || watch(watched, limits, &ended, seen));
        if let Some((mut stdin, input)) = stdin.zip(input) {
            // A child that has enough closes its end; whether that was right is told by its exit status.
            scope.spawn(move || drop(stdin.write_all(input)));
        }
        let said = scope.spawn(|| {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(SAID).read_to_end(&mut said);
                let _ = io::copy(&mut stderr, &mut io::sink());
            }
            said
        });
        let mut stdout = stdout.expect("it is piped");
        let mut printed = Vec::new();
        let result = stdout.by_ref().take(limits.output + 1).read_to_end(&mut printed).map(|_| printed);
        // A child that goes on printing finds nobody who listens.
        drop(stdout);
        let said = said.join().unwrap_or_default();
        let status = child.wait();
        drop(done);
        (result, said, status)
    });
    let printed = printed.map_err(cannot)?;

    match verdict.into_inner() {
        LATE => Err(Failure::new(Kind::Timeout, format!("git took longer than {} s", limits.time.as_secs()))),
        LARGE => {
            let most = limits.folder.as_ref().map_or(0, |folder| folder.most);
            Err(Failure::new(Kind::TooBig, format!("the clone has more than {} MiB", most >> 20)))
        }
        _ if printed.len() as u64 > limits.output => {
            Err(Failure::new(Kind::TooBig, format!("git printed more than {} bytes", limits.output)))
        }
        _ => Ok(Ended { printed, said, well: status.map_err(cannot)?.success() }),
    }
}

const FINE: u8 = 0;
const LATE: u8 = 1;
const LARGE: u8 = 2;

/// Ends the group when its time is over or its folder is too large; returns when the child has ended.
fn watch(group: &Group, limits: &Limits, ended: &Receiver<()>, verdict: &AtomicU8) {
    let end = Instant::now() + limits.time;
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        let pause = if limits.folder.is_some() { rest.min(GLANCE) } else { rest };
        match ended.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
        let is_large = limits.folder.as_ref().is_some_and(|folder| size(&folder.path) > folder.most);
        let why = if is_large {
            LARGE
        } else if rest <= pause {
            LATE
        } else {
            continue;
        };
        verdict.store(why, Ordering::SeqCst);
        group.kill();
        return;
    }
}

/// The bytes of all files in a folder; what cannot be read, or is gone by now, counts nothing.
fn size(folder: &std::path::Path) -> u64 {
    let mut open = vec![folder.to_owned()];
    let mut sum = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) => sum += metadata.len(),
                Err(_) => {}
            }
        }
    }
    sum
}

/// A child and all that it started.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        Self { leader: i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(unix)]
    fn kill(&self) {
        if let Some(leader) = self.leader {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }

    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self {}
    }

    /// Without groups there is nothing that ends a child from another thread; the limits of git itself remain.
    #[cfg(not(unix))]
    fn kill(&self) {}
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration, output: u64) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(&mut command, Some(b"input"), &Limits { time, output, folder: None })
    }

    #[test]
    fn a_child_is_heard_and_ended() {
        let long = Duration::from_mins(1);
        assert_eq!(shell("cat", long, 100).expect("it ends"), b"input");
        assert_eq!(shell("yes", long, 1000).expect_err("endless").kind, Kind::TooBig);
        assert_eq!(shell("echo 'fatal: repository not found' >&2; exit 3", long, 9).expect_err("it fails").kind, Kind::Gone);
        let start = Instant::now();
        // The grandchild keeps the pipes open; it ends with its group.
        let late = shell("sleep 50 & sleep 50", Duration::from_millis(200), 9).expect_err("too long");
        assert_eq!(late.kind, Kind::Timeout);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_folder_that_grows_ends_its_child() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "head -c 300000 /dev/zero > \"$0/x\"; sleep 50"]).arg(folder.path());
        let folder = Some(Watched { path: folder.path().to_owned(), most: 200_000 });
        let limits = Limits { time: Duration::from_mins(1), output: 9, folder };
        assert_eq!(run(&mut command, None, &limits).expect_err("large").kind, Kind::TooBig);
    }
}
