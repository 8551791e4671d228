//! The folder that nothing is read or written outside of.

use std::io;
use std::path::{Path, PathBuf};

use super::ReadError;
use crate::fs::{Folder, Fs, Os};

/// A folder, opened once; every file is reached from it and beneath it, whatever happens to its path meanwhile.
#[derive(Debug)]
pub struct Root {
    folder: Folder,
    path: PathBuf,
    real: PathBuf,
}

impl Root {
    /// Opens the folder that the user named. Links in `path` itself are followed, since the user chose it.
    ///
    /// # Errors
    /// Those of realpath(3) and open(2): not found, not a folder, permission denied.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let real = path.canonicalize()?;
        Ok(Self { folder: Os.root(&real)?, path: path.to_owned(), real })
    }

    /// The path as it was given; for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The absolute path without links, as it was when the folder was opened; for telling whether two files are one.
    pub fn real(&self) -> &Path {
        &self.real
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }
}

/// The root of a path of the command line, and the path beneath it: a folder is its own root (and the path empty), for
/// anything else the root is the folder that it stands in.
///
/// A file that is a symbolic link is resolved here, once, to the real file, which must lie beneath that root too.
///
/// # Errors
/// [`ReadError::LinkOutside`] for a link that leads out of its folder; otherwise what the system says of the path.
pub fn resolve_named(path: &Path) -> Result<(Root, PathBuf), ReadError> {
    let real = path.canonicalize()?;
    if real.is_dir() {
        return Ok((Root::open(path)?, PathBuf::new()));
    }
    let parent = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let root = Root::open(parent)?;
    let relative = real.strip_prefix(&root.real).map_err(|_| ReadError::LinkOutside)?;
    Ok((root, relative.to_owned()))
}
