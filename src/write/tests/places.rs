//! Where things are: the paths of the command line, and the folders that are swept.

use super::*;

#[test]
fn a_named_path_has_a_root() {
    let tree = Tree::new();
    let file = tree.put("a.py", "x");
    tree.put("sub/real.py", "x");
    fs::write(tree.outside.path().join("out.py"), "x").expect("a file");
    symlink("sub/real.py", tree.at("in.py")).expect("a link");
    symlink("../out.py", tree.at("out.py")).expect("a link");
    symlink("nowhere", tree.at("dangling.py")).expect("a link");
    symlink("sub", tree.at("folder")).expect("a link");

    let named = |relative: &str| resolve_named(&tree.at(relative)).map(|(root, path)| (root.real().to_owned(), path));
    let real = tree.root.real();
    for (path, root, relative) in [
        ("a.py", real.to_owned(), "a.py"),
        ("sub/../a.py", real.to_owned(), "a.py"),
        ("sub/real.py", real.join("sub"), "real.py"),
        ("in.py", real.to_owned(), "sub/real.py"),
        ("folder", real.join("sub"), ""),
        ("folder/real.py", real.join("sub"), "real.py"),
    ] {
        assert_eq!(named(path).expect(path), (root, PathBuf::from(relative)), "{path}");
    }
    assert!(matches!(named("out.py"), Err(ReadError::LinkOutside)));
    assert_eq!(named("dangling.py").expect_err("no target").to_string(), "no such file or directory");
    assert_eq!(named("none.py").expect_err("no file").to_string(), "no such file or directory");

    let (root, relative) = resolve_named(&tree.at("in.py")).expect("it is inside");
    let snapshot = read(&root, &relative, 10).expect("it can be read");
    write(&root, &relative, &snapshot, b"y").expect("it can be written");
    assert!(tree.at("in.py").is_symlink());
    assert_eq!(fs::read(tree.at("sub/real.py")).expect("it is there"), b"y");
    assert_eq!(Root::open(&file).expect_err("no folder").kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn a_name_without_folder_stands_in_the_working_folder() {
    let (root, relative) = resolve_named(Path::new("Cargo.toml")).expect("tests run in the package");
    assert_eq!((root.path(), relative.as_path()), (Path::new("."), Path::new("Cargo.toml")));
    assert!(read(&root, &relative, 1 << 20).is_ok());
}

#[test]
fn sweeping_takes_old_strays_of_dead_processes_only() {
    let tree = Tree::new();
    let mut child = std::process::Command::new("true").spawn().expect("a process");
    child.wait().expect("it ends");
    let dead = child.id();
    let old = SystemTime::now() - Duration::from_secs(3700);
    let young = SystemTime::now() - Duration::from_secs(3500);
    let stray = |process, random| format!("sub/{}", sweep::stray_name(process, random));
    for (name, time) in [
        (stray(dead, 1), old),
        (stray(dead, 2), young),
        (stray(std::process::id(), 3), old),
        ("sub/.mlfix-1.tmp".into(), old),
        ("sub/a.py".into(), old),
    ] {
        touch(&tree.put(name, "x"), time);
    }
    symlink("a.py", tree.at(stray(dead, 4))).expect("a link");
    fs::create_dir(tree.at(stray(dead, 5))).expect("a folder");
    assert_eq!(sweep(&tree.root, Path::new("sub")).expect("it can be listed"), 1);
    assert!(!tree.at(stray(dead, 1)).exists());
    assert_eq!(fs::read_dir(tree.at("sub")).expect("a folder").count(), 6);
    assert!(sweep(&tree.root, Path::new("none")).is_err());
}
