//! The one way a file is read and the one way it is written: whole, only if it is still what was read, or not at all.
//!
//! [`Root::open`] or [`resolve_named`], then [`read`], then [`write()`]. At every moment, for every observer, after a crash, a
//! full disk or a signal, the name leads to the old bytes or to the new ones (rename(2) replaces in one step; fsync(2)
//! comes before it). A process that is killed in between leaves a stray temporary file, which [`sweep`] takes away later.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;

use crate::fs::{Folder, Fs, Os, Refusal, Stat};

mod interrupt;
mod own;
mod root;
mod snapshot;
mod sweep;
#[cfg(all(test, target_os = "linux"))]
mod tests;

pub use interrupt::Interrupt;
pub use own::{own_folder, prune_own, put_own};
pub use root::{Root, resolve_named};
pub use snapshot::{ReadError, Snapshot, read};
pub use sweep::sweep;

/// Puts `new` in the place of the file that `snapshot` was read from, `relative` to `root`.
///
/// The new file has the old one's owner, group, mode and extended attributes. It is on the medium when this returns.
///
/// # Errors
/// Whatever the error, the file has its old bytes - with one exception that no program can exclude: a network file system
/// may have renamed and then report a failure. An error leaves no temporary file, unless removing it failed too.
/// A file that was changed, moved or removed after it was read is left alone. What remains is the moment between the last comparison
/// and the rename, some microseconds.
pub fn write(root: &Root, relative: &Path, snapshot: &Snapshot, new: &[u8]) -> Result<Written, WriteError> {
    write_on(&Os, root, relative, snapshot, new)
}

/// What the reader of a report should know about a file that was written.
#[derive(Debug)]
pub struct Written {
    /// Usually none.
    pub notices: Vec<Notice>,
}

/// Something unusual about a file that was written nevertheless.
#[derive(Debug)]
pub enum Notice {
    /// The file had this many names when it was read; only the named one leads to the new bytes.
    HardLink(u64),
    /// The new bytes are there, but whether the folder knows of them after a power cut is not certain.
    NotSynced(io::Error),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HardLink(names) => {
                write!(f, "was one of {names} hard-linked names and is now a file of its own; the other names keep their bytes")
            }
            Self::NotSynced(error) => write!(f, "written, but it may not survive a power cut: {}", Cause(error)),
        }
    }
}

/// Why a file was not written. The text continues a sentence such as "cannot write models/train.py: ".
#[derive(Debug)]
pub enum WriteError {
    /// It is not what was read any more: other bytes, another file under that name, or none.
    Changed,
    /// The file itself may not be written, although its folder may.
    Denied(io::Error),
    /// The new file would have another owner, mode or attribute; `None` where the system claimed success.
    NotKept(&'static str, Option<io::Error>),
    /// Anything else, such as a full disk or a folder that may not be written; first, what was being done.
    Io(&'static str, io::Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("it changed since it was read"),
            Self::Denied(error) => Cause(error).fmt(f),
            Self::NotKept(what, None) => write!(f, "its {what} cannot be kept"),
            Self::NotKept(what, Some(error)) => {
                write!(f, "its {what} cannot be kept: {}", Cause(error))
            }
            Self::Io(doing, error) => write!(f, "{} (while {doing})", Cause(error)),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Denied(error) | Self::NotKept(_, Some(error)) | Self::Io(_, error) => Some(error),
            Self::Changed | Self::NotKept(_, None) => None,
        }
    }
}

fn write_on(fs: &dyn Fs, root: &Root, relative: &Path, snapshot: &Snapshot, new: &[u8]) -> Result<Written, WriteError> {
    let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
        return Err(WriteError::Changed);
    };
    let folder = fs.folder(root.folder(), parent).map_err(|error| gone_or("opening its folder", error))?;
    let original = unchanged(fs, &folder, name, snapshot)?;
    fs.check_writable(&folder, name).map_err(WriteError::Denied)?;

    let temporary = Temporary::create(fs, &folder)?;
    fill(fs, &temporary.file, &original, &snapshot.stat, new)?;
    drop(original);

    unchanged(fs, &folder, name, snapshot)?;
    temporary.put_in_place_of(name)?;

    let mut notices = Vec::new();
    if snapshot.stat.links > 1 {
        notices.push(Notice::HardLink(snapshot.stat.links));
    }
    if let Err(error) = fs.sync_folder(&folder) {
        notices.push(Notice::NotSynced(error));
    }
    Ok(Written { notices })
}

/// The file under that name, if it is still the one that was read, to the byte.
fn unchanged(fs: &dyn Fs, folder: &Folder, name: &OsStr, snapshot: &Snapshot) -> Result<File, WriteError> {
    const DOING: &str = "reading it again";
    let file = fs.open(folder, Path::new(name)).map_err(|error| gone_or(DOING, error))?;
    match snapshot::read_file(fs, &file, snapshot.stat.size) {
        Ok(now) if now.is_same_as(snapshot) => Ok(file),
        Err(ReadError::Io(error)) => Err(WriteError::Io(DOING, error)),
        Ok(_) | Err(_) => Err(WriteError::Changed),
    }
}

