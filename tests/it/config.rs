//! Configuration files as users write them, seen through the program.

use std::fs;
use std::path::Path;
use std::process::Command;

/// One finding of `mutable-default` with a safe fix.
const SAFE: &str = "def add(x, seen=[]):\n    seen.append(x)\n    return seen\n\n\nprint(add(1))\n";

fn mlfix() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlfix"));
    command.env("MLFIX_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command
}

/// The files with findings, and the exit code.
fn found(files: &[(&str, &str)], arguments: &[&str]) -> (Vec<String>, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(path, text).expect("written");
    }
    let run =
        mlfix().args(["--output-format", "json", "-q"]).args(arguments).current_dir(folder.path()).output().expect("it runs");
    let value: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap_or_default();
    let files = value["files"].as_array().cloned().unwrap_or_default();
    let with_findings = files.iter().filter(|file| file["findings"] != serde_json::json!([]));
    (with_findings.map(|file| file["path"].as_str().expect("a path").to_owned()).collect(), run.status.code())
}

#[test]
fn the_nearest_file_decides() {
    for (files, arguments, expected) in [
        (&[("a.py", SAFE)] as &[(&str, &str)], &[] as &[&str], &["a.py"] as &[&str]),
        (&[("a.py", SAFE), ("pyproject.toml", "[tool.mlfix]\nignore = ['B006']\n")], &[], &[]),
        (&[("a.py", SAFE), ("pyproject.toml", "[tool.mlfix]\nignore = ['B006']\n")], &["--isolated"], &["a.py"]),
        (&[("a.py", SAFE), ("pyproject.toml", "[tool.mlfix]\nignore = ['B006']\n")], &["--select", "B006"], &["a.py"]),
        (&[("a.py", SAFE), ("mlfix.toml", "select = ['mutate-while-iterating']\n")], &[], &[]),
        // One folder, two files.
        (&[("a.py", SAFE), ("mlfix.toml", ""), ("pyproject.toml", "[tool.mlfix]\nignore = ['B006']\n")], &[], &["a.py"]),
        // A project file that does not speak of mlfix hides nothing; one that does, hides all above it.
        (&[("s/a.py", SAFE), ("s/pyproject.toml", "[tool.x]\n"), ("mlfix.toml", "ignore = ['B006']\n")], &[], &[]),
        (&[("s/a.py", SAFE), ("s/mlfix.toml", ""), ("mlfix.toml", "ignore = ['B006']\n")], &[], &["s/a.py"]),
        (&[("a.py", SAFE), ("t/a.py", SAFE), ("mlfix.toml", "exclude = ['t']\n")], &[], &["a.py"]),
        (&[("a.py", SAFE), ("t/a.py", SAFE)], &["--exclude", "t,b.py"], &["a.py"]),
        (
            &[("a.py", SAFE), ("t/a.py", SAFE), ("mlfix.toml", "[per-file-ignores]\n't/*' = ['mutable-default']\n")],
            &["--select", "mutable-default"],
            &["a.py"],
        ),
        (&[("a.py", SAFE), ("x/other.toml", "ignore = ['B006']\n")], &["--config", "x/other.toml"], &[]),
    ] {
        let (paths, code) = found(files, arguments);
        assert_eq!(paths, expected, "{files:?} {arguments:?}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{files:?} {arguments:?}");
    }
}

#[test]
fn no_configuration_makes_a_run_write() {
    for text in ["fix = true\n", "unsafe-fixes = true\n", "diff = true\n"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.py");
        fs::write(&path, SAFE).expect("written");
        fs::write(folder.path().join("mlfix.toml"), text).expect("written");
        let run = mlfix().current_dir(folder.path()).output().expect("it runs");
        assert_eq!(run.status.code(), Some(2));
        let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(stderr.contains("mlfix.toml:1: ") && stderr.contains("only the command line"), "{stderr}");
        assert_eq!(fs::read_to_string(&path).expect("readable"), SAFE);
    }
}

#[test]
fn a_wrong_file_stops_the_run_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(path, text).expect("written");
    };
    put("a.py", SAFE);
    put("z/a.py", SAFE);
    put("z/pyproject.toml", "[tool.mlfix\n");
    let run = mlfix().arg("--fix").current_dir(folder.path()).output().expect("it runs");
    assert_eq!(run.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(
        stderr.starts_with("error: ") && stderr.contains(&format!("z{}pyproject.toml:1: ", std::path::MAIN_SEPARATOR)),
        "{stderr}"
    );
    for file in ["a.py", "z/a.py"] {
        assert_eq!(fs::read_to_string(folder.path().join(Path::new(file))).expect("readable"), SAFE);
    }
}
