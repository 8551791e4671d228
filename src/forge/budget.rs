//! How many requests that create something there may be, and when the next one may go out.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::write::Interrupt;

/// The time, so that tests need not wait for it.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> u64;
    /// Waits; false when the user did not want to any longer.
    fn sleep(&self, time: Duration) -> bool;
}

/// The clock of the machine.
#[derive(Clone, Debug, Default)]
pub struct SystemClock {
    interrupt: Interrupt,
}

impl SystemClock {
    /// A clock whose pauses end when the user interrupts.
    pub fn new(interrupt: Interrupt) -> Self {
        Self { interrupt }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
    }

    fn sleep(&self, time: Duration) -> bool {
        let slice = Duration::from_millis(100);
        let mut left = time;
        while !left.is_zero() && !self.interrupt.is_set() {
            std::thread::sleep(left.min(slice));
            left = left.saturating_sub(slice);
        }
        !self.interrupt.is_set()
    }
}

/// How many creating requests a forge takes.
///
/// GitHub's documentation ("Rate limits for the REST API") says at most 80 a minute and 500 an hour, one after the other
/// and a second apart; the default stays below. GitHub Enterprise has no limits unless its administrator sets some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// In any 60 seconds.
    pub per_minute: u32,
    /// In any 60 minutes.
    pub per_hour: u32,
    /// Between two of them.
    pub gap: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { per_minute: 60, per_hour: 450, gap: Duration::from_secs(1) }
    }
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;

/// What was spent of a [`Pace`]. Kept in a file, so that a run that goes on keeps to it too.
#[derive(Debug)]
pub struct Budget {
    pace: Pace,
    file: Option<PathBuf>,
    spent: Mutex<Spent>,
    waited: Mutex<Duration>,
}

/// Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    /// When creating requests went out, in the last hour.
    sent: VecDeque<u64>,
    /// Nothing goes out before this.
    pause: u64,
}

impl Spent {
    /// When the next request may go out, if nothing else happens; never before `now`.
    fn next(&self, pace: Pace, now: u64) -> u64 {
        let window = |count: u32, length: u64| {
            let count = count.max(1) as usize;
            let first = self.sent.len().checked_sub(count).and_then(|index| self.sent.get(index));
            first.map_or(0, |first| first + length)
        };
        let gap = self.sent.back().map_or(0, |last| last + pace.gap.as_millis() as u64);
        [now, self.pause, gap, window(pace.per_minute, MINUTE), window(pace.per_hour, HOUR)].into_iter().max().unwrap_or(now)
    }

    fn spend(&mut self, now: u64) {
        self.sent.retain(|sent| sent + HOUR > now);
        self.sent.push_back(now);
    }
}

impl Budget {
    /// A budget of which nothing was spent.
    pub fn new(pace: Pace) -> Self {
        Self { pace, file: None, spent: Mutex::default(), waited: Mutex::default() }
    }

    /// A budget that goes on where an earlier run stopped. A file that cannot be read counts as none.
    pub fn kept_in(pace: Pace, file: &Path, clock: &dyn Clock) -> Self {
        let text = fs::read(file).unwrap_or_default();
        let mut spent: Spent = serde_json::from_slice(&text).unwrap_or_default();
        // A file from a machine whose clock was wrong must not stop everything for years.
        let now = clock.now();
        spent.sent.retain(|sent| *sent <= now);
        spent.pause = spent.pause.min(now + 2 * HOUR);
        Self { pace, file: Some(file.to_owned()), spent: Mutex::new(spent), waited: Mutex::default() }
    }

    /// Waits for the turn of a creating request, and counts it; false when the user interrupted.
    pub fn take(&self, clock: &dyn Clock) -> bool {
        if !self.wait(clock, |spent, now| spent.next(self.pace, now)) {
            return false;
        }
        self.change(|spent| spent.spend(clock.now()));
        true
    }

    /// Waits while the forge wants silence, also for requests that create nothing.
    pub fn keep_silent(&self, clock: &dyn Clock) -> bool {
        self.wait(clock, |spent, _| spent.pause)
    }

