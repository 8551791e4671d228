//! Trees that were made to hurt: whatever lies beside them, the ordinary files are done, and nothing else is touched.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const SAFE: &str = "def add(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\nprint(add(1))\n";
const NOBODY: u32 = 65534;
/// How many ordinary files stand beside the hostile ones.
const ORDINARY: usize = 400;

/// A tree, and outside of it a file that nobody may change.
struct Trap {
    folder: TempDir,
}

impl Trap {
    fn new() -> Self {
        let trap = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(trap.at("tree")).expect("created");
        fs::write(trap.at("outside.py"), SAFE).expect("written");
        trap
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at("tree").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(&path, text).expect("written");
        path
    }

    fn fifo(&self, path: &str) {
        let path = self.at("tree").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        assert!(Command::new("mkfifo").arg(path).status().expect("it runs").success());
    }

    /// Runs mlfix in the tree as an ordinary user, whom modes and owners stop. None where that cannot be.
    fn run(&self, arguments: &[&str]) -> Output {
        let root = rustix::process::geteuid().is_root();
        let program = if root { self.at("mlfix") } else { PathBuf::from(env!("CARGO_BIN_EXE_mlfix")) };
        if root && !program.exists() {
            // The build folder may be out of reach for nobody.
            fs::copy(env!("CARGO_BIN_EXE_mlfix"), &program).expect("it can be copied");
            fs::set_permissions(self.folder.path(), Permissions::from_mode(0o755)).expect("the mode can be set");
        }
        if root {
            give_away(self.folder.path());
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.at("tree")).stdin(Stdio::null());
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().expect("it runs")
    }
}

fn give_away(path: &Path) {
    if path.is_symlink() {
        return;
    }
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root may do that");
    if path.is_dir() {
        fs::read_dir(path).expect("a folder").for_each(|entry| give_away(&entry.expect("an entry").path()));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is no ordinary file, or one that must not be changed, and what is said of it; an empty text for nothing.
fn lay(trap: &Trap) -> Vec<(&'static str, &'static str)> {
    trap.fifo("fifo.py");
    symlink("/dev/zero", trap.at("tree/endless.py")).expect("linked");
    symlink("loop_b.py", trap.at("tree/loop_a.py")).expect("linked");
    symlink("loop_a.py", trap.at("tree/loop_b.py")).expect("linked");
    symlink("nowhere.py", trap.at("tree/dangling.py")).expect("linked");
    symlink("../outside.py", trap.at("tree/out.py")).expect("linked");
    symlink(".", trap.at("tree/again")).expect("linked");
    symlink("..", trap.at("tree/up")).expect("linked");
    trap.put("shut/a.py", SAFE);
    fs::set_permissions(trap.at("tree/shut"), Permissions::from_mode(0o0)).expect("the mode can be set");
    fs::set_permissions(trap.put("secret.py", SAFE), Permissions::from_mode(0o0)).expect("the mode can be set");
    fs::set_permissions(trap.put("read_only.py", SAFE), Permissions::from_mode(0o444)).expect("the mode can be set");
    trap.put("fixed/a.py", SAFE);
    fs::set_permissions(trap.at("tree/fixed"), Permissions::from_mode(0o555)).expect("the mode can be set");
    for (name, bytes) in [
        ("nul.py", format!("{SAFE}x = '\0'\n").into_bytes()),
        ("utf7.py", format!("# coding: utf-7\n{SAFE}").into_bytes()),
        ("escape.py", format!("# coding: unicode_escape\n{SAFE}").into_bytes()),
        ("rot.py", format!("# coding: rot13\n{SAFE}").into_bytes()),
        ("utf16.py", SAFE.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("lie.py", format!("{SAFE}x = '\u{e9}'\n").chars().map(|c| c as u8).collect()),
        ("chain.py", format!("{SAFE}x = 1{}\n", "+1".repeat(10_000)).into_bytes()),
        ("deep.py", format!("{SAFE}x = {}1{}\n", "(".repeat(100_000), ")".repeat(100_000)).into_bytes()),
        ("open.py", format!("{SAFE}x = {}\n", "(".repeat(100_000)).into_bytes()),
        ("not.py", format!("{SAFE}x = {}$\n", "not ".repeat(100_000)).into_bytes()),
        ("comments.py", format!("{SAFE}{}", "# c\n\n".repeat(100_000)).into_bytes()),
        ("backslashes.py", format!("{SAFE}x = 1 {}\n", "\\\n".repeat(100_000)).into_bytes()),
        ("marker.py", format!("{SAFE}<<<<<<< HEAD\n=======\n>>>>>>> x\n").into_bytes()),
        ("two.py", format!("{SAFE}print 'x'\n").into_bytes()),
        ("tabs.py", format!("{SAFE}if x:\n\tpass\n        pass\n").into_bytes()),
        ("large.py", format!("{SAFE}# {}\n", "x".repeat(5 << 20)).into_bytes()),
    ] {
        trap.put(name, bytes);
    }
    vec![
        ("fifo.py", "not a regular file"),
        ("endless.py", "symbolic link"),
        ("loop_a.py", "symbolic link"),
        ("loop_b.py", "symbolic link"),
        ("dangling.py", "symbolic link"),
        ("out.py", "symbolic link"),
        ("shut", "permission denied"),
        ("secret.py", "permission denied"),
        ("read_only.py", "permission denied"),
        ("fixed/a.py", "permission denied"),
        ("nul.py", "NUL"),
        ("utf7.py", "utf-7"),
        ("escape.py", "unicode_escape"),
        ("rot.py", "rot13"),
        ("utf16.py", "NUL"),
        ("lie.py", "not valid utf-8"),
        ("chain.py", "nested deeper"),
        ("deep.py", "nested deeper"),
        ("open.py", "syntax error"),
        ("not.py", "syntax error"),
        ("comments.py", "comment lines"),
        ("backslashes.py", "continuation lines"),
        ("marker.py", "syntax error"),
        ("two.py", "syntax error"),
        ("tabs.py", "syntax error"),
        ("large.py", "too large"),
    ]
}

/// Every file under a folder that can be read, with its bytes; links as what they say.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                found.insert(path.clone(), fs::read_link(path).expect("a link").as_os_str().as_bytes().to_vec());
            } else if kind.is_file() {
                found.insert(path.clone(), fs::read(path).unwrap_or_default());
            }
        }
    }
    found
}

