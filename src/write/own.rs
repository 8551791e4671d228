//! Files that are mlfix's own: not those of the user, and nobody's loss.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, create_dir_all};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Root, Temporary, WriteError, sweep};
use crate::fs::{Fs, Os};

/// What tells backup programs that a folder can be made again, and mlfix that a folder is its own.
/// Source: the Cache Directory Tagging Specification, <https://bford.info/cachedir/>.
const TAG: (&str, &[u8]) = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of mlfix and can be deleted at any time.\n",
);
const GITIGNORE: (&str, &[u8]) = (".gitignore", b"# Made by mlfix.\n*\n");

/// Opens a folder for files of our own, and makes it if there is none. Only its owner can read what is made in it.
///
/// Nothing is ever put into a folder of someone else: it must have been made by this function, or be empty.
///
/// # Errors
/// What the system says; [`ErrorKind::AlreadyExists`] for a folder that holds other things, and for a symbolic link.
pub fn own_folder(path: &Path) -> io::Result<Root> {
    let name = path.components().next_back();
    let Some(Component::Normal(name)) = name else { return Err(ErrorKind::InvalidInput.into()) };
    let parent = path.parent().unwrap_or(Path::new(""));
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    match make(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_dir_all(parent)?;
            make(path).or_else(unless_there)?;
        }
        made => made.or_else(unless_there)?,
    }
    let root = Root::open(path)?;
    if root.real() != parent.canonicalize()?.join(name) {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "it is a symbolic link"));
    }
    if !holds(&root, TAG) {
        let is_of_the_beginning = |name: &OsString| name == GITIGNORE.0 || sweep::stray_process(name).is_some();
        if Os.list(root.folder())?.iter().all(is_of_the_beginning) {
            put_own(&root, OsStr::new(GITIGNORE.0), GITIGNORE.1)?;
            put_own(&root, OsStr::new(TAG.0), TAG.1)?;
        } else if !holds(&root, TAG) {
            // Asked again, because another run may have made it a moment ago.
            return Err(io::Error::new(ErrorKind::AlreadyExists, "the folder holds other things"));
        }
    }
    Ok(root)
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn unless_there(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

fn holds(root: &Root, (name, content): (&str, &[u8])) -> bool {
    super::read(root, Path::new(name), 1 << 10).is_ok_and(|snapshot| snapshot.bytes == content)
}

/// Puts bytes under a name directly in `root`, whatever was there, in one step for every observer.
///
/// Nobody waits for the medium: after a power cut it may be damaged, which its reader must notice.
///
/// # Errors
/// What the system says; the name then leads to what it led to before.
pub fn put_own(root: &Root, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
    let temporary = Temporary::create(&Os, root.folder()).map_err(cause)?;
    write_all(&temporary.file, bytes)?;
    temporary.put_in_place_of(name).map_err(cause)
}

fn write_all(file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match Os.write(file, bytes)? {
            0 => return Err(ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

fn cause(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(_, error) => error,
        other => io::Error::other(other),
    }
}

/// Removes what [`put_own`] left directly in `root`: files that `is_ours` knows by their names, those that nobody has
/// written for longer than `age`, and the oldest until at most `most` bytes are left.
///
/// # Errors
/// When the folder cannot be listed. A file that cannot be removed is left.
pub fn prune_own(root: &Root, is_ours: impl Fn(&OsStr) -> bool, age: Duration, most: u64) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos().cast_signed());
    let mut files: Vec<(i128, u64, OsString)> = Vec::new();
    for name in Os.list(root.folder())?.into_iter().filter(|name| is_ours(name)) {
        let stat = Os.open(root.folder(), Path::new(&name)).and_then(|file| Os.stat(&file));
        if let Ok(stat) = stat
            && stat.regular
        {
            files.push((stat.modified_ns, stat.size, name));
        }
    }
    files.sort_by(|a, b| b.cmp(a));
    let mut total = 0_u64;
    for (modified, size, name) in files {
        total = total.saturating_add(size);
        if total > most || now - modified > age.as_nanos().cast_signed() {
            let _ = Os.unlink(root.folder(), &name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_made_once_and_marked() {
        let outer = tempfile::tempdir().expect("a folder");
        let path = outer.path().join("a/b/cache");
        own_folder(&path).expect("made");
        assert_eq!(names(&path), [".gitignore", "CACHEDIR.TAG"]);
        let root = own_folder(&path).expect("opened");
        put_own(&root, OsStr::new("x"), b"1").expect("written");
        put_own(&root, OsStr::new("x"), b"2").expect("replaced");
        assert_eq!(std::fs::read(path.join("x")).expect("there"), b"2");
        own_folder(&path).expect("still ours");
        assert_eq!(names(&path), [".gitignore", "CACHEDIR.TAG", "x"]);
    }

    #[test]
    fn a_folder_of_someone_else_is_left_alone() {
        let outer = tempfile::tempdir().expect("a folder");
        let foreign = outer.path().join("foreign");
        std::fs::create_dir(&foreign).expect("made");
        std::fs::write(foreign.join("thesis.tex"), "x").expect("written");
        assert_eq!(own_folder(&foreign).expect_err("foreign").kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(&foreign), ["thesis.tex"]);
        assert!(own_folder(Path::new("/")).is_err());
        assert!(own_folder(&foreign.join("thesis.tex")).is_err());
        #[cfg(unix)]
        {
            let empty = outer.path().join("empty");
            std::fs::create_dir(&empty).expect("made");
            let link = outer.path().join("link");
            std::os::unix::fs::symlink(&empty, &link).expect("linked");
            assert_eq!(own_folder(&link).expect_err("a link").kind(), ErrorKind::AlreadyExists);
            assert_eq!(names(&empty), [] as [&str; 0]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_under_the_name_is_replaced_and_not_followed() {
        let outer = tempfile::tempdir().expect("a folder");
        let root = own_folder(&outer.path().join("cache")).expect("made");
        let target = outer.path().join("target");
        std::fs::write(&target, "precious").expect("written");
        std::os::unix::fs::symlink(&target, outer.path().join("cache/x")).expect("linked");
        put_own(&root, OsStr::new("x"), b"1").expect("replaced");
        assert_eq!(std::fs::read(&target).expect("there"), b"precious");
        assert_eq!(std::fs::read(outer.path().join("cache/x")).expect("there"), b"1");
    }

    #[test]
    fn the_oldest_go_first() {
        let outer = tempfile::tempdir().expect("a folder");
        let path = outer.path().join("cache");
        let root = own_folder(&path).expect("made");
        for (name, days) in [("a.cache", 1), ("b.cache", 2), ("c.cache", 3), ("d.cache", 40)] {
            put_own(&root, OsStr::new(name), &[0; 100]).expect("written");
            let file = File::options().write(true).open(path.join(name)).expect("there");
            file.set_modified(SystemTime::now() - Duration::from_hours(24 * days)).expect("set");
        }
        let is_ours = |name: &OsStr| Path::new(name).extension().is_some_and(|extension| extension == "cache");
        prune_own(&root, is_ours, Duration::from_hours(24 * 30), 1 << 20).expect("pruned");
        assert_eq!(names(&path), [".gitignore", "CACHEDIR.TAG", "a.cache", "b.cache", "c.cache"]);
        prune_own(&root, is_ours, Duration::from_hours(24 * 30), 250).expect("pruned");
        assert_eq!(names(&path), [".gitignore", "CACHEDIR.TAG", "a.cache", "b.cache"]);
    }
}
