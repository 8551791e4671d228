//! `mlfix._mlfix`: what the Python package needs of mlfix, as bytes, texts and numbers. What its users see is `mlfix/`.
//!
//! Nothing here holds Python's lock while it works, and nothing that is wrong with a text or a repository is an exception.

use pyo3::prelude::pymodule;

mod aside;
mod fix;
mod scan;

/// The native half of `mlfix`.
#[pymodule]
mod _mlfix {
    #[pymodule_export]
    use super::fix::Fixer;
    #[pymodule_export]
    use super::scan::{Run, Scanner, campaign};
    use pyo3::prelude::*;

    use super::aside;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        aside::quiet();
        module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
        module.add("SECRETS", ::mlfix::fleet::secrets().into_iter().collect::<Vec<_>>())
    }
}
