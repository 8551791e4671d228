//! What the owners of a repository want: their configuration can take away from what the team asks for, and add nothing.
//!
//! `select`, `ignore`, `exclude`, `per-file-ignores`, `target-version` and `requires-python` count as they do on the
//! command line: the nearest file, alone. Options of transforms are the team's. `pull-requests = false` and a
//! `.mlfixignore` ask to be left alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::{Config, required_python};
use crate::engine::version::PythonVersion;

/// Where the top of a repository would be if it were in a file system.
pub(super) const ROOT: &str = "/";
/// Files of these names say what their owners want.
pub(super) const NAMES: [&str; 3] = ["mlfix.toml", "pyproject.toml", ".mlfixignore"];

/// What the owners want, by folder.
#[derive(Default)]
pub(super) struct Wishes {
    folders: BTreeMap<PathBuf, Folder>,
}

#[derive(Default)]
struct Folder {
    config: Option<Config>,
    required: Option<PythonVersion>,
    ignoring: Option<Ignoring>,
    /// What is wrong with a file that says what its owners want.
    wrong: Option<String>,
}

enum Ignoring {
    Everything,
    Some(Gitignore),
}

/// What its owners want for one file.
pub(super) enum Wish<'a> {
    /// Nobody shall touch it, for this reason.
    Leave(&'static str),
    /// It may be changed, as far as this configuration says, and must run on this Python.
    Take { config: Option<&'a Config>, target: Option<PythonVersion> },
}

impl Wishes {
    /// Reads the files of these names. Paths begin with [`ROOT`].
    pub(super) fn new(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        // In one folder `mlfix.toml` comes before `pyproject.toml`.
        files.sort();
        let mut wishes = Self::default();
        for (path, bytes) in files {
            let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else { continue };
            let folder = wishes.folders.entry(parent.to_owned()).or_default();
            let read = match name.to_str() {
                Some(".mlfixignore") => folder.read_ignoring(parent, &bytes),
                _ => folder.read_config(&path, parent, &bytes),
            };
            if let Err(error) = read {
                folder.wrong.get_or_insert(error);
            }
        }
        wishes
    }

    /// Why nothing in the repository may be touched, if its owners say so, or why nobody knows what they say.
    pub(super) fn of_all(&self) -> Result<Option<&'static str>, &str> {
        let Some(root) = self.folders.get(Path::new(ROOT)) else { return Ok(None) };
        match root {
            Folder { wrong: Some(wrong), .. } => Err(wrong),
            Folder { ignoring: Some(Ignoring::Everything), .. } => Ok(Some("`.mlfixignore`")),
            Folder { config: Some(Config { pull_requests: false, .. }), .. } => Ok(Some("`pull-requests = false`")),
            _ => Ok(None),
        }
    }

    /// What they want for one file.
    pub(super) fn of(&self, path: &Path) -> Wish<'_> {
        let mut config = None;
        let mut required = None;
        // From the top down, so that the nearest counts.
        let above: Vec<&Path> = path.ancestors().skip(1).collect();
        for folder in above.into_iter().rev().filter_map(|folder| self.folders.get(folder)) {
            if folder.wrong.is_some() {
                return Wish::Leave("wrong configuration");
            }
            let is_ignored = match &folder.ignoring {
                None => false,
                Some(Ignoring::Everything) => true,
                Some(Ignoring::Some(patterns)) => patterns.matched_path_or_any_parents(path, false).is_ignore(),
            };
            if is_ignored {
                return Wish::Leave("`.mlfixignore`");
            }
            config = folder.config.as_ref().or(config);
            required = folder.required.or(required);
        }
        match config {
            Some(config) if !config.pull_requests => Wish::Leave("`pull-requests = false`"),
            Some(config) if config.exclude.matches(path) => Wish::Leave("excluded by its owners"),
            _ => Wish::Take { config, target: config.and_then(|config| config.target).or(required) },
        }
    }
}

