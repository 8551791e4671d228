//! The file system of Linux, relative to opened folders, so that no path can be exchanged under our hands.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use rustix::fs::{Access, AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, XattrFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::Pid;

use super::{Fs, Refusal, Stat, Xattr};

/// The system itself.
#[derive(Clone, Copy, Debug)]
pub struct Os;

/// An opened folder: it stays the same one when its name is moved or replaced.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Fs for Os {
    fn root(&self, path: &Path) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Folder(retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?))
    }

    fn folder(&self, within: &Folder, relative: &Path) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        open_beneath(within.0.as_fd(), relative, flags).map(Folder)
    }

    fn open(&self, within: &Folder, relative: &Path) -> io::Result<File> {
        // Opening a FIFO waits for a writer without NONBLOCK, and opening a terminal may make it ours without NOCTTY.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        open_beneath(within.0.as_fd(), relative, flags).map(File::from)
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        file.metadata().map(|metadata| Stat::of(&metadata))
    }

    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(file, &mut *buffer) {
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    fn check_writable(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        let check = |flags| rustix::fs::accessat(&folder.0, name, Access::WRITE_OK, flags);
        match check(AtFlags::EACCESS) {
            // A sandbox older than faccessat2 (Linux 5.8) says EPERM for it; the older call asks for the real user.
            Err(Errno::PERM | Errno::NOSYS) if rustix::process::getuid() == rustix::process::geteuid() => {
                Ok(check(AtFlags::empty())?)
            }
            result => Ok(result?),
        }
    }

    fn create(&self, folder: &Folder, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let owner_only = Mode::RUSR | Mode::WUSR;
        Ok(retry_on_intr(|| rustix::fs::openat(&folder.0, name, flags, owner_only)).map(File::from)?)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::write(file, bytes))?)
    }

    fn chown(&self, file: &File, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
        Ok(rustix::fs::fchown(file, user.map(Uid::from_raw), group.map(Gid::from_raw))?)
    }

    fn chmod(&self, file: &File, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?)
    }

    fn xattrs(&self, file: &File) -> io::Result<Vec<Xattr>> {
        let names = match whole(|buffer| rustix::fs::flistxattr(file, buffer)) {
            // Some sandboxes forbid the whole family of calls.
            Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
            names => names?,
        };
        let mut found = Vec::new();
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            match whole(|buffer| rustix::fs::fgetxattr(file, name, buffer)) {
                Ok(value) => found.push((OsStr::from_bytes(name).to_owned(), value)),
                // Removed since it was listed, or listed by a layer that cannot give it.
                Err(Errno::NODATA | Errno::NOTSUP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    fn set_xattr(&self, file: &File, name: &OsStr, value: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())?)
    }

    fn remove_xattr(&self, file: &File, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::fremovexattr(file, name)?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fsync(file))?)
    }

    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&folder.0, from, &folder.0, to)?)
    }

    fn unlink(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&folder.0, name, AtFlags::empty())?)
    }

    fn sync_folder(&self, folder: &Folder) -> io::Result<()> {
        match retry_on_intr(|| rustix::fs::fsync(&folder.0)) {
            // Several network and FUSE file systems have no such thing (fsync(2), EINVAL).
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            result => Ok(result?),
        }
    }

    fn list(&self, folder: &Folder) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder.0)? {
            let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// Whether a process of that number exists; also true where that cannot be known.
pub fn is_alive(process: u32) -> bool {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return true;
    };
    rustix::process::test_kill_process(pid) != Err(Errno::SRCH)
}

/// Opens without ever leaving `within` and without following a link, in one call where the kernel can (openat2(2), 5.6).
fn open_beneath(within: BorrowedFd<'_>, relative: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    if !super::is_plain(relative) {
        return Err(Refusal::Link.into());
    }
    let path = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match retry_on_intr(|| rustix::fs::openat2(within, path, flags, Mode::empty(), resolve)) {
        // An older kernel, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_stepwise(within, path, flags),
        result => result,
    }
    .map_err(|errno| match errno {
        Errno::LOOP | Errno::XDEV => Refusal::Link.into(),
        // open(2): "the file is a UNIX domain socket", or a device that is not there.
        Errno::NXIO => Refusal::NotRegular.into(),
        errno => errno.into(),
    })
}

