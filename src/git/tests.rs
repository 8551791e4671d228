//! Git on real repositories, hostile ones among them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::*;

/// A repository in a folder, made by an ordinary git.
fn plain(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"])
        .args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", "-C"])
        .arg(folder)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn git() -> Git {
    Git::new(&[Protocol::File]).expect("a git that is new enough")
}

fn address(folder: &Path) -> Address {
    Address::parse(folder.to_str().expect("UTF-8"), Path::new("/")).expect("a folder")
}

fn sample(folder: &Path) {
    plain(folder, &["init", "-q"]);
    fs::create_dir(folder.join("models")).expect("created");
    fs::write(folder.join("train.py"), "x = 1\n").expect("written");
    fs::write(folder.join("models/net.py"), "y = 2\n").expect("written");
    plain(folder, &["add", "."]);
    plain(folder, &["commit", "-qm", "first"]);
}

#[test]
fn versions() {
    assert_eq!(version(b"git version 2.39.5 (Apple Git-154)\n"), Some((2, 39)));
    assert_eq!(version(b"git version 2.47.3"), Some((2, 47)));
    assert_eq!(version(b"git version 3.0-rc1"), Some((3, 0)));
    assert_eq!(version(b"hub version 2"), None);
}

#[cfg(unix)]
#[test]
fn an_old_git_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("git");
    fs::write(&program, "#!/bin/sh\necho git version 2.25.1\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let error = Git::at(&program, &[]).expect_err("too old").to_string();
    assert_eq!(error, "git 2.38 or newer is needed; this is git version 2.25.1");
    assert!(Git::at(&folder.path().join("none"), &[]).is_err());
}

#[test]
fn files_are_read_and_commits_are_made_and_pushed() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    fs::create_dir(&origin).expect("created");
    sample(&origin);
    let git = git();
    let (address, clone) = (address(&origin), folder.path().join("clone"));
    let head = git.remote_head(&address, None, None).expect("a commit");
    assert_eq!(head, Head { branch: "main".into(), sha: plain(&origin, &["rev-parse", "HEAD"]) });
    assert_eq!(git.remote_head(&address, Some("dev"), None).expect_err("no such branch").kind, Kind::Empty);

    let repository = git.clone_into(&address, None, &clone, None).expect("cloned");
    assert_eq!(repository.head().expect("a commit"), head);
    let entries = repository.entries(&head.sha).expect("a tree");
    let paths: Vec<_> = entries.iter().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect();
    assert_eq!(paths, ["models/net.py", "train.py"]);
    let missing = "0".repeat(40);
    let shas = [entries[1].sha.as_str(), &missing, &entries[0].sha, &entries[1].sha];
    let blobs = repository.blobs(&shas, 100).expect("read");
    let bytes = |text: &str| Blob::Bytes(text.into());
    assert_eq!(blobs, [bytes("x = 1\n"), Blob::Missing, bytes("y = 2\n"), bytes("x = 1\n")]);
    assert_eq!(repository.blobs(&shas[..1], 3).expect("read"), [Blob::TooLarge(6)]);

    let odd = "mod\u{e9}ls/\"a b\"\\\n.py".as_bytes();
    let commit = |message| {
        let put = |path, content| Put { path, mode: 0o100_644, content };
        let commits = [
            Commit { message, puts: vec![put(b"train.py", b"x = 3\n"), put(odd, b"\xff\0")] },
            Commit { message: "Third", puts: vec![Put { path: b"train.py", mode: 0o100_755, content: b"x = 4\n" }] },
        ];
        repository.commit(&head.sha, "mlfix <mlfix@example.org>", &commits).expect("made")
    };
    let made = commit("Second\n\nWhy.\n");
    assert_eq!(made, commit("Second\n\nWhy.\n"));
    assert_ne!(made, commit("Else"));
    let made = commit("Second\n\nWhy.\n");
    let names = repository.names(&[b"x = 3\n", b"\xff\0"]).expect("named");
    let changed = repository.entries(&made[0]).expect("a tree");
    let find = |path: &[u8]| changed.iter().find(|entry| entry.path == path).map(|entry| &entry.sha);
    assert_eq!((find(b"train.py"), find(odd)), (Some(&names[0]), Some(&names[1])));
    assert!(repository.commit(&head.sha, "nobody", &[]).is_err());

    assert_eq!(repository.push(&made[1], "mlfix/x", None, None), Ok(Pushed::Changed));
    assert_eq!(repository.push(&made[1], "mlfix/x", Some(&made[1]), None), Ok(Pushed::UpToDate));
    assert_eq!(repository.push(&made[0], "mlfix/x", None, None).expect_err("it is there").kind, Kind::Stale);
    assert_eq!(repository.push(&made[0], "mlfix/x", Some(&head.sha), None).expect_err("moved").kind, Kind::Stale);
    assert_eq!(repository.push(&made[0], "mlfix/x", Some(&made[1]), None), Ok(Pushed::Changed));
    let branches = git.remote_branches(&address, "mlfix/", None).expect("listed");
    assert_eq!(branches, [Head { branch: "mlfix/x".into(), sha: made[0].clone() }]);
    assert_eq!(plain(&origin, &["log", "-1", "--format=%an %ae %s", "mlfix/x"]), "mlfix mlfix@example.org Second");
    assert_eq!(repository.delete_branch("mlfix/x", &made[0], None), Ok(Pushed::Changed));
    assert_eq!(git.remote_branches(&address, "mlfix/", None), Ok(Vec::new()));
}