    fn wait(&self, clock: &dyn Clock, until: impl Fn(&Spent, u64) -> u64) -> bool {
        loop {
            let now = clock.now();
            let until = until(&self.spent.lock().expect("nobody panics while holding it"), now);
            if until <= now {
                return true;
            }
            let rest = Duration::from_millis(until - now);
            if !clock.sleep(rest) {
                return false;
            }
            *self.waited.lock().expect("nobody panics while holding it") += rest;
        }
    }

    /// The forge wants silence for this long.
    pub fn pause(&self, clock: &dyn Clock, time: Duration) {
        let until = clock.now() + time.as_millis() as u64;
        self.change(|spent| spent.pause = spent.pause.max(until));
    }

    /// How long this process has waited for its turn.
    pub fn waited(&self) -> Duration {
        *self.waited.lock().expect("nobody panics while holding it")
    }

    /// How long so many creating requests take, if they come as fast as they may and each takes `each` by itself.
    pub fn estimate(&self, clock: &dyn Clock, requests: usize, each: Duration) -> Duration {
        let mut spent = self.spent.lock().expect("nobody panics while holding it").clone();
        let start = clock.now();
        let mut now = start;
        for _ in 0..requests {
            now = spent.next(self.pace, now);
            spent.spend(now);
            now += each.as_millis() as u64;
        }
        Duration::from_millis(now - start)
    }

    fn change(&self, change: impl FnOnce(&mut Spent)) {
        let mut spent = self.spent.lock().expect("nobody panics while holding it");
        change(&mut spent);
        if let Some(file) = &self.file {
            // A budget that cannot be kept is kept in memory; the forge still says when it has enough.
            let part = file.with_extension("part");
            let text = serde_json::to_vec(&*spent).expect("numbers are JSON");
            let _ = fs::write(&part, text).and_then(|()| fs::rename(&part, file));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A clock that nobody has to wait for.
    #[derive(Debug)]
    pub(crate) struct Virtual(Mutex<u64>);

    impl Default for Virtual {
        fn default() -> Self {
            Self(Mutex::new(1_700_000_000_000))
        }
    }

    impl Clock for Virtual {
        fn now(&self) -> u64 {
            *self.0.lock().expect("nobody panics")
        }

        fn sleep(&self, time: Duration) -> bool {
            *self.0.lock().expect("nobody panics") += time.as_millis() as u64;
            true
        }
    }

    #[test]
    fn never_more_than_the_pace_allows() {
        let clock = Virtual::default();
        let budget = Budget::new(Pace::default());
        let guess = budget.estimate(&clock, 2000, Duration::ZERO);
        let start = clock.now();
        let times: Vec<u64> = (0..2000)
            .map(|_| {
                assert!(budget.take(&clock));
                clock.now()
            })
            .collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1000));
        assert!(times.windows(61).all(|span| span[60] - span[0] >= MINUTE));
        assert!(times.windows(451).all(|span| span[450] - span[0] >= HOUR));
        assert_eq!(guess.as_millis() as u64, clock.now() - start);
        assert!((4 * HOUR..5 * HOUR).contains(&(clock.now() - start)), "450 at once, then 450 an hour");
    }

    #[test]
    fn a_pause_and_what_was_spent_outlive_the_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("budget.json");
        let clock = Virtual::default();
        let pace = Pace { per_minute: 5, ..Pace::default() };
        let first = Budget::kept_in(pace, &file, &clock);
        (0..5).for_each(|_| assert!(first.take(&clock)));
        let next = Budget::kept_in(pace, &file, &clock);
        let waits = next.estimate(&clock, 1, Duration::ZERO);
        assert_eq!(waits, Duration::from_secs(56), "the fifth went out 4 s after the first");
        next.pause(&clock, Duration::from_mins(10));
        let last = Budget::kept_in(pace, &file, &clock);
        assert!(last.keep_silent(&clock));
        assert_eq!(clock.now(), 1_700_000_000_000 + 4_000 + 600_000);
        fs::write(&file, "no JSON").expect("written");
        assert_eq!(Budget::kept_in(pace, &file, &clock).estimate(&clock, 1, Duration::ZERO), Duration::ZERO);
    }
}
