//! Every way that reading and writing can go wrong, on the real file system.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, XattrFlags};
use tempfile::TempDir;

use super::snapshot::read_on;
use super::*;
use crate::fs::faulty::Faulty;

mod changes;
mod faults;
mod places;
mod privileges;

/// A root of its own for one test, in a folder of its own, so that there is an outside.
struct Tree {
    outside: TempDir,
    root: Root,
}

impl Tree {
    fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    fn within(folder: &Path) -> Self {
        let outside = tempfile::tempdir_in(folder).expect("a temporary folder");
        let inside = outside.path().join("root");
        fs::create_dir_all(inside.join("sub")).expect("folders");
        let root = Root::open(&inside).expect("the root opens");
        Self { outside, root }
    }

    fn at(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(relative)
    }

    fn put(&self, relative: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(relative);
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn read(&self, relative: impl AsRef<Path>) -> Result<Snapshot, ReadError> {
        read(&self.root, relative.as_ref(), 1 << 20)
    }

    #[track_caller]
    fn snapshot(&self, relative: impl AsRef<Path>) -> Snapshot {
        self.read(relative).expect("it can be read")
    }

    /// Names beneath the root that mlfix left behind.
    fn strays(&self) -> Vec<PathBuf> {
        [self.at(""), self.at("sub")]
            .iter()
            .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().contains(".mlfix-"))
            .collect()
    }
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) -> bool {
    let done = rustix::fs::setxattr(path, name, value, XattrFlags::empty());
    if let Err(error) = done {
        eprintln!("skipped: {name} cannot be set here: {error}");
    }
    done.is_ok()
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1000];
    let length = rustix::fs::getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

fn touch(path: &Path, time: SystemTime) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("it opens");
    file.set_modified(time).expect("the time can be set");
}

fn fifo(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
}

#[test]
fn what_is_read_is_what_is_there() {
    let tree = Tree::new();
    for (name, bytes) in [("a.py", &b"x = 1\r\n\xff\0"[..]), ("empty.py", b""), ("sub/b.py", b"y")] {
        let path = tree.put(name, bytes);
        let snapshot = tree.snapshot(name);
        let metadata = fs::metadata(path).expect("it is there");
        assert_eq!(snapshot.bytes, bytes);
        assert_eq!((snapshot.stat.inode, snapshot.stat.device), (metadata.ino(), metadata.dev()));
        assert_eq!(snapshot.stat.size, bytes.len() as u64);
        assert_eq!(snapshot.stat.mode, metadata.mode() & 0o7777);
    }
    tree.put("exact.py", "1234");
    assert!(read(&tree.root, Path::new("exact.py"), 4).is_ok());
}

