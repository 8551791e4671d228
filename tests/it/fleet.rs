//! `mlfix fleet` on small repositories: what a scan writes down, and what survives shards, kills and bad input.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mlfix::fleet::record::{Class, Record, Status};
use tempfile::TempDir;

const DEFECT: &str = "def add(x, acc=[]):\n    acc.append(x)\n    return acc\n";
const TWO: &str =
    "def add(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\nd = {1: 2}\nfor k in d:\n    if k:\n        del d[k]\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_DATE", "1700000000 +0000"), ("GIT_COMMITTER_DATE", "1700000000 +0000")])
        .stderr(Stdio::inherit())
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A folder with repositories and a list of them.
struct Fleet {
    folder: TempDir,
    list: String,
}

impl Fleet {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), list: String::new() }
    }

    fn add(&mut self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = self.folder.path().join("repositories").join(name);
        fs::create_dir_all(&path).expect("created");
        git(&path, &["init", "-q"]);
        for (file, text) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().expect("a parent")).expect("created");
            fs::write(file, text).expect("written");
        }
        git(&path, &["add", "-A"]);
        git(&path, &["commit", "-qm", "first"]);
        writeln!(self.list, "./repositories/{name}").expect("a string takes all");
        fs::write(self.folder.path().join("repos.txt"), &self.list).expect("written");
        path
    }

    /// Twelve small repositories, half of which have something to change.
    fn many() -> Self {
        let mut fleet = Self::new();
        for number in 0..12 {
            let text = format!("x = {number}\n");
            let defect = if number % 2 == 0 { DEFECT } else { "y = 1\n" };
            fleet.add(&format!("r{number}"), &[("a.py", &text), ("p/b.py", defect)]);
        }
        fleet
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mlfix"));
        let temporary = self.folder.path().join("tmp");
        fs::create_dir_all(&temporary).expect("created");
        command.arg("fleet").args(arguments).current_dir(self.folder.path()).env("TMPDIR", temporary).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it runs")
    }

    #[track_caller]
    fn right(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    fn wrong(&self, arguments: &[&str], expected: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }

    fn scan(&self, out: &str, more: &[&str]) -> Vec<Record> {
        self.right(&[&["scan", "--repos", "repos.txt", "--out", out], more].concat());
        self.records(out)
    }

    fn records(&self, out: &str) -> Vec<Record> {
        self.merged(out)
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| serde_json::from_slice(line).expect("a record"))
            .collect()
    }

    fn merged(&self, out: &str) -> Vec<u8> {
        self.right(&["merge", out]);
        fs::read(self.folder.path().join(out).join("records.jsonl")).expect("readable")
    }

    fn is_tidy(&self) -> bool {
        fs::read_dir(self.folder.path().join("tmp")).expect("readable").next().is_none()
    }
}

#[test]
fn a_record_holds_each_step_and_patches_apply() {
    let mut fleet = Fleet::new();
    let path = fleet.add("two", &[("a.py", TWO), ("crlf.py", &DEFECT.replace('\n', "\r\n")), ("clean.py", "x = 1\n")]);
    let records = fleet.scan("run", &[]);
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.status, record.files, record.base_ref.as_deref()), (Status::Changes, 3, Some("main")));
    assert_eq!(record.base_sha.as_deref(), Some(git(&path, &["rev-parse", "HEAD"]).as_str()));
    let steps: Vec<_> = record.steps.iter().map(|step| (step.transform.as_str(), step.safe, step.edits.len())).collect();
    assert_eq!(steps, [("mutable-default", 2, 2), ("mutate-while-iterating", 1, 1)]);
    let [first, second] = [&record.steps[0].edits[0], &record.steps[1].edits[0]];
    assert_eq!(first.blob_before, git(&path, &["rev-parse", "HEAD:a.py"]));
    assert_eq!((&first.blob_after, &first.path), (&second.blob_before, &second.path));

    let file = fleet.folder.path().join("two.mbox");
    fs::write(&file, fleet.run(&["export", "run", "--format", "mbox"]).stdout).expect("written");
    git(&path, &["am", "-q", "--keep-cr", file.to_str().expect("UTF-8")]);
    assert_eq!(git(&path, &["rev-parse", "HEAD:a.py"]), second.blob_after);
    assert_eq!(git(&path, &["rev-list", "--count", "HEAD"]), "3");
    git(&path, &["reset", "-q", "--hard", "HEAD~2"]);
    fleet.right(&["export", "run", "--out", "patches"]);
    let patches: Vec<_> = fs::read_dir(fleet.folder.path().join("patches")).expect("readable").flatten().collect();
    git(&path, &["apply", "--index", patches[0].path().to_str().expect("UTF-8")]);
    assert_eq!(git(&path, &["rev-parse", ":a.py"]), second.blob_after);
    assert_eq!(git(&path, &["rev-parse", ":crlf.py"]), record.steps[0].edits[1].blob_after);

    // The checkout says the same as the scan.
    git(&path, &["reset", "-q", "--hard"]);
    let fix = Command::new(env!("CARGO_BIN_EXE_mlfix")).args(["--fix", "--no-cache", "-q", "."]).current_dir(&path).status();
    assert!(fix.expect("it runs").success());
    assert_eq!(fs::read(path.join("a.py")).expect("readable"), second.content);
    assert!(fleet.is_tidy());
}