/// It was there when it was read, so a path that leads nowhere, or through a link, is a change.
fn gone_or(doing: &'static str, error: io::Error) -> WriteError {
    let gone = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    if gone || Refusal::of(&error).is_some() { WriteError::Changed } else { WriteError::Io(doing, error) }
}

/// Makes the temporary file what the old one shall become, down to the medium.
///
/// Owner before attributes before mode: chown(2) clears set-user-id and capabilities, an access control list rewrites the
/// group bits, and until the last step nobody but the owner can read the new bytes.
fn fill(fs: &dyn Fs, file: &File, original: &File, wanted: &Stat, new: &[u8]) -> Result<(), WriteError> {
    const DOING: &str = "writing a temporary file beside it";
    let failed = |error| WriteError::Io(DOING, error);
    let mut rest = new;
    while !rest.is_empty() {
        match fs.write(file, rest).map_err(failed)? {
            0 => return Err(failed(io::ErrorKind::WriteZero.into())),
            written => rest = &rest[written..],
        }
    }

    let stat = fs.stat(file).map_err(failed)?;
    let user = (stat.user != wanted.user).then_some(wanted.user);
    let group = (stat.group != wanted.group).then_some(wanted.group);
    if user.is_some() || group.is_some() {
        fs.chown(file, user, group).map_err(|error| WriteError::NotKept("owner", Some(error)))?;
    }
    copy_attributes(fs, original, file)?;
    let mut stat = fs.stat(file).map_err(failed)?;
    if stat.mode != wanted.mode {
        fs.chmod(file, wanted.mode).map_err(|error| WriteError::NotKept("mode", Some(error)))?;
        stat = fs.stat(file).map_err(failed)?;
    }
    // chmod(2) drops set-group-id without a word when the caller is not in the group.
    if stat.mode != wanted.mode {
        return Err(WriteError::NotKept("mode", None));
    }
    if (stat.user, stat.group) != (wanted.user, wanted.group) {
        return Err(WriteError::NotKept("owner", None));
    }
    fs.sync(file).map_err(failed)
}

/// Gives `to` the extended attributes of `from`, access control lists among them, and no others: a folder's default list
/// would let people in whom the old file kept out.
fn copy_attributes(fs: &dyn Fs, from: &File, to: &File) -> Result<(), WriteError> {
    let failed = |error| WriteError::NotKept("extended attributes", Some(error));
    let mut wanted = fs.xattrs(from).map_err(failed)?;
    let present = fs.xattrs(to).map_err(failed)?;
    // Signatures and capabilities belong to the old bytes; any write renews or drops them (capabilities(7), xattr(7)).
    wanted.retain(|(name, _)| name != "security.capability" && name != "security.ima" && name != "security.evm");
    for (name, _) in &present {
        let stays = wanted.iter().any(|(kept, _)| kept == name);
        // Labels that the system puts on each new file are not ours to take away.
        if !stays && (is_in(name, "user.") || name == "system.posix_acl_access") {
            fs.remove_xattr(to, name).map_err(failed)?;
        }
    }
    for attribute in wanted.iter().filter(|attribute| !present.contains(attribute)) {
        let (name, value) = attribute;
        match fs.set_xattr(to, name, value) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            // Other name spaces hold what a file system keeps for itself, such as where the stripes of a file lie.
            Err(_) if !["user.", "system.", "security."].iter().any(|space| is_in(name, space)) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn is_in(name: &OsStr, space: &str) -> bool {
    name.as_encoded_bytes().starts_with(space.as_bytes())
}

/// A file of our own in the target's folder, gone again unless it is put in its place.
struct Temporary<'a> {
    fs: &'a dyn Fs,
    folder: &'a Folder,
    name: OsString,
    file: File,
    placed: bool,
}

impl<'a> Temporary<'a> {
    fn create(fs: &'a dyn Fs, folder: &'a Folder) -> Result<Self, WriteError> {
        let mut attempts = 0;
        loop {
            let name = OsString::from(sweep::stray_name(std::process::id(), random()));
            match fs.create(folder, &name) {
                Ok(file) => {
                    return Ok(Self { fs, folder, name, file, placed: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts < 8 => {
                    attempts += 1;
                }
                Err(error) => {
                    return Err(WriteError::Io("creating a temporary file beside it", error));
                }
            }
        }
    }

    fn put_in_place_of(mut self, name: &OsStr) -> Result<(), WriteError> {
        self.fs.rename(self.folder, &self.name, name).map_err(|error| WriteError::Io("replacing it", error))?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // The error that brought us here is the one to report; a stray is found by `sweep`.
            let _ = self.fs.unlink(self.folder, &self.name);
        }
    }
}

/// Enough to keep names apart; `O_EXCL` is what makes them safe. Each `RandomState` has other keys.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A system error in the words of a sentence: "permission denied", not "Permission denied (os error 13)".
pub(crate) struct Cause<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error ").next().unwrap_or(&text);
        let mut letters = text.chars();
        // An abbreviation such as "RPC struct is bad" keeps its capitals.
        match (letters.next(), letters.clone().next()) {
            (Some(first), Some(second)) if !second.is_uppercase() => {
                write!(f, "{}{}", first.to_lowercase(), letters.as_str())
            }
            _ => f.write_str(text),
        }
    }
}
