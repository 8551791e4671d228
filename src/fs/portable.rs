//! The file system by path, for platforms other than Linux: links are looked for and refused, but a path that is
//! exchanged between two calls is not noticed, and owner and extended attributes are not kept.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Fs, Refusal, Stat, Xattr};

/// The system itself.
#[derive(Clone, Copy, Debug)]
pub struct Os;

/// The path of a folder that was there when it was asked for.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Fs for Os {
    fn root(&self, path: &Path) -> io::Result<Folder> {
        let path = path.canonicalize()?;
        if path.is_dir() { Ok(Folder(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    fn folder(&self, within: &Folder, relative: &Path) -> io::Result<Folder> {
        let path = without_links(within, relative)?;
        if path.is_dir() { Ok(Folder(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    fn open(&self, within: &Folder, relative: &Path) -> io::Result<File> {
        let path = without_links(within, relative)?;
        // Asked before opening, because opening a FIFO waits for a writer.
        if fs::metadata(&path)?.is_file() { File::open(path) } else { Err(Refusal::NotRegular.into()) }
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        file.metadata().map(|metadata| Stat::of(&metadata))
    }

    fn read(&self, mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        retry(|| file.read(buffer))
    }

    fn check_writable(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        // Opened for writing, not truncated, closed again: the one question that std can ask.
        OpenOptions::new().write(true).open(folder.0.join(name)).map(drop)
    }

    fn create(&self, folder: &Folder, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.0.join(name))
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        retry(|| file.write(bytes))
    }

    #[cfg(unix)]
    fn chown(&self, file: &File, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
        std::os::unix::fs::fchown(file, user, group)
    }

    #[cfg(not(unix))]
    fn chown(&self, _: &File, _: Option<u32>, _: Option<u32>) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    fn chmod(&self, file: &File, mode: u32) -> io::Result<()> {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
    }

    #[cfg(not(unix))]
    fn chmod(&self, file: &File, mode: u32) -> io::Result<()> {
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(mode & 0o222 == 0);
        file.set_permissions(permissions)
    }

    fn xattrs(&self, _: &File) -> io::Result<Vec<Xattr>> {
        Ok(Vec::new())
    }

    fn set_xattr(&self, _: &File, _: &OsStr, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_xattr(&self, _: &File, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(folder.0.join(from), folder.0.join(to))
    }

    fn unlink(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        fs::remove_file(folder.0.join(name))
    }

    #[cfg(unix)]
    fn sync_folder(&self, folder: &Folder) -> io::Result<()> {
        File::open(&folder.0)?.sync_all()
    }

    /// Windows opens no folder as a file; NTFS journals its names.
    #[cfg(not(unix))]
    fn sync_folder(&self, _: &Folder) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Folder) -> io::Result<Vec<OsString>> {
        fs::read_dir(&folder.0)?.map(|entry| Ok(entry?.file_name())).collect()
    }
}

/// Whether a process of that number exists; not known here, so nothing is ever taken for abandoned.
pub fn is_alive(_: u32) -> bool {
    true
}

fn without_links(within: &Folder, relative: &Path) -> io::Result<PathBuf> {
    if !super::is_plain(relative) {
        return Err(Refusal::Link.into());
    }
    let mut path = within.0.clone();
    for component in relative.components() {
        path.push(component);
        if fs::symlink_metadata(&path)?.is_symlink() {
            return Err(Refusal::Link.into());
        }
    }
    Ok(path)
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
