//! How long the work on one file may take. Real files need a thousandth of it; what needs more was made to.
//!
//! Processor time of this thread counts, not time on the clock, so that a busy machine changes no result.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

/// What a file may take, however small it is. The slowest of 64,373 real files takes 0.7 s.
const LEAST: Duration = Duration::from_secs(5);
/// What a large file may take for each MiB.
const PER_MIB: Duration = Duration::from_secs(2);
/// Even a clock takes time: questions about nodes look at one once in this many times.
const SELDOM: u32 = 64;
/// Processor time is known to the kernel alone, so it is asked for no more often than this.
const PAUSE: Duration = Duration::from_millis(2);

thread_local! {
    /// The processor time of this thread at which the work ends; zero: never.
    static END: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static ASKED: Cell<u32> = const { Cell::new(0) };
    /// When the processor time was last asked for.
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How the work on a file ends when its time is over: travels as a panic's payload to [`run`](super::driver::run).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtime;

/// Sets the end for the work on a file of `bytes` bytes on this thread, and says how long that is.
pub fn start(bytes: usize) -> Duration {
    let mib = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
    // Without optimization everything takes ten times as long.
    let factor = if cfg!(debug_assertions) { 20 } else { 1 };
    let allowed = LEAST.max(PER_MIB.saturating_mul(mib)).saturating_mul(factor);
    END.set(now().saturating_add(allowed));
    LAST.set(None);
    allowed
}

/// From now on there is no end on this thread.
pub fn stop() {
    END.set(Duration::ZERO);
}

/// Whether the time is over; asks the system.
pub fn is_over() -> bool {
    let end = END.get();
    !end.is_zero() && now() >= end
}

/// Ends the work on this file when its time is over. For loops of which each round takes a while.
pub fn check() {
    if is_over() {
        give_up();
    }
}

/// The same for what is called so often that the question itself would take the time.
#[inline]
pub fn check_seldom() {
    let asked = ASKED.get().wrapping_add(1);
    ASKED.set(asked);
    if asked.is_multiple_of(SELDOM) {
        check_after_pause();
    }
}

/// Checks, unless that was done a moment ago.
fn check_after_pause() {
    let now = Instant::now();
    if LAST.get().is_none_or(|last| now - last >= PAUSE) {
        LAST.set(Some(now));
        check();
    }
}

/// Ends the work on this file.
pub fn give_up() -> ! {
    stop();
    // No message: the hook for panics does not see this one, and whoever catches it says what happened.
    resume_unwind(Box::new(Overtime))
}

#[cfg(target_os = "linux")]
fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn now() -> Duration {
    thread_local!(static START: Instant = Instant::now());
    // Never zero, which stands for no end.
    START.with(Instant::elapsed) + Duration::from_nanos(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_when_its_time_is_over_and_only_then() {
        assert!(!is_over());
        let allowed = start(3 << 20);
        assert!(allowed >= Duration::from_secs(6) && !is_over());
        END.set(Duration::from_nanos(1));
        LAST.set(None);
        let end = std::panic::catch_unwind(|| (0..SELDOM).for_each(|_| check_seldom())).expect_err("it is over");
        assert_eq!(end.downcast_ref(), Some(&Overtime));
        // The next file on this thread starts anew.
        assert!(!is_over());
    }
}