#[test]
fn names_of_branches() {
    let git = git();
    for (name, right) in [("mlfix/weights-only", true), ("a..b", false), ("-x", false), ("a b", false), ("@{-1}", false)] {
        assert_eq!(git.is_branch_name(name), right, "{name}");
    }
}

#[test]
fn what_cannot_be_cloned_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).expect("created");
        path
    };
    let git = git();
    let (empty, no_default, none) = (at("empty"), at("no-default"), at("none"));
    plain(&empty, &["init", "-q"]);
    sample(&no_default);
    plain(&no_default, &["symbolic-ref", "HEAD", "refs/heads/gone"]);
    for (path, kind) in [(&empty, Kind::Empty), (&no_default, Kind::Empty), (&none, Kind::Gone)] {
        let clone = path.with_extension("clone");
        let failure = git.clone_into(&address(path), None, &clone, None).and_then(|repository| repository.head());
        assert_eq!(failure.expect_err("nothing there").kind, kind, "{}", path.display());
    }
    let sample = address(&no_default);
    let clone = folder.path().join("dev");
    assert_eq!(git.clone_into(&sample, Some("dev"), &clone, None).map(drop).expect_err("no branch").kind, Kind::Gone);
    let https_only = Git::new(&[Protocol::Https]).expect("git");
    assert_eq!(https_only.clone_into(&sample, None, &clone, None).map(drop).expect_err("not allowed").kind, Kind::Refused);
    // Git itself has the same list, for what a server may point to.
    let mut command = https_only.command(None);
    command.args(["ls-remote", "--", sample.url()]);
    assert_eq!(https_only.short(&mut command).expect_err("not allowed").kind, Kind::Refused);
}

/// All that a repository can bring along, and that makes an ordinary git run something.
#[cfg(unix)]
#[test]
fn nothing_of_a_repository_is_run() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let (origin, proof) = (root.join("origin"), root.join("proof"));
    fs::create_dir(&origin).expect("created");
    sample(&origin);
    let touch = format!("touch {}", proof.display());
    let hook = origin.join(".git/hooks/pre-push");
    let hooks = ["pre-push", "post-checkout", "reference-transaction", "pre-commit", "update", "post-update"];
    fs::create_dir_all(origin.join(".git/hooks")).expect("created");
    symlink("/etc/passwd", origin.join("passwd.py")).expect("linked");
    fs::write(origin.join(".gitattributes"), "*.py filter=bad diff=bad\n").expect("written");
    fs::write(origin.join(".gitmodules"), format!("[submodule \"m\"]\npath = m\nurl = ext::sh -c \"{touch}\"\n"))
        .expect("written");
    plain(&origin, &["add", "."]);
    let sha = plain(&origin, &["rev-parse", "HEAD"]);
    plain(&origin, &["update-index", "--add", "--cacheinfo", &format!("160000,{sha},m")]);
    plain(&origin, &["commit", "-qm", "bad"]);

    let repository = git().clone_into(&address(&origin), None, &root.join("clone"), None).expect("cloned");
    // The worst case: the clone itself is full of traps.
    for name in hooks {
        let hook = repository.folder.join("hooks").join(name);
        fs::create_dir_all(hook.parent().expect("a parent")).expect("created");
        fs::write(&hook, format!("#!/bin/sh\n{touch}\n")).expect("written");
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let _ = hook;
    let traps = format!(
        "[filter \"bad\"]\nclean = {touch}\nsmudge = {touch}\nprocess = {touch}\n[diff \"bad\"]\ntextconv = {touch}\n\
         [core]\nfsmonitor = {touch}\npager = {touch}\neditor = {touch}\n[credential]\nhelper = !{touch}\n"
    );
    let config = repository.folder.join("config");
    let text = fs::read_to_string(&config).expect("readable") + &traps;
    fs::write(config, text).expect("written");

    let head = repository.head().expect("a commit");
    let entries = repository.entries(&head.sha).expect("a tree");
    let files: Vec<&str> = entries.iter().filter(|entry| entry.is_file()).map(|entry| entry.sha.as_str()).collect();
    assert_eq!((entries.len(), files.len()), (6, 4));
    assert!(repository.blobs(&files, 1000).expect("read").iter().all(|blob| matches!(blob, Blob::Bytes(_))));
    let commit = Commit { message: "m", puts: vec![Put { path: b"train.py", mode: 0o100_644, content: b"" }] };
    let made = repository.commit(&head.sha, "a <b>", &[commit]).expect("made");
    assert_eq!(repository.push(&made[0], "mlfix/x", None, None), Ok(Pushed::Changed));
    assert!(!proof.exists());
}

#[test]
fn a_token_is_in_no_argument_and_goes_to_one_host() {
    let parse = |text| Address::parse(text, Path::new("/")).expect("right");
    let token = Token::new("s3cret", "x-access-token", &parse("https://git.example.org:8443/a/b")).expect("a token");
    let git = git();
    let command = git.command(Some(&token));
    assert!(!format!("{:?} {token:?}", command.get_args().collect::<Vec<_>>()).contains("s3cret"));
    let variable = |name: &str| {
        let value = command.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
    };
    assert_eq!(variable("GIT_CONFIG_KEY_0"), "http.https://git.example.org:8443/.extraHeader");
    assert_eq!(variable("GIT_CONFIG_VALUE_0"), "Authorization: Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0");
    for text in ["http://example.org/a/b", "ssh://git@example.org/a/b"] {
        assert!(Token::new("s3cret", "x", &parse(text)).is_err(), "{text}");
    }
    assert!(Token::new("s3\ncret", "x", &parse("a/b")).is_err());
    assert!(Token::new("s3cret", "x", &parse("http://127.0.0.1:80/a/b")).is_ok());
}
