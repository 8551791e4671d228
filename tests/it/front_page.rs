//! What README.md shows of the program is what the program prints.
//!
//! In a `console` fence, a line that starts with `$ mlfix` or `$ python` is a command, run in the root of the
//! repository; the lines below it are its output, standard error last. A line `[...]` stands for any number of lines. A
//! command without output is not run.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cases::diff;

/// Held by a test while it reads README.md and writes its part of it.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static PAGE: Mutex<()> = Mutex::new(());
    PAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `MLFIX_UPDATE=1 cargo test` writes the output, where nothing is left out of it.
#[test]
fn commands_print_what_the_page_shows() {
    let _alone = alone();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("README.md")).expect("there is a README.md");
    let mut wrong = Vec::new();
    let mut updated: Vec<String> = page.lines().map(str::to_string).collect();
    let commands = commands(&page);
    for (line, command, expected) in commands.iter().rev() {
        let mut words = command.split_whitespace();
        let program = match words.next() {
            Some("mlfix") => env!("CARGO_BIN_EXE_mlfix").to_string(),
            Some("python") => std::env::var("MLFIX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_string()),
            _ => continue,
        };
        let mut process = Command::new(&program);
        process.args(words).current_dir(root).env("PYTHONDONTWRITEBYTECODE", "1").env("NO_COLOR", "1").env("COLUMNS", "100");
        process.env("MLFIX_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
        match process.output() {
            Ok(output) => {
                let printed = [output.stdout, output.stderr].concat();
                let printed = String::from_utf8_lossy(&printed);
                if !is_shown(expected, &printed.lines().collect::<Vec<_>>()) {
                    if std::env::var_os("MLFIX_UPDATE").is_some() && !expected.contains(&"[...]") {
                        updated.splice(*line..line + expected.len(), printed.lines().map(str::to_string));
                        continue;
                    }
                    let expected = expected.join("\n") + "\n";
                    wrong.push(format!("README.md:{line}: `{command}`\n{}", diff(expected.as_bytes(), printed.as_bytes())));
                }
            }
            Err(error) => wrong.push(format!("README.md:{line}: cannot start `{program}`: {error}")),
        }
    }
    let updated = updated.join("\n") + "\n";
    if updated != page {
        fs::write(root.join("README.md"), updated).expect("README.md can be written");
    }
    assert!(wrong.is_empty(), "\nthe page (-) and the program (+) differ:\n{}\n", wrong.join("\n\n"));
    assert!(!commands.is_empty(), "the page shows no output");
}

/// The commands with output: the line they stand on, what is typed, and what is printed.
fn commands(page: &str) -> Vec<(usize, &str, Vec<&str>)> {
    let mut found: Vec<(usize, &str, Vec<&str>)> = Vec::new();
    let mut fence = "";
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            fence = if fence.is_empty() { line } else { "" };
        } else if fence == "```console" {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push((number + 1, command, Vec::new())),
                (None, Some((_, _, output))) => output.push(line),
                (None, None) => {}
            }
        }
    }
    found.retain(|(_, _, output)| output.iter().any(|line| !line.is_empty()));
    found
}

fn is_shown(expected: &[&str], printed: &[&str]) -> bool {
    let parts: Vec<&[&str]> = expected.split(|&line| line == "[...]").collect();
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return *first == printed };
    let Some(mut printed) = printed.strip_prefix(*first).and_then(|behind| behind.strip_suffix(*last)) else { return false };
    for part in middle.iter().filter(|part| !part.is_empty()) {
        match printed.windows(part.len()).position(|window| window == *part) {
            Some(at) => printed = &printed[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[test]
fn output_may_be_left_out() {
    let page = "```console\n$ a\n1\n[...]\n3\n$ b  # nothing\n\n```\n```python\n$ c\nx\n```\n";
    assert_eq!(commands(page), [(2, "a", vec!["1", "[...]", "3"])]);
    let shown = |expected: &[&str]| is_shown(expected, &["1", "2", "2", "3"]);
    assert!(
        shown(&["1", "2", "2", "3"])
            && shown(&["1", "[...]", "3"])
            && shown(&["[...]", "2", "[...]", "3"])
            && shown(&["[...]"])
    );
    assert!(!shown(&["1", "[...]", "2"]) && !shown(&["[...]", "4", "[...]"]) && !shown(&["1", "2"]));
}
