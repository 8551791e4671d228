//! What holds of every input. Each function is one fuzz target: it takes any bytes and panics when the promise is broken.
#![forbid(unsafe_code)]

mod config;
mod edits;
mod fix;
mod patch;
mod reindent;
mod skim;

pub use config::config;
pub use edits::edits;
pub use fix::fix;
pub use patch::patch;
pub use reindent::reindent;
pub use skim::skim;

/// The targets, in the order in which [`all`] counts them. `run.py` knows the same order.
const TARGETS: [fn(&[u8]); 6] = [fix, reindent, skim, patch, edits, config];

/// The first byte says which target gets the rest.
pub fn all(data: &[u8]) {
    if let Some((first, rest)) = data.split_first() {
        TARGETS[usize::from(*first) % TARGETS.len()](rest);
    }
}

/// The first byte as a number below `limit`, taken away from the data; 0 when nothing is left.
fn choice(data: &mut &[u8], limit: usize) -> usize {
    let Some((first, rest)) = data.split_first() else { return 0 };
    *data = rest;
    usize::from(*first) % limit.max(1)
}
