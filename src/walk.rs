//! From the paths of the command line to the files to work on, in order.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use ignore::{DirEntry, WalkBuilder};

use crate::config::Configs;
use crate::engine::driver::Settings;
use crate::engine::transform::FileKind;
use crate::write::{Cause, Interrupt, Root, resolve_named};

mod ignoring;
mod ordered;

pub(crate) use ordered::WORKER;
pub use ordered::{STACK, in_order};

/// Larger files are skipped: 4 MiB. Byte offsets are stored in 32 bits, and such files are data.
pub const MAX_FILE_SIZE: u64 = 4 << 20;

/// Folders that hold no code of anyone: of version control and of tools.
const HIDDEN_FOLDERS: &[&str] = &[
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".jj",
    ".mlfix_cache",
    ".mypy_cache",
    ".nox",
    ".pixi",
    ".pyenv",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    "__pycache__",
];
/// Folders that hold code of others, installed or copied.
const FOREIGN_FOLDERS: &[&str] = &[
    ".venv",
    "__pypackages__",
    "_vendor",
    "_vendored",
    "node_modules",
    "site-packages",
    "third-party",
    "third_party",
    "vendor",
    "vendored",
    "venv",
];
/// Endings of modules that the protocol buffer compiler writes.
const GENERATED_NAMES: &[&str] = &["_pb2.py", "_pb2_grpc.py", "_pb2.pyi", "_pb2_grpc.pyi"];

/// One file to work on.
#[derive(Clone)]
pub struct Item {
    /// The folder that nothing is read or written outside of.
    pub root: Arc<Root>,
    /// Where the file is beneath it.
    pub relative: PathBuf,
    /// The path that the user sees: relative to the working folder where it lies beneath it.
    pub shown: PathBuf,
    /// Whether it stands on the command line itself.
    pub named: bool,
    /// Module or stub.
    pub kind: FileKind,
    /// What to look for.
    pub settings: Arc<Settings>,
}

impl Item {
    /// The absolute path without links. It is not kept, because a tree may hold a million files.
    pub fn real(&self) -> PathBuf {
        self.root.real().join(&self.relative)
    }
}

/// A file or folder that was found and left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The path that the user sees.
    pub shown: PathBuf,
    /// Why.
    pub because: &'static str,
    /// Whether it stands on the command line itself.
    pub named: bool,
}

/// What the paths of the command line come to.
#[derive(Default)]
pub struct Found {
    /// The files to work on: each once, sorted by the path that the user sees.
    pub items: Vec<Item>,
    /// What was left out, sorted. What `.gitignore` hides is not in it.
    pub left_out: Vec<LeftOut>,
    /// What could not be read, as sentences.
    pub errors: Vec<String>,
}

/// Finds the files. Stops early when the user asks for it.
///
/// # Errors
/// When a configuration file is wrong; nothing is worked on then. Whatever else cannot be read is in [`Found::errors`].
pub fn find(paths: &[PathBuf], configs: &Arc<Configs>, interrupt: &Interrupt) -> anyhow::Result<Found> {
    let working = std::env::current_dir().and_then(|folder| folder.canonicalize());
    let working = working.context("cannot tell the working folder")?;
    // What is walked once is met once.
    let places = (paths.len() > 1).then(HashMap::new);
    let mut finder = Finder { configs, interrupt, working, places, found: Found::default() };
    for path in paths {
        if path.is_dir() { finder.walk(path)? } else { finder.name(path)? }
    }
    let mut found = finder.found;
    found.items.sort_unstable_by(|a, b| a.shown.cmp(&b.shown));
    found.left_out.sort();
    found.left_out.dedup();
    found.errors.sort();
    found.errors.dedup();
    Ok(found)
}

struct Finder<'a> {
    configs: &'a Arc<Configs>,
    interrupt: &'a Interrupt,
    working: PathBuf,
    /// The index of each file by its real path, so that none is worked on twice; None when that cannot happen.
    places: Option<HashMap<PathBuf, usize>>,
    found: Found,
}

