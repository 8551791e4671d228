//! Texts: one, or a column of a table.

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ::mlfix::config::{Configs, Overrides, Patterns, split, transform};
use ::mlfix::engine::driver::{self, Mode, Trouble};
use ::mlfix::engine::version::PythonVersion;
use ::mlfix::report::json;
use ::mlfix::report::summary::Tally;
use ::mlfix::walk::{ByName, MAX_FILE_SIZE, by_name, kind_of, says_generated};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyFloat, PyString};

use crate::aside::aside;

/// Where paths of texts are relative to: a place that no file system has anything to do with.
const ROOT: &str = "/";

/// Fixes texts. It remembers compiled queries, and threads may share it.
#[pyclass(frozen, module = "mlfix._mlfix")]
pub(crate) struct Fixer {
    configs: Configs,
}

#[pymethods]
impl Fixer {
    #[new]
    fn new(
        select: Vec<String>,
        ignore: Vec<String>,
        exclude: Vec<String>,
        unsafe_fixes: bool,
        target_version: Option<String>,
        config: Option<PathBuf>,
    ) -> PyResult<Self> {
        let root = Path::new(ROOT);
        let exclude = globs(&exclude);
        let patterns = Patterns::new(root, &exclude).map_err(|error| wrong("exclude", &error))?;
        let overrides = Overrides {
            select: if select.is_empty() { None } else { Some(ids("select", &select)?) },
            ignore: ids("ignore", &ignore)?,
            exclude: (!exclude.is_empty()).then_some(patterns),
            target: version(target_version)?,
            unsafe_fixes,
            config,
            // The files beside a text are on another machine, if there are any.
            isolated: true,
        };
        let configs = Configs::new(overrides, root).map_err(|error| PyValueError::new_err(format!("{error:#}")))?;
        Ok(Self { configs })
    }

    /// Fixes texts; one tuple for each, of status, reason, findings as JSON, and the new text where it is another.
    ///
    /// `named`: these are texts that somebody chose one by one, so generated code and code of others is no exception.
    /// `as_text`: bytes come from a column of text, so they must be UTF-8.
    fn fix<'py>(
        &self,
        py: Python<'py>,
        sources: Vec<Bound<'py, PyAny>>,
        paths: Option<Vec<Bound<'py, PyAny>>>,
        named: bool,
        as_text: bool,
    ) -> PyResult<Vec<Told<'py>>> {
        if paths.as_ref().is_some_and(|paths| paths.len() != sources.len()) {
            return Err(PyValueError::new_err("there are not as many paths as texts"));
        }
        let cells: Vec<Cell> = sources.iter().map(Cell::new).collect();
        let paths: Option<Vec<Option<PathBuf>>> = paths.map(|paths| paths.iter().map(path_of).collect());
        let stop = AtomicBool::new(false);
        let work = || {
            let all = cells.iter().enumerate().map(|(index, cell)| {
                if stop.load(Ordering::Relaxed) {
                    return Row::default();
                }
                let path = match &paths {
                    None => Where::Unknown,
                    Some(paths) => paths[index].as_deref().map_or(Where::Missing, Where::At),
                };
                let one = || self.one(cell, path, named, as_text);
                catch_unwind(AssertUnwindSafe(one)).unwrap_or_else(|_| Row::because("failed", "mlfix made a mistake (a panic)"))
            });
            all.collect::<Vec<Row>>()
        };
        let rows = aside(py, || stop.store(true, Ordering::Relaxed), work)?;
        Ok(rows.into_iter().zip(&cells).map(|(row, cell)| row.told(py, cell)).collect())
    }
}

impl Fixer {
    fn one(&self, cell: &Cell, path: Where<'_>, named: bool, as_text: bool) -> Row {
        let skipped = |because: &str| Row::because("skipped", because);
        let bytes = match cell {
            Cell::Null => return skipped("null"),
            Cell::Strange(because) => return skipped(because),
            Cell::Bytes(bytes) => &bytes[..],
            Cell::Text(text) => text.as_bytes(),
        };
        if bytes.len() as u64 > MAX_FILE_SIZE {
            return skipped(&format!("larger than {} MiB", MAX_FILE_SIZE >> 20));
        }
        if as_text && std::str::from_utf8(bytes).is_err() {
            return skipped("a text that is not UTF-8");
        }
        let path = match path {
            // It is Python if nobody says otherwise.
            Where::Unknown => None,
            Where::Missing => return skipped("it has no path"),
            Where::At(path) => Some(path),
        };
        if let (Some(path), false) = (path, named) {
            match by_name(path) {
                ByName::Python => {}
                ByName::Other => return skipped("not Python"),
                ByName::LeftOut(because) => return skipped(because),
            }
        }
        if !named && says_generated(bytes) {
            return skipped("generated");
        }
        let place = Path::new(ROOT).join(path.unwrap_or(Path::new("-.py")));
        let settings = match self.configs.excludes(&place).and_then(|excludes| Ok((excludes, self.configs.settings(&place)?))) {
            Err(error) => return Row::because("failed", &format!("{error:#}")),
            Ok((true, _)) => return skipped("excluded"),
            Ok((false, settings)) => settings,
        };
        let mut report = driver::run(bytes.to_vec(), kind_of(&place), &settings, Mode::Fix);
        let tally = Tally::of(&report, false, report.fixed.is_some());
        let entry = json::file("", &report, None, false, report.fixed.is_some());
        let findings = entry.map(|mut entry| entry["findings"].take());
        Row {
            status: tally.classes.keys().next().copied().unwrap_or("clean"),
            because: report.trouble.take().map(|(Trouble::Skipped(because) | Trouble::Failed(because))| because),
            findings: findings
                .filter(|findings| findings.as_array().is_some_and(|all| !all.is_empty()))
                .map(|findings| findings.to_string()),
            text: report.fixed,
        }
    }
}

