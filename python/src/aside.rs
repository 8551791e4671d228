//! Work on a thread of its own: with a stack for deep trees, without Python's lock, and so that Ctrl-C is heard.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use ::mlfix::walk::STACK;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

const NAME: &str = "mlfix-python";
/// How often Python is asked whether somebody pressed Ctrl-C.
const SIGN: Duration = Duration::from_millis(100);

/// Does some work. The thread ends with it, so a process that was forked never waits for a thread that it does not have.
///
/// When a signal handler of Python raises, `stop` is called, and the exception is passed on as soon as the work is over.
pub(crate) fn aside<R: Send>(py: Python<'_>, stop: impl Fn(), work: impl FnOnce() -> R + Send) -> PyResult<R> {
    let end = End::default();
    std::thread::scope(|scope| {
        let thread = Builder::new().name(NAME.to_owned()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, || {
            let _end = Ending(&end);
            work()
        })?;
        let mut raised = None;
        while !py.detach(|| end.wait(SIGN)) {
            if raised.is_none()
                && let Err(exception) = py.check_signals()
            {
                stop();
                raised = Some(exception);
            }
        }
        let result = thread.join().map_err(|_| PyRuntimeError::new_err("mlfix made a mistake (a panic)"));
        raised.map_or(result, Err)
    })
}

/// A panic of these threads is caught, and said where its cause is known; the default message would say it twice.
pub(crate) fn quiet() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(NAME) {
            usual(panic);
        }
    }));
}

#[derive(Default)]
struct End {
    is_there: Mutex<bool>,
    bell: Condvar,
}

impl End {
    /// Whether it came within this time.
    fn wait(&self, time: Duration) -> bool {
        let is_there = self.is_there.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(is_there, time, |is_there| !*is_there);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Rings when it is dropped, which a panic does, too.
struct Ending<'e>(&'e End);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        *self.0.is_there.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.bell.notify_one();
    }
}
