//! What an ordinary user may not do. Root may do everything, so as root the test runs itself again as nobody.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;

const NOBODY: u32 = 65534;
const FOLDER: &str = "MLFIX_TEST_UNPRIVILEGED";

#[test]
fn what_an_ordinary_user_may_not_write_is_left() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        assert!(!rustix::process::geteuid().is_root());
        return check(Path::new(&folder));
    }
    let tree = Tree::new();
    let root = rustix::process::geteuid().is_root();
    for (name, mode) in [("read_only.py", 0o444), ("unreadable.py", 0), ("fine.py", 0o640)] {
        let path = tree.put(name, "old");
        own(&path, mode, root);
    }
    let path = tree.put("sub/shut.py", "old");
    own(&path, 0o644, root);
    own(&tree.at("sub"), 0o555, root);
    own(&tree.at(""), 0o755, root);
    if !root {
        check(&tree.at(""));
        return own(&tree.at("sub"), 0o755, root);
    }

    let foreign = tree.put("foreign.py", "old");
    fs::set_permissions(&foreign, Permissions::from_mode(0o666)).expect("the mode can be set");
    let other_group = tree.put("group.py", "old");
    own(&other_group, 0o660, root);
    chown(&other_group, None, Some(0)).expect("root may do that");
    fs::set_permissions(tree.outside.path(), Permissions::from_mode(0o755)).expect("the mode can be set");
    // The build folder may be out of reach for nobody.
    let program = tree.outside.path().join("tests");
    fs::copy(std::env::current_exe().expect("this program"), &program).expect("it can be copied");
    let name =
        concat!(module_path!(), "::what_an_ordinary_user_may_not_write_is_left").split_once("::").expect("a path in a crate").1;
    let output = Command::new(&program)
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, tree.at(""))
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: cannot become nobody: {error}"),
    };
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn own(path: &Path, mode: u32, root: bool) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
    if root {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root may do that");
    }
}

fn check(folder: &Path) {
    let root = Root::open(folder).expect("the root opens");
    let error = read(&root, Path::new("unreadable.py"), 10).expect_err("mode 0");
    assert_eq!(error.to_string(), "permission denied");
    for (name, expected) in [
        ("fine.py", None),
        ("read_only.py", Some("permission denied")),
        ("sub/shut.py", Some("permission denied (while creating a temporary file beside it)")),
        ("foreign.py", Some("its owner cannot be kept: operation not permitted")),
        ("group.py", Some("its owner cannot be kept: operation not permitted")),
    ] {
        let path = Path::new(name);
        if !folder.join(path).exists() {
            eprintln!("skipped: only root can prepare {name}");
            continue;
        }
        let snapshot = read(&root, path, 10).expect(name);
        let result = write(&root, path, &snapshot, b"new");
        assert_eq!(result.as_ref().err().map(ToString::to_string).as_deref(), expected, "{name}");
        let now = if expected.is_none() { &b"new"[..] } else { b"old" };
        assert_eq!(fs::read(folder.join(path)).expect("it is there"), now, "{name}");
    }
    for folder in [folder.to_owned(), folder.join("sub")] {
        let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        assert!(!names.into_iter().any(|name| name.to_string_lossy().contains(".mlfix-")));
    }
}
