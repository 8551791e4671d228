//! Any configuration is read or refused with a line that exists, and its patterns match without a panic.

use std::path::Path;

use mlfix::config::{Config, did_you_mean, required_python};
use mlfix::transforms::SUITE;

/// Reads a text as `mlfix.toml` and as `pyproject.toml`.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let folder = Path::new("/project");
    for name in ["mlfix.toml", "pyproject.toml"] {
        let path = folder.join(name);
        match Config::parse(&path, text, folder) {
            Ok(None) => assert_eq!(name, "pyproject.toml", "a file that is all about mlfix says nothing"),
            Ok(Some(config)) => uses(&config, folder),
            Err(error) => names_a_line(&error.to_string(), &path, text),
        }
        if let Err(error) = required_python(&path, text) {
            names_a_line(&error.to_string(), &path, text);
        }
    }
    let ids: Vec<&str> = SUITE.iter().map(|transform| transform.meta().id).collect();
    let word: String = text.chars().take(40).collect();
    did_you_mean(&word, &ids);
}

fn uses(config: &Config, folder: &Path) {
    for path in ["a.py", "tests/test_a.py", "src/mlfix/é/b.pyi"] {
        let path = folder.join(path);
        config.exclude.matches(&path);
        for (patterns, ids) in &config.per_file_ignores {
            patterns.matches(&path);
            assert!(ids.iter().all(|id| is_known(id)), "an unknown transform");
        }
    }
    let named = config.select.iter().flatten().chain(&config.ignore).chain(config.options.keys().map(|(id, _)| id));
    for id in named {
        assert!(is_known(id), "an unknown transform");
    }
}

fn is_known(id: &str) -> bool {
    SUITE.iter().any(|transform| transform.meta().id == id)
}

/// An error starts with the file and a line of it.
fn names_a_line(error: &str, path: &Path, text: &str) {
    let rest = error.strip_prefix(&format!("{}:", path.display())).unwrap_or_else(|| panic!("no file: {error}"));
    let line: usize = rest.split(':').next().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("no line: {error}"));
    let lines = text.bytes().filter(|&byte| byte == b'\n').count() + 1;
    assert!((1..=lines).contains(&line), "line {line} of {lines}: {error}");
}