#[test]
fn what_cannot_be_read_says_why() {
    let tree = Tree::new();
    tree.put("big.py", "12345");
    fifo(&tree.at("fifo.py"));
    let _socket = std::os::unix::net::UnixListener::bind(tree.at("socket.py")).expect("a socket");
    fs::write(tree.outside.path().join("secret.py"), "s").expect("a file");
    symlink("../secret.py", tree.at("out.py")).expect("a link");
    symlink("big.py", tree.at("in.py")).expect("a link");
    symlink("/dev/zero", tree.at("zero.py")).expect("a link");
    symlink("loop.py", tree.at("loop.py")).expect("a link");
    symlink("..", tree.at("up")).expect("a link");
    symlink("sub", tree.at("down")).expect("a link");
    tree.put("sub/c.py", "c");
    for (name, expected) in [
        ("big.py", "too large: 5 bytes, the limit is 4"),
        ("fifo.py", "not a regular file"),
        ("socket.py", "not a regular file"),
        ("sub", "not a regular file"),
        ("none.py", "no such file or directory"),
        ("big.py/x.py", "not a directory"),
        ("out.py", "a symbolic link leads elsewhere"),
        ("in.py", "a symbolic link leads elsewhere"),
        ("zero.py", "a symbolic link leads elsewhere"),
        ("loop.py", "a symbolic link leads elsewhere"),
        ("up/secret.py", "a symbolic link leads elsewhere"),
        ("down/c.py", "a symbolic link leads elsewhere"),
        ("../secret.py", "a symbolic link leads elsewhere"),
        ("/etc/passwd", "a symbolic link leads elsewhere"),
    ] {
        let error = read(&tree.root, Path::new(name), 4).expect_err(name);
        assert_eq!(error.to_string(), expected, "{name}");
    }
    let devices = Root::open(Path::new("/dev")).expect("/dev opens");
    let error = read(&devices, Path::new("zero"), 4).expect_err("a device");
    assert!(matches!(error, ReadError::NotRegular), "{error:?}");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_believed() {
    let tree = Tree::new();
    let path = tree.put("a.py", "12345");
    let actions: [fn(&Path); 3] = [
        |path| fs::write(path, "123456").expect("it grows"),
        |path| fs::write(path, "1").expect("it shrinks"),
        |path| fs::write(path, "54321").expect("it changes"),
    ];
    for action in actions {
        fs::write(&path, "12345").expect("a file");
        // The clock that stamps files may tick only a hundred times a second.
        std::thread::sleep(Duration::from_millis(20));
        let path = path.clone();
        let busy = Faulty::meanwhile("read", move || action(&path));
        let error = read_on(&busy, &tree.root, Path::new("a.py"), 100).expect_err("it changed");
        assert!(matches!(error, ReadError::ChangedWhileReading), "{error:?}");
    }
}

#[test]
fn a_written_file_has_the_new_bytes_and_the_old_everything_else() {
    let tree = Tree::new();
    let name = Path::new(OsStr::from_bytes(b"sub/caf\xe9 \n-x.py"));
    for (old, new, mode) in [
        (&b"old"[..], &b"new bytes\n"[..], 0o644),
        (b"", b"x", 0o600),
        (b"x", b"", 0o755),
        (b"x", &[b'y'; 10_000], 0o4711),
        (b"same", b"same", 0o2640),
        (b"x", b"y", 0o1666),
    ] {
        let path = tree.put(name, old);
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("the mode can be set");
        let attributes = set_attribute(&path, "user.origin", b"kept");
        let snapshot = tree.snapshot(name);
        let written = write(&tree.root, name, &snapshot, new).expect("it can be written");
        assert!(written.notices.is_empty(), "{:?}", written.notices);
        assert_eq!(fs::read(&path).expect("it is there"), new);
        let after = tree.snapshot(name).stat;
        assert_eq!((after.mode, after.user, after.group), (mode, snapshot.stat.user, snapshot.stat.group));
        assert_ne!(after.inode, snapshot.stat.inode);
        if attributes {
            assert_eq!(attribute(&path, "user.origin").as_deref(), Some(&b"kept"[..]));
        }
        fs::remove_file(path).expect("it can be removed");
    }
    assert_eq!(tree.strays(), Vec::<PathBuf>::new());
}

/// The bytes of `system.posix_acl_access`: version 2, then tag, permissions and id (`linux/posix_acl_xattr.h`).
fn access_list(user: u32) -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries = [(1_u16, 6_u16, NOBODY), (2, 4, user), (4, 4, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY)];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[test]
fn access_lists_are_kept_and_none_is_inherited() {
    let tree = Tree::new();
    let with = tree.put("with.py", "old");
    let without = tree.put("sub/without.py", "old");
    if !set_attribute(&with, "system.posix_acl_access", &access_list(1234))
        || !set_attribute(&tree.at("sub"), "system.posix_acl_default", &access_list(1234))
    {
        return;
    }
    for (name, path) in [("with.py", &with), ("sub/without.py", &without)] {
        let before = tree.snapshot(name);
        let list = attribute(path, "system.posix_acl_access");
        write(&tree.root, Path::new(name), &before, b"new").expect("it can be written");
        assert_eq!(attribute(path, "system.posix_acl_access"), list, "{name}");
        assert_eq!(tree.snapshot(name).stat.mode, before.stat.mode, "{name}");
    }
    assert_eq!(attribute(&with, "system.posix_acl_access"), Some(access_list(1234)));
    assert_eq!(attribute(&without, "system.posix_acl_access"), None);
}

#[test]
fn an_observer_sees_the_old_bytes_or_the_new() {
    let tree = Tree::new();
    let texts = [vec![b'a'; 100_000], vec![b'b'; 150_000]];
    let path = tree.put("a.py", &texts[0]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let observer = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let seen = fs::read(&path).expect("it is always there");
                assert!(texts.contains(&seen), "{} bytes, torn", seen.len());
                reads += 1;
            }
            reads
        });
        for round in 1..=100 {
            let snapshot = tree.snapshot("a.py");
            write(&tree.root, Path::new("a.py"), &snapshot, &texts[round % 2]).expect("it can be written");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(observer.join().expect("it saw no torn file") > 0);
    });
}

#[test]
fn causes_read_as_part_of_a_sentence() {
    for (error, text) in [
        (io::Error::from_raw_os_error(13), "permission denied"),
        (io::Error::from_raw_os_error(28), "no space left on device"),
        (io::Error::from_raw_os_error(5), "input/output error"),
        (io::Error::from_raw_os_error(73), "RFS specific error"),
    ] {
        assert_eq!(Cause(&error).to_string(), text);
    }
    // What `copy_attributes` takes for "not supported".
    assert_eq!(io::Error::from_raw_os_error(95).kind(), io::ErrorKind::Unsupported);
}
