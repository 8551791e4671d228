//! A file system for tests that counts its calls, and fails one of them as asked.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::{Folder, Fs, Os, Stat, Xattr};

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails without effect.
    Error(Errno),
    /// It takes effect and fails nevertheless, as an NFS server does whose answer was lost.
    Late(Errno),
    /// A read or write moves half of the bytes; any other call is as always.
    Short,
    /// The same, and every later write fails: the disk is full.
    ShortThen(Errno),
    /// This call and all later ones do nothing: the process is gone.
    Kill,
}

/// [`Os`], but call number `at` (from 0) meets a fault.
#[derive(Default)]
pub(crate) struct Faulty {
    fault: Option<(usize, Fault)>,
    meanwhile: Option<(&'static str, Action)>,
    calls: Mutex<Vec<&'static str>>,
}

type Action = Box<dyn Fn() + Send + Sync>;

impl Faulty {
    pub(crate) fn new(at: usize, fault: Fault) -> Self {
        Self { fault: Some((at, fault)), ..Self::default() }
    }

    /// Fails nothing; for looking at the order of the calls.
    pub(crate) fn counting() -> Self {
        Self::default()
    }

    /// Fails nothing; somebody else does something right before each call of that name.
    pub(crate) fn meanwhile(call: &'static str, action: impl Fn() + Send + Sync + 'static) -> Self {
        Self { meanwhile: Some((call, Box::new(action))), ..Self::default() }
    }

    /// The names of the calls so far.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.log().clone()
    }

    fn log(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `half` is the same call on half of its bytes, where there is such a thing.
    fn run<T>(&self, name: &'static str, call: impl FnOnce(bool) -> io::Result<T>) -> io::Result<T> {
        let mut log = self.log();
        let number = log.len();
        log.push(name);
        drop(log);
        if let Some((before, action)) = &self.meanwhile
            && *before == name
        {
            action();
        }
        match self.fault {
            Some((at, Fault::Error(errno))) if number == at => Err(errno.into()),
            Some((at, Fault::Late(errno))) if number == at => call(false).and(Err(errno.into())),
            Some((at, Fault::Short | Fault::ShortThen(_))) if number == at => call(true),
            Some((at, Fault::ShortThen(errno))) if number > at && name == "write" => Err(errno.into()),
            Some((at, Fault::Kill)) if number >= at => Err(Errno::IO.into()),
            _ => call(false),
        }
    }
}

impl Fs for Faulty {
    fn root(&self, path: &Path) -> io::Result<Folder> {
        self.run("root", |_| Os.root(path))
    }

    fn folder(&self, within: &Folder, relative: &Path) -> io::Result<Folder> {
        self.run("folder", |_| Os.folder(within, relative))
    }

    fn open(&self, within: &Folder, relative: &Path) -> io::Result<File> {
        self.run("open", |_| Os.open(within, relative))
    }

    fn stat(&self, file: &File) -> io::Result<Stat> {
        self.run("stat", |_| Os.stat(file))
    }

    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        self.run("read", |short| {
            let length = if short { buffer.len().div_ceil(2) } else { buffer.len() };
            Os.read(file, &mut buffer[..length])
        })
    }

    fn check_writable(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.run("check_writable", |_| Os.check_writable(folder, name))
    }

    fn create(&self, folder: &Folder, name: &OsStr) -> io::Result<File> {
        self.run("create", |_| Os.create(folder, name))
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.run("write", |short| {
            let length = if short { bytes.len().div_ceil(2) } else { bytes.len() };
            Os.write(file, &bytes[..length])
        })
    }

    fn chown(&self, file: &File, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
        self.run("chown", |_| Os.chown(file, user, group))
    }

    fn chmod(&self, file: &File, mode: u32) -> io::Result<()> {
        self.run("chmod", |_| Os.chmod(file, mode))
    }

    fn xattrs(&self, file: &File) -> io::Result<Vec<Xattr>> {
        self.run("xattrs", |_| Os.xattrs(file))
    }

    fn set_xattr(&self, file: &File, name: &OsStr, value: &[u8]) -> io::Result<()> {
        self.run("set_xattr", |_| Os.set_xattr(file, name, value))
    }

    fn remove_xattr(&self, file: &File, name: &OsStr) -> io::Result<()> {
        self.run("remove_xattr", |_| Os.remove_xattr(file, name))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.run("sync", |_| Os.sync(file))
    }

    fn rename(&self, folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.run("rename", |_| Os.rename(folder, from, to))
    }

    fn unlink(&self, folder: &Folder, name: &OsStr) -> io::Result<()> {
        self.run("unlink", |_| Os.unlink(folder, name))
    }

    fn sync_folder(&self, folder: &Folder) -> io::Result<()> {
        self.run("sync_folder", |_| Os.sync_folder(folder))
    }

    fn list(&self, folder: &Folder) -> io::Result<Vec<OsString>> {
        self.run("list", |_| Os.list(folder))
    }
}
