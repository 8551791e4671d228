//! Globs that choose files and folders, as `exclude` and `per-file-ignores` have them.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A list of globs and the folder that they are relative to.
///
/// A glob without a slash speaks for every file and folder of that name (`conftest.py`, `legacy`, `*_old.py`); one with a
/// slash for that path below the folder (`models/legacy`, `scripts/*.py`, `**/data/*.py`). Whatever stands in a folder
/// that matches, matches too.
#[derive(Clone, Debug)]
pub struct Patterns {
    folder: PathBuf,
    names: GlobSet,
    paths: GlobSet,
}

impl Patterns {
    /// Compiles the globs. The folder is absolute and without links. The error names the glob that is wrong.
    pub fn new<S: AsRef<str>>(folder: &Path, globs: &[S]) -> Result<Self, String> {
        let mut names = GlobSetBuilder::new();
        let mut paths = GlobSetBuilder::new();
        for glob in globs {
            let glob = glob.as_ref();
            let plain = glob.strip_prefix("./").unwrap_or(glob);
            let trimmed = plain.trim_end_matches('/');
            let in_path = trimmed.contains('/');
            let absolute = Path::new(trimmed).strip_prefix(folder).ok().and_then(Path::to_str);
            let text = absolute.unwrap_or_else(|| trimmed.trim_start_matches('/'));
            if text.is_empty() {
                return Err(format!("`{glob}` is not a pattern for files"));
            }
            let compiled = GlobBuilder::new(text).literal_separator(true).build();
            let compiled = compiled.map_err(|error| format!("`{glob}` is not a pattern for files: {}", error.kind()))?;
            if in_path { &mut paths } else { &mut names }.add(compiled);
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|error| error.to_string());
        Ok(Self { folder: folder.to_owned(), names: build(names)?, paths: build(paths)? })
    }

    /// Whether a file or folder, or a folder that holds it, matches. The path is absolute and without links.
    pub fn matches(&self, path: &Path) -> bool {
        if self.names.is_empty() && self.paths.is_empty() {
            return false;
        }
        let Ok(relative) = path.strip_prefix(&self.folder) else {
            return path.file_name().is_some_and(|name| self.names.is_match(name));
        };
        relative
            .ancestors()
            .filter(|ancestor| !ancestor.as_os_str().is_empty())
            .any(|ancestor| self.paths.is_match(ancestor) || ancestor.file_name().is_some_and(|name| self.names.is_match(name)))
    }
}

/// Takes a list of the command line apart at its commas, except those within braces.
pub fn split(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("there is always a last part").push(c);
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_anywhere_and_paths_below_the_folder() {
        let matches =
            |glob: &str, path: &str| Patterns::new(Path::new("/p"), &[glob]).expect("a glob").matches(Path::new(path));
        for (glob, path, expected) in [
            ("conftest.py", "/p/a/conftest.py", true),
            ("legacy", "/p/a/legacy/b/c.py", true),
            ("legacy/", "/p/legacy/c.py", true),
            ("legacy", "/p/legacy.py", false),
            ("*_old.py", "/p/x/y_old.py", true),
            ("models/legacy", "/p/models/legacy/c.py", true),
            ("./models/*.py", "/p/models/c.py", true),
            ("models/*.py", "/p/models/a/c.py", false),
            ("models/*.py", "/p/a/models/c.py", false),
            ("**/models/*.py", "/p/a/models/c.py", true),
            ("/p/models/*.py", "/p/models/c.py", true),
            ("{a,b}.py", "/p/b.py", true),
            ("p", "/p/c.py", false),
        ] {
            assert_eq!(matches(glob, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn what_is_no_glob_is_named() {
        let error = Patterns::new(Path::new("/p"), &["a[b"]).expect_err("wrong");
        assert!(error.starts_with("`a[b` is not a pattern for files: "), "{error}");
        assert!(Patterns::new(Path::new("/p"), &["./"]).is_err());
    }

    #[test]
    fn commas_within_braces_separate_nothing() {
        assert_eq!(split("a,{b,c}.py,,d"), ["a", "{b,c}.py", "d"]);
    }
}