#[test]
fn owners_are_heard() {
    let mut fleet = Fleet::new();
    fleet.add("a-alone", &[("m.py", DEFECT), ("pyproject.toml", "[tool.mlfix]\npull-requests = false\n")]);
    fleet.add("b-ignored", &[("m.py", DEFECT), (".mlfixignore", "# not us\n")]);
    fleet.add("c-part", &[("m.py", DEFECT), ("gen/m.py", DEFECT), (".mlfixignore", "gen/\n")]);
    fleet.add("d-narrow", &[("m.py", TWO), ("mlfix.toml", "ignore = ['mutable-default']\n")]);
    fleet.add("e-wrong", &[("m.py", DEFECT), ("mlfix.toml", "unsafe-fixes = true\n")]);
    let records = fleet.scan("run", &[]);
    let found: Vec<_> = records.iter().map(|record| (record.status, record.class, record.steps.len())).collect();
    let changes = (Status::Changes, None, 1);
    let alone = (Status::OptedOut, None, 0);
    assert_eq!(found, [alone, alone, changes, changes, (Status::Failed, Some(Class::Parse), 0)]);
    assert_eq!(records[2].left_out["`.mlfixignore`"], 1);
    assert_eq!(records[3].steps[0].transform, "mutate-while-iterating");
    assert!(records[4].because.as_ref().is_some_and(|because| because.starts_with("mlfix.toml:1: `unsafe-fixes` cannot")));
}

#[test]
fn shards_are_the_whole_and_what_is_missing_is_named() {
    let fleet = Fleet::many();
    let whole = fleet.scan("one", &["--jobs", "2"]);
    assert_eq!(whole.iter().filter(|record| record.status == Status::Changes).count(), 6);
    for index in ["0/3", "1/3", "2/3"] {
        if index == "2/3" {
            fleet.wrong(&["merge", "three", "--expect", "repos.txt"], "repositories have no record");
        }
        fleet.right(&["scan", "--repos", "repos.txt", "--out", "three", "--shard", index]);
    }
    fleet.right(&["merge", "three", "--expect", "repos.txt"]);
    assert_eq!(fleet.merged("three"), fleet.merged("one"));
    fleet.right(&["merge", "three", "--expect", "repos.txt"]);
    fleet.wrong(&["scan", "--repos", "repos.txt", "--out", "three", "--shard", "3/3"], "parts are counted from 0");
    fleet.wrong(&["scan", "--repos", "repos.txt", "--out", "three", "--select", "B006"], "other transforms or options");

    // Who takes a repository off the list does not get it.
    fs::write(fleet.folder.path().join("fewer.txt"), "./repositories/r3\n").expect("written");
    fleet.right(&["merge", "three", "--expect", "fewer.txt"]);
    let fewer = fs::read(fleet.folder.path().join("three/records.jsonl")).expect("readable");
    assert_eq!(String::from_utf8_lossy(&fewer).lines().count(), 1);
}

