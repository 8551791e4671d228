//! The system calls that mlfix makes on the files that it edits, behind one trait, so that tests can fail each of them.
//!
//! Nothing here decides anything; the order of the calls and what a failure means is in [`crate::write`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Component, Path};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{Folder, Os, is_alive};

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub use portable::{Folder, Os, is_alive};

#[cfg(all(test, target_os = "linux"))]
pub(crate) mod faulty;

/// An extended attribute: its full name (`user.origin`) and its value.
pub type Xattr = (OsString, Vec<u8>);

/// One method per thing that can fail. [`Os`] is the system itself.
///
/// A `relative` path has only normal components (see [`is_plain`]); a `name` is a single one. Nothing follows a symbolic
/// link except `root`. Every error is the system's, or a [`Refusal`].
pub trait Fs: Sync {
    /// Opens the folder that the user named, links in its path included.
    fn root(&self, path: &Path) -> io::Result<Folder>;
    /// Opens a folder beneath `within`; the empty path is `within` again.
    fn folder(&self, within: &Folder, relative: &Path) -> io::Result<Folder>;
    /// Opens for reading, without waiting for a writer should it be a FIFO.
    fn open(&self, within: &Folder, relative: &Path) -> io::Result<File>;
    /// What the open file is, whatever its name means by now.
    fn stat(&self, file: &File) -> io::Result<Stat>;
    /// Reads from the file's own position; 0 is the end.
    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize>;
    /// Whether the effective user may write the file itself; renaming over it would never ask.
    fn check_writable(&self, folder: &Folder, name: &OsStr) -> io::Result<()>;
    /// Creates a file of mode 0600 that did not exist, for writing.
    fn create(&self, folder: &Folder, name: &OsStr) -> io::Result<File>;
    /// Writes some of the bytes and says how many.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize>;
    /// Sets the numeric owner and group; `None` leaves one as it is.
    fn chown(&self, file: &File, user: Option<u32>, group: Option<u32>) -> io::Result<()>;
    /// Sets the permission bits, 0 to 0o7777.
    fn chmod(&self, file: &File, mode: u32) -> io::Result<()>;
    /// All extended attributes that the caller may see; none where the file system has none.
    fn xattrs(&self, file: &File) -> io::Result<Vec<Xattr>>;
    /// Sets one extended attribute.
    fn set_xattr(&self, file: &File, name: &OsStr, value: &[u8]) -> io::Result<()>;
    /// Removes one extended attribute.
    fn remove_xattr(&self, file: &File, name: &OsStr) -> io::Result<()>;
    /// Returns when content and metadata are on the medium (fsync(2)).
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Puts `from` in the place of `to`, in one step for every observer.
    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()>;
    /// Removes a name.
    fn unlink(&self, folder: &Folder, name: &OsStr) -> io::Result<()>;
    /// Returns when the names of the folder are on the medium.
    fn sync_folder(&self, folder: &Folder) -> io::Result<()>;
    /// The names in the folder, in no order, without `.` and `..`.
    fn list(&self, folder: &Folder) -> io::Result<Vec<OsString>>;
}

/// What fstat(2) says of an open file, as far as mlfix uses it.
///
/// Where the platform has no such number (device, inode, owner on Windows) it is 0, and 1 for `links`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Whether it is a regular file: no folder, FIFO, socket or device.
    pub regular: bool,
    /// The device that holds the file.
    pub device: u64,
    /// The file's number on that device.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub modified_ns: i128,
    /// Last change of content, mode, owner, attributes or number of names; nobody can set it back.
    pub changed_ns: i128,
    /// Permission bits with set-user-id, set-group-id and sticky: 0 to 0o7777.
    pub mode: u32,
    /// Numeric owner.
    pub user: u32,
    /// Numeric group.
    pub group: u32,
    /// How many names (hard links) the file has.
    pub links: u64,
}

impl Stat {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            regular: metadata.is_file(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode() & 0o7777,
            user: metadata.uid(),
            group: metadata.gid(),
            links: metadata.nlink(),
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        let since_1970 = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
        Self {
            regular: metadata.is_file(),
            device: 0,
            inode: 0,
            size: metadata.len(),
            modified_ns: metadata.modified().ok().and_then(since_1970).map_or(0, |age| age.as_nanos().cast_signed()),
            changed_ns: 0,
            mode: if metadata.permissions().readonly() { 0o444 } else { 0o644 },
            user: 0,
            group: 0,
            links: 1,
        }
    }
}

/// Why an open was refused although the system would have allowed it; travels inside an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The path is, or passes through, a symbolic link, or leaves the folder that it was to stay beneath.
    Link,
    /// Something that cannot be read like a file, such as a socket.
    NotRegular,
}

impl Refusal {
    /// The refusal that `error` carries, if it is one.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "reached through a symbolic link",
            Self::NotRegular => "not a regular file",
        })
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::other(refusal)
    }
}

/// Whether the path only goes down: no `..`, no root, no drive. `.` is gone by the time that a path has components.
pub fn is_plain(relative: &Path) -> bool {
    relative.components().all(|component| matches!(component, Component::Normal(_)))
}
