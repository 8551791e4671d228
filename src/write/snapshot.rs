//! A file as it was at one moment: all its bytes, and what tells whether it is still the same.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use super::{Cause, Root};
use crate::fs::{Fs, Os, Refusal, Stat};

/// What was read, for [`write`](super::write()) to compare with before it replaces anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The whole content.
    pub bytes: Vec<u8>,
    /// Identity (device, inode, size, times), mode, owner, group and number of names.
    pub stat: Stat,
}

/// Reads a regular file of at most `limit` bytes, `relative` to `root`, never through a symbolic link.
///
/// Neither a FIFO nor an endless device is ever waited for: what it is gets asked of the opened file, before a byte is read.
///
/// # Errors
/// See [`ReadError`].
pub fn read(root: &Root, relative: &Path, limit: u64) -> Result<Snapshot, ReadError> {
    read_on(&Os, root, relative, limit)
}

/// Why a file was not read. The text continues a sentence such as "cannot read models/train.py: ".
#[derive(Debug)]
pub enum ReadError {
    /// A folder, FIFO, socket or device.
    NotRegular,
    /// More bytes than the limit allows.
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The most that was to be read, in bytes.
        limit: u64,
    },
    /// Someone wrote to it while it was read, so the bytes may be half of one version and half of another.
    ChangedWhileReading,
    /// The path is, or passes through, a symbolic link, or leads out of the root.
    LinkOutside,
    /// What the system said.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular => f.write_str("not a regular file"),
            Self::TooLarge { size, limit } => {
                write!(f, "too large: {size} bytes, the limit is {limit}")
            }
            Self::ChangedWhileReading => f.write_str("it changed while it was read"),
            Self::LinkOutside => f.write_str("a symbolic link leads elsewhere"),
            Self::Io(error) => Cause(error).fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match Refusal::of(&error) {
            Some(Refusal::Link) => Self::LinkOutside,
            Some(Refusal::NotRegular) => Self::NotRegular,
            None => Self::Io(error),
        }
    }
}

impl Snapshot {
    /// Whether `self`, read later, is the same file in the same state.
    ///
    /// For a file with several names the change time and the number of names do not count: writing another of its names
    /// moves both, and mlfix does that itself. Bytes, size, modification time, mode and owner do.
    pub(super) fn is_same_as(&self, earlier: &Self) -> bool {
        same_state(&earlier.stat, &self.stat) && self.bytes == earlier.bytes
    }
}

pub(super) fn read_on(fs: &dyn Fs, root: &Root, relative: &Path, limit: u64) -> Result<Snapshot, ReadError> {
    let file = fs.open(root.folder(), relative)?;
    read_file(fs, &file, limit)
}

pub(super) fn read_file(fs: &dyn Fs, file: &File, limit: u64) -> Result<Snapshot, ReadError> {
    let stat = fs.stat(file)?;
    if !stat.regular {
        return Err(ReadError::NotRegular);
    }
    let size = stat.size;
    let too_large = || ReadError::TooLarge { size, limit };
    if size > limit {
        return Err(too_large());
    }
    let expected = usize::try_from(size).map_err(|_| too_large())?;
    // One byte more than there should be, so that a file that grows is noticed (the trick is gofmt's).
    let mut bytes = vec![0; expected.checked_add(1).ok_or_else(too_large)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match fs.read(file, &mut bytes[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    // A file rewritten at the same length is told by its times.
    if filled != expected || !same_state(&stat, &fs.stat(file)?) {
        return Err(ReadError::ChangedWhileReading);
    }
    bytes.truncate(expected);
    Ok(Snapshot { bytes, stat })
}

fn same_state(earlier: &Stat, now: &Stat) -> bool {
    if earlier.links > 1 {
        let comparable = Stat { changed_ns: earlier.changed_ns, links: earlier.links, ..*now };
        comparable == *earlier
    } else {
        now == earlier
    }
}