/// Where a text was found.
enum Where<'p> {
    /// There is no column of paths.
    Unknown,
    /// There is one, and nothing in it that is a path.
    Missing,
    At(&'p Path),
}

/// What one text came to.
#[derive(Default)]
struct Row {
    status: &'static str,
    because: Option<String>,
    findings: Option<String>,
    text: Option<Vec<u8>>,
}

type Told<'py> = (&'static str, Option<String>, Option<String>, Option<Bound<'py, PyAny>>);

impl Row {
    fn because(status: &'static str, because: &str) -> Self {
        Self { status, because: Some(because.to_owned()), ..Self::default() }
    }

    /// The new text is what the old one was: bytes or text.
    fn told<'py>(self, py: Python<'py>, cell: &Cell) -> Told<'py> {
        let text = self.text.map(|text| match (cell, std::str::from_utf8(&text)) {
            (Cell::Text(_), Ok(text)) => PyString::new(py, text).into_any(),
            _ => PyBytes::new(py, &text).into_any(),
        });
        (self.status, self.because, self.findings, text)
    }
}

/// What stands in a column.
enum Cell {
    Null,
    Bytes(PyBackedBytes),
    Text(PyBackedStr),
    /// Neither bytes nor text, and why.
    Strange(String),
}

impl Cell {
    fn new(cell: &Bound<'_, PyAny>) -> Self {
        if cell.is_none() || cell.cast::<PyFloat>().is_ok_and(|number| number.value().is_nan()) {
            return Self::Null;
        }
        if let Ok(bytes) = cell.extract() {
            return Self::Bytes(bytes);
        }
        if cell.is_instance_of::<PyString>() {
            // A `str` may hold halves of characters, for which there are no bytes.
            return cell.extract().map_or_else(|_| Self::Strange("a text that is not Unicode".to_owned()), Self::Text);
        }
        let kind = cell.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        // Pandas has an object for what is missing.
        if kind == "NAType" { Self::Null } else { Self::Strange(format!("neither bytes nor text but `{kind}`")) }
    }
}

/// What a path says of a text: its name, and the folders. Nothing where it is no path.
fn path_of(path: &Bound<'_, PyAny>) -> Option<PathBuf> {
    match Cell::new(path) {
        Cell::Bytes(bytes) => Some(from_bytes(&bytes)),
        Cell::Text(text) => Some(PathBuf::from(&*text)),
        Cell::Null | Cell::Strange(_) => path.extract().ok(),
    }
}

#[cfg(unix)]
fn from_bytes(path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(OsStr::from_bytes(path))
}

#[cfg(not(unix))]
fn from_bytes(path: &[u8]) -> PathBuf {
    PathBuf::from(&*String::from_utf8_lossy(path))
}

/// The transforms that an option names.
pub(crate) fn ids(option: &str, names: &[String]) -> PyResult<Vec<&'static str>> {
    let id = |name: &String| transform(name.trim()).map(|transform| transform.meta().id);
    names.iter().map(id).collect::<Result<_, _>>().map_err(|error| wrong(option, &error))
}

/// The patterns of `exclude`. A comma may also stand in a pattern.
pub(crate) fn globs(texts: &[String]) -> Vec<String> {
    texts.iter().flat_map(|text| split(text)).collect()
}

/// The version that an option names.
pub(crate) fn version(text: Option<String>) -> PyResult<Option<PythonVersion>> {
    text.map(|text| text.parse()).transpose().map_err(|error: String| wrong("target_version", &error))
}

fn wrong(option: &str, error: &str) -> PyErr {
    PyValueError::new_err(format!("{option}: {error}"))
}
