//! A bar for runs that take longer than a person likes to wait without a sign.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter runs have no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts files or repositories; draws on standard error once the run has lasted a second, if a person looks at it.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    wanted: bool,
}

impl Progress {
    /// For `files` files. `wanted`: whether standard error is a terminal and the user does not ask for silence.
    pub fn new(files: usize, wanted: bool) -> Self {
        Self::with("{wide_bar} {pos}/{len} files", files, wanted)
    }

    /// For repositories, with the time that is left.
    pub fn of_repositories(count: usize, wanted: bool) -> Self {
        Self::with("{wide_bar} {pos}/{len} repositories, {eta} left", count, wanted)
    }

    fn with(template: &str, count: usize, wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template(template).expect("the template is right");
        Self { bar: bar.with_style(style), start: Instant::now(), wanted }
    }

    /// One more file is done.
    pub fn step(&mut self) {
        self.bar.inc(1);
        if self.wanted && self.start.elapsed() >= PATIENCE {
            self.wanted = false;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Prints something while no bar is in the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