/// The same without openat2: each folder on the way is opened by itself and must not be a link.
fn open_stepwise(within: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = path.components().map(Component::as_os_str).peekable();
    let mut folder: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        let here = folder.as_ref().map_or(within, AsFd::as_fd);
        let last = names.peek().is_none();
        let wanted = if last { flags } else { step };
        let opened = retry_on_intr(|| rustix::fs::openat(here, name, wanted, Mode::empty())).map_err(|errno| {
            // DIRECTORY with NOFOLLOW on a link is ENOTDIR, which would hide that it is a link.
            let is_link = || {
                rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
            };
            if errno == Errno::NOTDIR && is_link() { Errno::LOOP } else { errno }
        })?;
        if last {
            return Ok(opened);
        }
        folder = Some(opened);
    }
    Err(Errno::NOENT)
}

/// All bytes of a call that fills a buffer, says the needed size for an empty one, and ERANGE when it has grown since.
fn whole(call: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    // 64 KiB is the most that Linux lets a list of names or a value have (xattr(7)).
    const MOST: usize = 64 * 1024;
    let mut buffer = vec![0; 256];
    match call(&mut buffer) {
        Err(Errno::RANGE) => {
            buffer.resize(MOST, 0);
            let length = call(&mut buffer)?;
            buffer.truncate(length);
        }
        length => buffer.truncate(length?),
    }
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_open_agree() {
        let tree = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| tree.path().join(name);
        std::fs::create_dir_all(at("a/b")).expect("folders");
        std::fs::write(at("a/b/c.py"), "x").expect("a file");
        std::os::unix::fs::symlink("a", at("link")).expect("a link");
        std::os::unix::fs::symlink("c.py", at("a/b/d.py")).expect("a link");
        let root = Os.root(tree.path()).expect("the root opens");
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        for (path, expected) in [
            ("a/b/c.py", None),
            (".", None),
            ("link/b/c.py", Some(Errno::LOOP)),
            ("a/b/d.py", Some(Errno::LOOP)),
            ("link", Some(Errno::LOOP)),
            ("a/none.py", Some(Errno::NOENT)),
            ("a/b/c.py/x", Some(Errno::NOTDIR)),
        ] {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            let kernel = rustix::fs::openat2(&root.0, path, flags, Mode::empty(), resolve).err();
            if kernel != Some(Errno::NOSYS) && kernel != Some(Errno::PERM) {
                assert_eq!(kernel, expected, "openat2 {path}");
            }
            let steps = open_stepwise(root.0.as_fd(), Path::new(path), flags).err();
            assert_eq!(steps, expected, "step by step {path}");
        }
        let folder_of_link = open_stepwise(root.0.as_fd(), Path::new("link"), flags | OFlags::DIRECTORY);
        assert_eq!(folder_of_link.err(), Some(Errno::LOOP));
    }

    #[test]
    fn a_path_that_goes_up_is_refused() {
        let tree = tempfile::tempdir().expect("a temporary folder");
        let root = Os.root(tree.path()).expect("the root opens");
        for path in ["..", "../x", "a/../../x", "/etc/passwd"] {
            let error = Os.open(&root, Path::new(path)).expect_err(path);
            assert_eq!(Refusal::of(&error), Some(Refusal::Link), "{path}");
        }
    }

    #[test]
    fn a_long_attribute_is_read_whole() {
        assert_eq!(whole(|buffer| if buffer.len() < 1000 { Err(Errno::RANGE) } else { Ok(1000) }).map(|v| v.len()), Ok(1000));
    }
}
