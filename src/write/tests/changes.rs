//! Somebody else works on the same files.

use super::*;

type Change = (&'static str, fn(&Path));

/// What somebody may do to `sub/a.py` while mlfix thinks.
const CHANGES: [Change; 10] = [
    ("appended", |path| {
        fs::write(path, "old and more").expect("written");
    }),
    ("other bytes of that length", |path| {
        fs::write(path, "odl").expect("written");
    }),
    ("other bytes of that length and time", |path| {
        let time = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
        fs::write(path, "odl").expect("written");
        touch(path, time);
    }),
    ("saved by renaming", |path| {
        fs::write(path.with_extension("new"), "old").expect("written");
        fs::rename(path.with_extension("new"), path).expect("renamed");
    }),
    ("touched", |path| touch(path, SystemTime::UNIX_EPOCH)),
    ("another mode", |path| {
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("set");
    }),
    ("removed", |path| fs::remove_file(path).expect("removed")),
    ("made a link", |path| {
        fs::rename(path, path.with_extension("real")).expect("renamed");
        symlink(path.with_extension("real"), path).expect("linked");
    }),
    ("made a FIFO", |path| {
        fs::remove_file(path).expect("removed");
        fifo(path);
    }),
    ("made a folder", |path| {
        fs::remove_file(path).expect("removed");
        fs::create_dir(path).expect("a folder");
    }),
];

#[test]
fn a_file_that_changed_since_it_was_read_is_left() {
    // Before anything is done, and at the last moment before the comparison that comes right before the rename.
    for moment in ["folder", "sync"] {
        for (change, action) in CHANGES {
            let tree = Tree::new();
            let path = tree.put("sub/a.py", "old");
            touch(&path, SystemTime::now() - Duration::from_secs(100));
            let snapshot = tree.snapshot("sub/a.py");
            let there = path.clone();
            let busy = Faulty::meanwhile(moment, move || action(&there));
            let error = write_on(&busy, &tree.root, Path::new("sub/a.py"), &snapshot, b"new").expect_err(change);
            assert!(matches!(error, WriteError::Changed), "{moment}, {change}: {error:?}");
            assert_eq!(tree.strays(), Vec::<PathBuf>::new(), "{moment}, {change}");
            if path.is_file() {
                assert_ne!(fs::read(&path).expect("it is there"), b"new", "{moment}, {change}");
            }
        }
    }
}

#[test]
fn a_folder_that_became_a_link_leads_nowhere() {
    for moment in ["folder", "create"] {
        let tree = Tree::new();
        tree.put("sub/a.py", "old");
        let outside = tree.outside.path().join("elsewhere");
        fs::create_dir(&outside).expect("a folder");
        fs::write(outside.join("a.py"), "old").expect("a file");
        let snapshot = tree.snapshot("sub/a.py");
        let (sub, target) = (tree.at("sub"), outside.clone());
        let busy = Faulty::meanwhile(moment, move || {
            fs::rename(&sub, sub.with_extension("moved")).expect("renamed");
            symlink(&target, &sub).expect("linked");
        });
        let result = write_on(&busy, &tree.root, Path::new("sub/a.py"), &snapshot, b"new");
        // Once the real folder is open, the real file may still be written, wherever its folder went.
        assert_eq!(result.is_ok(), moment == "create", "{result:?}");
        assert_eq!(fs::read(outside.join("a.py")).expect("it is there"), b"old");
        assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 1);
        let moved = fs::read_dir(tree.at("sub.moved"));
        assert_eq!(moved.map_or(1, Iterator::count), 1, "no temporary file is left");
    }
}

#[test]
fn each_hard_linked_name_becomes_a_file_of_its_own() {
    let tree = Tree::new();
    let first = tree.put("a.py", "old");
    let outside = tree.outside.path().join("outside.py");
    for other in [&tree.at("b.py"), &outside] {
        fs::hard_link(&first, other).expect("a hard link");
    }
    // Both are read before either is written, as workers side by side do.
    let (a, b) = (tree.snapshot("a.py"), tree.snapshot("b.py"));
    for (name, snapshot) in [("a.py", a), ("b.py", b)] {
        let written = write(&tree.root, Path::new(name), &snapshot, b"new").expect(name);
        assert!(matches!(written.notices[..], [Notice::HardLink(3)]), "{written:?}");
        assert_eq!(fs::read(tree.at(name)).expect("it is there"), b"new");
    }
    assert_eq!(fs::read(&outside).expect("it is there"), b"old");
    assert_ne!(tree.snapshot("a.py").stat.inode, tree.snapshot("b.py").stat.inode);
}

#[test]
fn a_hard_linked_file_that_changed_is_left() {
    for (change, action) in CHANGES {
        let tree = Tree::new();
        let path = tree.put("sub/a.py", "old");
        touch(&path, SystemTime::now() - Duration::from_secs(100));
        fs::hard_link(&path, tree.at("b.py")).expect("a hard link");
        let snapshot = tree.snapshot("sub/a.py");
        action(&path);
        let error = write(&tree.root, Path::new("sub/a.py"), &snapshot, b"new").expect_err(change);
        assert!(matches!(error, WriteError::Changed), "{change}: {error:?}");
    }
}