impl Folder {
    fn read_config(&mut self, path: &Path, folder: &Path, bytes: &[u8]) -> Result<(), String> {
        let shown = path.strip_prefix(ROOT).unwrap_or(path);
        let text = std::str::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", shown.display()))?;
        if path.ends_with("pyproject.toml") {
            self.required = required_python(shown, text).map_err(|error| error.to_string())?;
        }
        if self.config.is_none() {
            self.config = Config::parse(shown, text, folder).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn read_ignoring(&mut self, folder: &Path, bytes: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(bytes).map_err(|_| ".mlfixignore is not UTF-8".to_owned())?;
        let mut builder = GitignoreBuilder::new(folder);
        for line in text.lines() {
            builder.add_line(None, line).map_err(|error| format!(".mlfixignore: {error}"))?;
        }
        let patterns = builder.build().map_err(|error| format!(".mlfixignore: {error}"))?;
        self.ignoring = Some(if patterns.is_empty() { Ignoring::Everything } else { Ignoring::Some(patterns) });
        Ok(())
    }
}

/// Those of the team's transforms that the owners want in a file, too.
pub(super) fn narrowed(team: impl Iterator<Item = &'static str>, config: Option<&Config>, path: &Path) -> Vec<&'static str> {
    let Some(config) = config else { return team.collect() };
    team.filter(|id| config.select.as_ref().is_none_or(|select| select.contains(id)))
        .filter(|id| !config.ignore.contains(id))
        .filter(|id| !config.per_file_ignores.iter().any(|(patterns, ids)| ids.contains(id) && patterns.matches(path)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(files: &[(&str, &str)]) -> Wishes {
        Wishes::new(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())))
    }

    fn of(wishes: &Wishes, path: &str) -> String {
        let path = Path::new(path);
        match wishes.of(path) {
            Wish::Leave(because) => because.to_owned(),
            Wish::Take { config, target } => {
                let ids = narrowed(["mutable-default", "sync-in-loop"].into_iter(), config, path);
                format!("{} {}", ids.join("+"), target.map_or("-".into(), |target| target.to_string()))
            }
        }
    }

    #[test]
    fn the_nearest_configuration_narrows() {
        let wishes = wishes(&[
            ("/pyproject.toml", "[project]\nrequires-python='>=3.11'\n[tool.mlfix]\nexclude=['old']\nignore=['B006']\n"),
            ("/a/mlfix.toml", "select=['B006','open-without-with']\n[per-file-ignores]\n'x*'=['B006']\n"),
            ("/a/pyproject.toml", "[tool.mlfix]\nselect=[]\n"),
            ("/b/mlfix.toml", "pull-requests = false\n"),
            ("/c/mlfix.toml", "nonsense = 1\n"),
            ("/d/.mlfixignore", "# nobody\n"),
            ("/e/.mlfixignore", "gen/\n/top.py\n"),
        ]);
        assert_eq!(wishes.of_all(), Ok(None));
        for (path, expected) in [
            ("/x.py", "sync-in-loop 3.11"),
            ("/old/x.py", "excluded by its owners"),
            ("/a/y.py", "mutable-default 3.11"),
            ("/a/x.py", " 3.11"),
            ("/b/x.py", "`pull-requests = false`"),
            ("/c/x.py", "wrong configuration"),
            ("/d/x/y.py", "`.mlfixignore`"),
            ("/e/x/gen/y.py", "`.mlfixignore`"),
            ("/e/top.py", "`.mlfixignore`"),
            ("/e/x/top.py", "sync-in-loop 3.11"),
        ] {
            assert_eq!(of(&wishes, path), expected, "{path}");
        }
    }

    #[test]
    fn who_wants_to_be_left_alone_is() {
        assert_eq!(wishes(&[("/.mlfixignore", "")]).of_all(), Ok(Some("`.mlfixignore`")));
        assert_eq!(wishes(&[("/.mlfixignore", "docs/\n")]).of_all(), Ok(None));
        assert_eq!(wishes(&[("/mlfix.toml", "pull-requests = false")]).of_all(), Ok(Some("`pull-requests = false`")));
        let wrong = wishes(&[("/pyproject.toml", "[tool.mlfix]\npull-request = false")]);
        assert_eq!(wrong.of_all(), Err("pyproject.toml:2: unknown key `pull-request`; did you mean `pull-requests`?"));
    }
}