#[test]
fn a_run_goes_on_where_it_was_killed() {
    let fleet = Fleet::many();
    let expected = {
        fleet.scan("one", &[]);
        fleet.merged("one")
    };
    let scan = ["scan", "--repos", "repos.txt", "--out", "killed", "--jobs", "2"];
    for pause in (0..10).map(|number| Duration::from_millis(number * 40)) {
        let mut child = fleet.command(&scan).stderr(Stdio::null()).spawn().expect("it runs");
        std::thread::sleep(pause);
        let _ = child.kill();
        child.wait().expect("it ends");
    }
    let part = fleet.folder.path().join("killed/scan-0-of-1.jsonl.part");
    if let Ok(bytes) = fs::read(&part) {
        fs::write(&part, &bytes[..bytes.len().saturating_sub(20)]).expect("written");
    }
    fleet.right(&scan);
    assert_eq!(fleet.merged("killed"), expected);
    assert!(!part.exists());
    assert!(fleet.is_tidy());

    // Nothing is done twice, and what has moved is looked at again when somebody asks for it.
    let times = fleet.folder.path().join("killed/scan-0-of-1.times");
    let before = fs::read(&times).expect("readable");
    fleet.right(&scan);
    assert_eq!(fs::read(&times).expect("readable"), before);
    let moved = fleet.folder.path().join("repositories/r0");
    fs::write(moved.join("p/b.py"), "y = 1\n").expect("written");
    git(&moved, &["commit", "-qam", "done by hand"]);
    fleet.right(&scan);
    assert_eq!(fleet.merged("killed"), expected);
    fleet.right(&[&scan[..], &["--refresh"]].concat());
    let records = fleet.records("killed");
    assert_eq!(records.iter().filter(|record| record.status == Status::Changes).count(), 5);
    assert_eq!(
        fs::read_to_string(&times).expect("readable").lines().count(),
        String::from_utf8_lossy(&before).lines().count() + 1
    );
}

#[test]
fn what_failed_is_tried_again() {
    let mut fleet = Fleet::many();
    let late = fleet.add("z", &[("m.py", DEFECT)]);
    let away = late.with_extension("away");
    fs::rename(late.join(".git"), &away).expect("moved");
    let records = fleet.scan("run", &["--shard", "0/1"]);
    let failed: Vec<_> = records.iter().filter_map(|record| record.class).collect();
    assert_eq!(failed, [Class::Gone]);
    fs::rename(&away, late.join(".git")).expect("moved");
    fleet.right(&["retry", "run"]);
    assert_eq!(fleet.records("run"), records);
    fleet.right(&["retry", "run", "--class", "transient,gone"]);
    assert!(fleet.records("run").iter().all(|record| record.class.is_none()));
}

#[test]
fn a_mirror_stands_for_the_network() {
    let mut fleet = Fleet::new();
    let path = fleet.add("r", &[("m.py", DEFECT)]);
    let copy = fleet.folder.path().join("mirror/github.com/owner/name.git");
    fs::create_dir_all(copy.parent().expect("a parent")).expect("created");
    git(&path, &["clone", "-q", "--bare", ".", copy.to_str().expect("UTF-8")]);
    fleet.right(&["scan", "owner/name", "owner/other", "--out", "run", "--mirror", "mirror"]);
    let found: Vec<_> = fleet.records("run").into_iter().map(|record| (record.url, record.status, record.class)).collect();
    let url = |name: &str| format!("https://github.com/owner/{name}.git");
    assert_eq!(found, [(url("name"), Status::Changes, None), (url("other"), Status::Failed, Some(Class::Gone))]);
    fleet.wrong(&["scan", "owner/name", "--out", "run2", "--mirror", "none"], "cannot read none: no such file");

    // What `mirror` fills, `scan` finds; and it goes for nothing that has not moved.
    let filled = fleet.run(&["mirror", "copies", "--repos", "repos.txt"]);
    assert!(String::from_utf8_lossy(&filled.stderr).contains("copied"));
    let filled = fleet.run(&["mirror", "copies", "--repos", "repos.txt"]);
    assert!(String::from_utf8_lossy(&filled.stderr).contains("is there already"));
    let records = { fleet.scan("offline", &["--mirror", "copies"]) };
    assert_eq!(records[0].status, Status::Changes);
}

