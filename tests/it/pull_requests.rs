//! Pull requests, from the first scan to the end of a campaign, against a forge on loopback; and the page about them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::front_page::alone;

/// Runs one part of `tests/fleet/walk.py`, which says what it checks.
fn walk(part: &str, more: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet/walk.py");
    let python = std::env::var("MLFIX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let mut command = Command::new(python);
    command.arg("-B").arg(script).args(["--mlfix", env!("CARGO_BIN_EXE_mlfix"), "--only", part]).args(more);
    let output = command.output().expect("Python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}:\n{}{said}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_campaign_lives_and_ends() {
    walk("life", &[]);
}

#[test]
fn answers_that_get_lost_make_no_second_pull_request() {
    walk("faults", &[]);
}

#[test]
fn a_run_can_be_killed_at_any_moment() {
    walk("kills", &["--kills", "2"]);
}

#[test]
fn through_a_fork() {
    walk("forks", &[]);
}

#[test]
fn a_list_of_the_forge_and_a_token_that_may_only_read() {
    walk("listed", &[]);
}

#[test]
fn one_repository_in_parts() {
    walk("divided", &[]);
}

#[test]
fn one_repository_from_its_checkout() {
    walk("one", &[]);
}

const START: &str = "<!-- sample: kept by a test -->\n";
const END: &str = "<!-- end of sample -->\n";

/// `MLFIX_UPDATE=1 cargo test` writes it.
#[test]
fn the_sample_on_the_page_is_real() {
    let _alone = alone();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(folder.path());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ada").env(format!("GIT_{who}_EMAIL"), "ada@example.com");
            command.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
        }
        assert!(command.output().expect("git runs").status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet", "-b", "main"]);
    for entry in fs::read_dir(root.join("examples")).expect("it is there").flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "Begin"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlfix"));
    command.args(["pr", "--dry-run", "--campaign", "spring", "--select", "mutate-while-iterating,open-without-with"]);
    let output = command.current_dir(folder.path()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let (_, text) = printed.split_once("\nTitle: ").expect("a title");
    let (title, body) = text.split_once('\n').expect("a text below");
    let quoted: String = body.trim().lines().map(|line| format!("> {line}").trim_end().to_owned() + "\n").collect();
    let sample = format!("> **{title}**\n>\n{quoted}\n");

    let path = root.join("docs/pull-requests.md");
    let page = fs::read_to_string(&path).expect("there is a page");
    let start = page.find(START).expect("a comment starts the sample") + START.len();
    let end = page.find(END).expect("a comment ends the sample");
    if page[start..end] == sample {
        return;
    }
    if std::env::var_os("MLFIX_UPDATE").is_some() {
        fs::write(&path, format!("{}{sample}{}", &page[..start], &page[end..])).expect("the page can be written");
        return;
    }
    panic!("docs/pull-requests.md: the sample is out of date; run `MLFIX_UPDATE=1 cargo test`. It should be\n\n{sample}");
}