impl Finder<'_> {
    fn name(&mut self, path: &Path) -> anyhow::Result<()> {
        match resolve_named(path) {
            Ok((root, relative)) => {
                let real = root.real().join(&relative);
                let shown = self.shown(&real, path);
                if self.configs.excludes(&real)? {
                    self.found.left_out.push(LeftOut { shown, because: "excluded", named: true });
                    return Ok(());
                }
                self.add(Arc::new(root), relative, &real, shown, true)
            }
            Err(error) => {
                self.found.errors.push(format!("cannot read {}: {error}", path.display()));
                Ok(())
            }
        }
    }

    fn walk(&mut self, path: &Path) -> anyhow::Result<()> {
        let root = match Root::open(path) {
            Ok(root) => Arc::new(root),
            Err(error) => {
                self.found.errors.push(format!("cannot read {}: {}", path.display(), Cause(&error)));
                return Ok(());
            }
        };
        if self.configs.excludes(root.real())? {
            let shown = self.shown(root.real(), path);
            self.found.left_out.push(LeftOut { shown, because: "excluded", named: true });
            return Ok(());
        }
        // What is above the root says what to ignore, too.
        let root_is_odd = root.real().ancestors().any(|folder| self.cannot_say_what_to_ignore(folder, &root, path));
        let mut odd = self.walk_beneath(&root, path, root.real(), !root_is_odd)?;
        while let Some(folder) = odd.pop() {
            self.cannot_say_what_to_ignore(&folder, &root, path);
            odd.extend(self.walk_beneath(&root, path, &folder, false)?);
        }
        Ok(())
    }

    /// Whether a file of this folder that says what to ignore cannot be read; then it is an error, too.
    fn cannot_say_what_to_ignore(&mut self, folder: &Path, root: &Root, given: &Path) -> bool {
        let Some((file, because)) = ignoring::unreadable(folder) else { return false };
        let shown = match file.strip_prefix(root.real()) {
            Ok(relative) => self.shown(&file, &given.join(relative)),
            Err(_) => file,
        };
        let name = shown.display();
        self.found.errors.push(format!("cannot read {name}: {because}; in that folder nothing is ignored"));
        true
    }

    /// Walks a folder of `root`. With `ignoring`, what `.gitignore` and its like name is left out, and folders in which
    /// such a file cannot be read are left for another walk: they are returned.
    fn walk_beneath(&mut self, root: &Arc<Root>, path: &Path, start: &Path, ignoring: bool) -> anyhow::Result<Vec<PathBuf>> {
        let pruned: Arc<Mutex<Vec<(PathBuf, &'static str)>>> = Arc::default();
        let odd: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
        let failure: Arc<Mutex<Option<anyhow::Error>>> = Arc::default();
        let filter = {
            let (configs, pruned, failure) = (Arc::clone(self.configs), Arc::clone(&pruned), Arc::clone(&failure));
            let odd = Arc::clone(&odd);
            move |entry: &DirEntry| match why_pruned(entry, &configs) {
                Ok(None) => {
                    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
                    let is_odd = ignoring && is_folder && entry.depth() > 0 && ignoring::unreadable(entry.path()).is_some();
                    if is_odd {
                        lock(&odd).push(entry.path().to_owned());
                    }
                    !is_odd
                }
                Ok(Some(Pruned::InSilence)) => false,
                Ok(Some(Pruned::Because(because))) => {
                    lock(&pruned).push((entry.path().to_owned(), because));
                    false
                }
                Err(error) => {
                    lock(&failure).get_or_insert(error);
                    false
                }
            }
        };
        let mut walk = WalkBuilder::new(start);
        walk.standard_filters(ignoring).hidden(false);
        // Without a repository `.gitignore` counts too, as for the tools that users know.
        walk.require_git(false).filter_entry(filter);
        for entry in walk.build() {
            if self.interrupt.is_set() {
                break;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let said = self.walk_error(&error, root, path);
                    self.found.errors.push(said);
                    continue;
                }
            };
            let kind = entry.file_type();
            if kind.is_none_or(|kind| kind.is_dir()) {
                continue;
            }
            let real = entry.path().to_owned();
            let relative = real.strip_prefix(root.real()).expect("a walk stays beneath its root").to_owned();
            let shown = self.shown(&real, &path.join(&relative));
            if !kind.is_some_and(|kind| kind.is_file()) {
                // What a link leads to is met under its own name; a FIFO or a device holds no program.
                if has_python_name(&real) {
                    let is_link = kind.is_some_and(|kind| kind.is_symlink());
                    let because = if is_link { "symbolic link" } else { "not a regular file" };
                    self.found.left_out.push(LeftOut { shown, because, named: false });
                }
                continue;
            }
            if !is_python(&real) {
                continue;
            }
            if has_generated_name(&real) {
                self.found.left_out.push(LeftOut { shown, because: "generated", named: false });
                continue;
            }
            self.add(Arc::clone(root), relative, &real, shown, false)?;
        }
        if let Some(error) = lock(&failure).take() {
            return Err(error);
        }
        for (real, because) in std::mem::take(&mut *lock(&pruned)) {
            let relative = real.strip_prefix(root.real()).expect("a walk stays beneath its root");
            let shown = self.shown(&real, &path.join(relative));
            self.found.left_out.push(LeftOut { shown, because, named: false });
        }
        Ok(std::mem::take(&mut *lock(&odd)))
    }

    fn add(&mut self, root: Arc<Root>, relative: PathBuf, real: &Path, shown: PathBuf, named: bool) -> anyhow::Result<()> {
        if let Some(places) = &mut self.places {
            if let Some(&known) = places.get(real) {
                let known = &mut self.found.items[known];
                known.named |= named;
                if shown < known.shown {
                    known.shown = shown;
                }
                return Ok(());
            }
            places.insert(real.to_owned(), self.found.items.len());
        }
        let settings = self.configs.settings(real)?;
        let kind = kind_of(real);
        self.found.items.push(Item { root, relative, shown, named, kind, settings });
        Ok(())
    }

    fn shown(&self, real: &Path, given: &Path) -> PathBuf {
        match real.strip_prefix(&self.working) {
            Ok(relative) if relative.as_os_str().is_empty() => PathBuf::from("."),
            Ok(relative) => relative.to_owned(),
            Err(_) => given.to_owned(),
        }
    }

    fn walk_error(&self, error: &ignore::Error, root: &Root, given: &Path) -> String {
        let mut inner = error;
        let mut path = None;
        loop {
            inner = match inner {
                ignore::Error::WithPath { path: at, err } => {
                    path = Some(at);
                    err
                }
                ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => err,
                ignore::Error::Io(cause) => {
                    let real = path.map_or(root.real(), PathBuf::as_path);
                    let relative = real.strip_prefix(root.real()).unwrap_or(Path::new(""));
                    // The walk's own text names the path once more, and the whole of it.
                    let cause = std::io::Error::from(cause.kind());
                    return format!("cannot read {}: {}", self.shown(real, &given.join(relative)).display(), Cause(&cause));
                }
                _ => return error.to_string(),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Module or stub, by the name.
pub fn kind_of(path: &Path) -> FileKind {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("pyi") => FileKind::Stub,
        _ => FileKind::Module,
    }
}

/// That an entry of a walk is not looked at.
enum Pruned {
    /// Nobody would expect otherwise.
    InSilence,
    /// Worth a word.
    Because(&'static str),
}

/// Whether an entry of a walk is looked at. What the user named is never pruned.
fn why_pruned(entry: &DirEntry, configs: &Configs) -> anyhow::Result<Option<Pruned>> {
    if entry.depth() == 0 {
        return Ok(None);
    }
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    if is_folder {
        match entry.file_name().to_str() {
            Some(name) if HIDDEN_FOLDERS.contains(&name) => return Ok(Some(Pruned::InSilence)),
            Some(name) if FOREIGN_FOLDERS.contains(&name) => return Ok(Some(Pruned::Because("code of others"))),
            _ => {}
        }
        if entry.path().join("pyvenv.cfg").exists() {
            return Ok(Some(Pruned::Because("virtual environment")));
        }
    } else if !has_python_name(entry.path()) && entry.path().extension().is_some() {
        return Ok(None);
    }
    Ok(configs.excludes(entry.path())?.then_some(Pruned::Because("excluded")))
}

/// What a walk would make of a path beneath its start, told from its names alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByName {
    /// A Python file of the project.
    Python,
    /// A Python file that is left out.
    LeftOut(&'static str),
    /// Something else.
    Other,
}

/// The same as a walk does with what it meets; for files that lie in no folder.
pub fn by_name(path: &Path) -> ByName {
    if !has_python_name(path) {
        return ByName::Other;
    }
    let folders = || path.parent().into_iter().flat_map(Path::iter).filter_map(|name| name.to_str());
    if folders().any(|name| HIDDEN_FOLDERS.contains(&name)) {
        ByName::Other
    } else if folders().any(|name| FOREIGN_FOLDERS.contains(&name)) {
        ByName::LeftOut("code of others")
    } else if has_generated_name(path) {
        ByName::LeftOut("generated")
    } else {
        ByName::Python
    }
}

fn has_python_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["py", "pyi", "pyw"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

fn is_python(path: &Path) -> bool {
    has_python_name(path) || (path.extension().is_none() && has_python_shebang(path))
}

fn has_python_shebang(path: &Path) -> bool {
    let mut start = [0; 128];
    // What cannot be read is not known to be Python.
    let read = File::open(path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
    is_python_shebang(&start[..read])
}

fn is_python_shebang(start: &[u8]) -> bool {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(command) = line.strip_prefix(b"#!") else { return false };
    command.split(|byte| matches!(byte, b' ' | b'\t' | b'/' | b'\r')).any(|word| {
        word.strip_prefix(b"python").is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
    })
}

fn has_generated_name(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| GENERATED_NAMES.iter().any(|ending| name.ends_with(ending)))
}

/// Whether a comment in the first ten lines says that a program wrote this file.
///
/// "Text generated by the model" in the comment of a program is no such sign: the sentence must be about the file.
pub fn says_generated(bytes: &[u8]) -> bool {
    let lines = bytes.split(|&byte| byte == b'\n').take(10);
    lines.filter_map(|line| line.trim_ascii_start().strip_prefix(b"#")).any(|comment| {
        let text = String::from_utf8_lossy(comment).to_lowercase();
        let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '@');
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let of_the_file = text.starts_with("this ") || text.starts_with("the following ");
        text.starts_with("generated by ")
            || text.contains("@generated")
            || text.contains("do not edit")
            || ["auto-generated", "autogenerated", "automatically generated", "auto generated"]
                .iter()
                .any(|word| text.starts_with(word) || (of_the_file && text.contains(word)))
            || (of_the_file && [" is generated by ", " was generated by "].iter().any(|word| text.contains(word)))
    })
}

#[cfg(test)]
mod tests;