#[test]
fn bad_input_is_named() {
    let fleet = Fleet::many();
    let put = |name: &str, text: &str| fs::write(fleet.folder.path().join(name), text).expect("written");
    put("bad.txt", "a/b\nhttps://me:secret@github.com/a/b\n");
    fleet.wrong(&["scan", "--repos", "bad.txt", "--out", "x"], "bad.txt:2: an address holds no name and no password");
    fleet.wrong(&["scan", "--repos", "none.txt", "--out", "x"], "cannot read none.txt: no such file");
    fleet.wrong(&["scan", "--out", "x"], "which repositories?");
    fleet.wrong(&["scan", "--repos", "repos.txt", "--out", "x", "--select", "B06"], "--select: ");
    put("mlfix.toml", "fix = true\n");
    fleet.wrong(&["scan", "--repos", "repos.txt", "--out", "x", "--config", "mlfix.toml"], "mlfix.toml:1: `fix` cannot");
    assert!(!fleet.folder.path().join("x").exists());
    fleet.wrong(&["show", "repositories"], "holds no records");
    put("odd.jsonl", "{\"repo\": 1}\n");
    fleet.wrong(&["show", "odd.jsonl"], "odd.jsonl:1: no record");
    fleet.wrong(&["retry", "repositories"], "is not the folder of a run");
    fleet.wrong(&["sbatch", "--shards", "4", "--", "--repos", "x"], "would not take these options");
    fleet.wrong(&["sbatch", "--shards", "4", "--", "--repos", "x", "--out", "y", "--shard", "0/2"], "come from the script");
    put("repos2.txt", "./repositories/none\n");
    fleet.wrong(&["scan", "--repos", "repos2.txt", "--out", "x"], "repos2.txt:1: ");
}

/// Whatever is in the environment of a scan, git does not see it.
#[cfg(unix)]
#[test]
fn no_child_sees_a_token() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = Fleet::many();
    let (fake, log) = (fleet.folder.path().join("bin"), fleet.folder.path().join("log"));
    fs::create_dir(&fake).expect("created");
    let path = std::env::var("PATH").expect("there is one");
    let script = format!("#!/bin/sh\nenv >> {0}\necho \"$@\" >> {0}\nPATH='{path}' exec git \"$@\"\n", log.display());
    fs::write(fake.join("git"), script).expect("written");
    fs::set_permissions(fake.join("git"), fs::Permissions::from_mode(0o755)).expect("executable");
    let secret = "ghp_secret0123456789";
    let output = fleet
        .command(&["scan", "--repos", "repos.txt", "--out", "run"])
        .env("PATH", format!("{}:{path}", fake.display()))
        .envs([("GITHUB_TOKEN", secret), ("MLFIX_TOKEN", secret), ("GIT_CONFIG_COUNT", "1"), ("GIT_SSH_COMMAND", secret)])
        .output()
        .expect("it runs");
    assert!(output.status.success());
    let log = fs::read_to_string(log).expect("git was called");
    assert!(log.contains("clone --bare") && !log.contains(secret));
    assert!(log.contains("GIT_CONFIG_GLOBAL=/dev/null") && log.contains("GIT_ALLOW_PROTOCOL=file\n"));
}

#[test]
fn what_users_see() {
    let mut fleet = Fleet::new();
    fleet.add("clean", &[("m.py", "x = 1\n")]);
    fleet.add("two", &[("a.py", TWO), ("models/net.py", DEFECT)]);
    fleet.add("alone", &[("m.py", DEFECT), (".mlfixignore", "")]);
    fleet.add("wrong", &[("m.py", DEFECT), ("mlfix.toml", "slect = []\n")]);
    fleet.scan("run", &[]);
    let folder = fleet.folder.path().canonicalize().expect("it exists");
    let clean = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).replace(folder.to_str().expect("UTF-8"), "[folder]");
        // The names of repositories are as long as the folder, and so is the first column.
        let columns = |line: &str| line.split("  ").filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ");
        let line =
            |line: &str| if line.contains("file://") || line.starts_with("repository") { columns(line) } else { line.into() };
        text.lines().map(|text| line(text).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    };
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/fleet");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, arguments) in [
            ("scan-help", &["scan", "--help"] as &[&str]),
            ("help", &["--help"]),
            ("show", &["show", "run"]),
            ("show-one", &["show", "run", "--repo", "two"]),
            ("show-markdown", &["show", "run", "--format", "markdown"]),
            ("show-csv", &["show", "run", "--format", "csv"]),
            ("show-html", &["show", "run", "--format", "html"]),
            ("diff", &["diff", "run", "--repo", "two"]),
            ("mbox", &["export", "run", "--format", "mbox"]),
            ("sbatch", &["sbatch", "--shards", "200", "--", "--repos", "repos.txt", "--out", "run"]),
        ] {
            insta::assert_snapshot!(name, clean(&fleet.run(arguments).stdout));
        }
    });
}