#[test]
fn ordinary_files_are_done_whatever_stands_beside_them() {
    let trap = Trap::new();
    let mut ordinary: Vec<PathBuf> = (0..ORDINARY - 5).map(|n| PathBuf::from(format!("m{}/n{n}.py", n % 7))).collect();
    ordinary.extend([b"sp ace.py" as &[u8], b"-x.py", b"a\n+++ b/y.py", b"\x1b[31m.py", b"caf\xe9.py"].map(|name| {
        let mut name = OsString::from(OsStr::from_bytes(name));
        if Path::new(&name).extension().is_none() {
            name.push(".py");
        }
        PathBuf::from(name)
    }));
    for path in &ordinary {
        trap.put(path, SAFE);
    }
    let nasty = lay(&trap);
    let before = contents(&trap.at("tree"));
    let run = trap.run(&["--fix", "--isolated", "-v", "--jobs", "4"]);
    let stderr = text(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{stderr}");
    for path in &ordinary {
        let now = fs::read_to_string(trap.at("tree").join(path)).expect("it is there");
        assert!(now.contains("acc=None"), "{} is not done", path.display());
    }
    for (path, why) in nasty {
        let line = stderr.lines().find(|line| line.contains(&format!(" {path}: ")));
        assert!(line.is_some_and(|line| line.contains(why)), "{path}: {line:?}\n{stderr}");
    }
    let mut after = contents(&trap.at("tree"));
    for (path, bytes) in before {
        let now = after.remove(&path).expect("it is there");
        let is_ordinary = ordinary.contains(&path.strip_prefix(trap.at("tree")).expect("beneath").to_owned());
        assert_eq!(now != bytes, is_ordinary, "{}", path.display());
    }
    assert_eq!(after, BTreeMap::new(), "strays");
    assert_eq!(fs::read_to_string(trap.at("outside.py")).expect("it is there"), SAFE);
    // Everything that was considered is in exactly one class.
    let run = trap.run(&["--isolated", "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let classes = json["summary"]["classes"].as_object().expect("a table");
    let sum: u64 = classes.values().map(|count| count.as_u64().expect("a number")).sum();
    assert_eq!(json["summary"]["considered"], sum, "{}", json["summary"]);
    // 400 ordinary ones, 26 others.
    assert_eq!(sum, 426, "{}", json["summary"]);
    let _ = fs::set_permissions(trap.at("tree/shut"), Permissions::from_mode(0o755));
}

#[test]
fn files_that_say_what_to_ignore_cannot_stop_a_walk() {
    let trap = Trap::new();
    for folder in ["zero", "fifo", "git", "fine"] {
        trap.put(format!("{folder}/a.py"), SAFE);
    }
    trap.put("fine/.gitignore", "b.py\n");
    trap.put("fine/b.py", SAFE);
    symlink("/dev/zero", trap.at("tree/zero/.gitignore")).expect("linked");
    trap.fifo("fifo/.ignore");
    trap.fifo("git/.git/info/exclude");
    let run = trap.run(&["--fix", "--isolated"]);
    let stderr = text(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("cannot read zero/.gitignore: not a regular file"), "{stderr}");
    for (path, done) in
        [("zero/a.py", true), ("fifo/a.py", true), ("git/a.py", true), ("fine/a.py", true), ("fine/b.py", false)]
    {
        let now = fs::read_to_string(trap.at("tree").join(path)).expect("it is there");
        assert_eq!(now.contains("acc=None"), done, "{path}: {stderr}");
    }
    // Above the folder that is walked, too.
    symlink("/dev/zero", trap.at("tree/.gitignore")).expect("linked");
    let run = trap.run(&["--isolated", "fine"]);
    assert_eq!(run.status.code(), Some(2), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("1 finding in 1 of 2 files"), "{}", text(&run.stderr));
}

#[test]
fn a_configuration_reaches_nothing_outside() {
    let trap = Trap::new();
    trap.put("a.py", SAFE);
    fs::write(trap.at("credentials.toml"), "[registry]\ntoken = 'hunter2'\n").expect("written");
    for (name, target) in [("mlfix.toml", "../credentials.toml"), ("pyproject.toml", "/etc/passwd")] {
        let link = trap.at("tree").join(name);
        symlink(target, &link).expect("linked");
        let run = trap.run(&["--fix"]);
        let stderr = text(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(&format!("{name}: a symbolic link leads elsewhere")), "{stderr}");
        assert!(!["hunter2", "token", "registry", "root:"].iter().any(|word| stderr.contains(word)), "{stderr}");
        fs::remove_file(link).expect("removed");
    }
    // Patterns reach nothing outside either, and none takes more than linear time.
    let many = format!("{}b", "*a".repeat(200));
    let config = format!("exclude = ['../*', '/etc/*', '{many}', '{}']\n", "{a,b}".repeat(60));
    trap.put("mlfix.toml", config);
    trap.put(format!("{}.py", "a".repeat(200)), SAFE);
    let run = trap.run(&["--fix"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert_eq!(fs::read_to_string(trap.at("outside.py")).expect("it is there"), SAFE);
    // Endless, nested without end, or no file at all.
    for (name, make) in [
        ("zero", None),
        ("deep", Some(format!("x = {}\n", "[".repeat(500_000)))),
        ("large", Some(format!("x = '{}'\n", "x".repeat(2 << 20)))),
    ] {
        let path = trap.at("tree/mlfix.toml");
        fs::remove_file(&path).expect("removed");
        match &make {
            Some(text) => fs::write(&path, text).expect("written"),
            None => symlink("/dev/zero", &path).expect("linked"),
        }
        let run = trap.run(&[]);
        assert_eq!(run.status.code(), Some(2), "{name}: {}", text(&run.stderr));
    }
}

/// A repository that tries to run something whenever git looks at it, in six ways.
fn lay_traps_for_git(trap: &Trap) {
    let git = |folder: &Path, arguments: &[&str]| {
        let done = Command::new("git").args(arguments).current_dir(folder).output().expect("git is installed");
        assert!(done.status.success(), "{arguments:?}: {}", text(&done.stderr));
    };
    let tree = trap.at("tree");
    let payload = trap.at("payload");
    let canary = trap.at("tree/canary");
    fs::write(&payload, format!("#!/bin/sh\ntouch '{}'\ncat\n", canary.display())).expect("written");
    fs::set_permissions(&payload, Permissions::from_mode(0o755)).expect("the mode can be set");
    let payload = payload.to_str().expect("ASCII");
    git(&tree, &["init", "-q"]);
    git(&tree, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"]);
    for (key, value) in [
        ("core.fsmonitor", payload),
        ("core.hooksPath", "hooks"),
        ("core.pager", payload),
        ("core.sshCommand", payload),
        ("diff.external", payload),
        ("filter.x.clean", payload),
        ("filter.x.smudge", payload),
        ("diff.x.textconv", payload),
    ] {
        git(&tree, &["config", key, value]);
    }
    fs::write(tree.join(".gitattributes"), "*.py filter=x diff=x\n").expect("written");
    fs::create_dir(tree.join("hooks")).expect("created");
    for hook in ["pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman"] {
        fs::copy(payload, tree.join("hooks").join(hook)).expect("copied");
    }
    // A bare repository among the files, which git would take for one when called in there.
    git(&tree, &["init", "-q", "--bare", "docs"]);
    git(&tree.join("docs"), &["config", "core.fsmonitor", payload]);
    git(&tree.join("docs"), &["config", "core.worktree", "."]);
}

#[test]
fn a_repository_with_traps_for_git_runs_nothing() {
    let trap = Trap::new();
    lay_traps_for_git(&trap);
    trap.put("a.py", SAFE);
    trap.put("docs/b.py", SAFE);
    // The traps do work.
    trap.run(&["--version"]);
    let canary = trap.at("tree/canary");
    Command::new("git")
        .args(["-c", "safe.directory=*", "status"])
        .current_dir(trap.at("tree"))
        .output()
        .expect("git is installed");
    assert!(canary.exists(), "the trap does not spring");
    fs::remove_file(&canary).expect("removed");
    for arguments in [&[] as &[&str], &["--diff"], &["docs"], &["--fix", "-v"]] {
        let run = trap.run(arguments);
        assert!(run.status.code() < Some(2), "{arguments:?}: {}", text(&run.stderr));
        assert!(!canary.exists(), "{arguments:?}");
    }
    for path in ["tree/a.py", "tree/docs/b.py"] {
        assert!(fs::read_to_string(trap.at(path)).expect("it is there").contains("acc=None"), "{path}");
    }
}

/// What a person sees who runs mlfix in a terminal.
fn on_a_terminal(trap: &Trap, arguments: &[&OsStr]) -> Vec<u8> {
    let spawn = "import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = Command::new("python3");
    command.args(["-c", spawn, env!("CARGO_BIN_EXE_mlfix")]).args(arguments).current_dir(trap.at("tree"));
    let run = command.env("TERM", "xterm-256color").stdin(Stdio::null()).output().expect("python3 is installed");
    assert!(run.stderr.is_empty(), "{}", text(&run.stderr));
    run.stdout
}

/// The text without what mlfix itself sends: colours, line ends, tabs, and the progress bar's way back to the start of the line.
fn without_own_effects(shown: &[u8]) -> String {
    let shown = String::from_utf8(shown.to_vec()).expect("a terminal gets UTF-8");
    let mut out = String::new();
    let mut rest = shown.as_str();
    while let Some(start) = rest.find("\x1b[") {
        let code = &rest[start + 2..];
        let length = code.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        out.push_str(&rest[..start]);
        if code[length..].starts_with(['m', 'K']) {
            rest = &code[length + 1..];
        } else {
            out.push_str("\x1b[");
            rest = code;
        }
    }
    (out + rest).replace(['\r', '\n', '\t'], "")
}

#[test]
fn no_text_of_a_tree_has_an_effect_on_a_terminal() {
    let has_effect =
        |c: char| c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // The controls of ASCII, those of the second set, and marks that turn the direction of text.
    let mut effects: Vec<char> = (1..0x20_u32).chain(0x7f..0xa0).filter_map(char::from_u32).collect();
    effects.extend(['\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}']);
    let trap = Trap::new();
    for (number, effect) in effects.iter().enumerate() {
        let end = if matches!(effect, '\n' | '\r') { ' ' } else { *effect };
        let source = SAFE.replace("acc=[]):", &format!("acc=[]):  # {end}]0;owned{end}"));
        trap.put(format!("a{number}{effect}]0;owned{effect}.py"), &source);
        trap.put(format!("b{number}{effect}[31m.py"), format!("{source}x = = {end}[2J\n"));
    }
    // A folder whose name and whose configuration say something to a terminal.
    let config = "exclude = ['\u{1b}]0;owned\u{7}']\n\"\\u001B[2J\u{9b}2J\" = 1\n";
    trap.put("c\u{1b}[2J/mlfix.toml", config);
    trap.put("c\u{1b}[2J/a.py", SAFE);
    let mut shown = 0;
    for arguments in [
        &["--isolated", "."] as &[&str],
        &["--isolated", "-v", "."],
        &["--isolated", "--output-format", "concise", "."],
        &["--isolated", "--diff", "."],
        &["."],
        &["c\u{1b}[2J"],
        &["--config", "c\u{1b}[2J/mlfix.toml"],
        &["--select", "\u{1b}[2J"],
        &["missing\u{1b}[2J\u{9b}.py"],
        &["--isolated", "--fix", "."],
    ] {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let output = without_own_effects(&on_a_terminal(&trap, &arguments));
        let bad: Vec<_> =
            output.match_indices(has_effect).map(|(at, _)| output[..at].chars().rev().take(60).collect::<String>()).collect();
        assert!(bad.is_empty(), "{arguments:?}: {} times, behind {:?}", bad.len(), bad[0].chars().rev().collect::<String>());
        assert!(output.contains("x1b"), "{arguments:?}: {output}");
        shown += output.len();
    }
    assert!(shown > 100_000, "only {shown} letters were shown");
}
