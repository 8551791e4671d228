//! Which configuration is in force for a file: the nearest one, never merged with another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

use super::{Config, Patterns, rank, read, read_found, required_python};
use crate::engine::driver::{Selected, Settings};
use crate::engine::version::PythonVersion;
use crate::transforms::SUITE;

/// What the command line says, for all files.
#[derive(Debug, Default)]
pub struct Overrides {
    /// Instead of the configuration's `select` and `ignore`.
    pub select: Option<Vec<&'static str>>,
    /// Besides the configuration's `ignore`.
    pub ignore: Vec<&'static str>,
    /// Besides the configuration's `exclude`.
    pub exclude: Option<Patterns>,
    /// Instead of the configuration's, and the project's.
    pub target: Option<PythonVersion>,
    /// Whether fixes of the unsafe tier may be applied.
    pub unsafe_fixes: bool,
    /// One configuration file for everything.
    pub config: Option<PathBuf>,
    /// No configuration file at all.
    pub isolated: bool,
}

/// The configurations of a run. Shared by threads; each file is read once.
pub struct Configs {
    overrides: Overrides,
    everywhere: Option<Arc<Config>>,
    folders: Mutex<HashMap<PathBuf, Found>>,
    settings: Mutex<HashMap<Key, Arc<Settings>>>,
}

/// What holds in a folder.
#[derive(Clone, Default)]
struct Found {
    config: Option<Arc<Config>>,
    required: Option<PythonVersion>,
}

/// Files with the same key share their settings, and with them the compiled queries.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    selected: Vec<&'static str>,
    target: PythonVersion,
    config: Option<PathBuf>,
}

impl Configs {
    /// Reads the file of `--config`, whose globs are relative to `working`, the working folder.
    ///
    /// # Errors
    /// When that file cannot be read or is wrong.
    pub fn new(overrides: Overrides, working: &Path) -> anyhow::Result<Self> {
        let everywhere = match &overrides.config {
            None => None,
            Some(path) => {
                let text = read(path)?.with_context(|| format!("cannot read {}: there is no such file", path.display()))?;
                let config = Config::parse(path, &text, working)?;
                Some(Arc::new(config.with_context(|| format!("{} has no [tool.mlfix]", path.display()))?))
            }
        };
        Ok(Self { overrides, everywhere, folders: Mutex::default(), settings: Mutex::default() })
    }

    /// Whether a file or folder is to be left out. The path is absolute and without links.
    ///
    /// # Errors
    /// When the configuration for it cannot be read or is wrong.
    pub fn excludes(&self, path: &Path) -> anyhow::Result<bool> {
        if self.overrides.exclude.as_ref().is_some_and(|patterns| patterns.matches(path)) {
            return Ok(true);
        }
        let found = self.found(path.parent().unwrap_or(path))?;
        Ok(found.config.is_some_and(|config| config.exclude.matches(path)))
    }

    /// What to look for in a file. The path is absolute and without links.
    ///
    /// # Errors
    /// When the configuration for it cannot be read or is wrong.
    pub fn settings(&self, path: &Path) -> anyhow::Result<Arc<Settings>> {
        let found = self.found(path.parent().unwrap_or(path))?;
        let config = found.config.as_deref();
        let target = self.overrides.target.or(config.and_then(|config| config.target)).or(found.required);
        let target = target.unwrap_or(PythonVersion::DEFAULT);
        let selected = self.selected(config, path);
        let key = Key { selected, target, config: config.map(|config| config.path.clone()) };
        let mut known = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settings) = known.get(&key) {
            return Ok(Arc::clone(settings));
        }
        let settings = Arc::new(Settings {
            selected: key.selected.iter().map(|id| Selected::new(SUITE[rank(id)])).collect(),
            target,
            options: config.map(|config| config.options.clone()).unwrap_or_default(),
            unsafe_fixes: self.overrides.unsafe_fixes,
            known: SUITE.iter().map(|transform| transform.meta().id).collect(),
        });
        known.insert(key, Arc::clone(&settings));
        Ok(settings)
    }

    /// The transforms to run on a file, in the order of the suite.
    fn selected(&self, config: Option<&Config>, path: &Path) -> Vec<&'static str> {
        let from_config = config.filter(|_| self.overrides.select.is_none());
        let select = self.overrides.select.as_ref().or(config.and_then(|config| config.select.as_ref()));
        SUITE
            .iter()
            .map(|transform| transform.meta().id)
            .filter(|id| select.is_none_or(|select| select.contains(id)))
            .filter(|id| !self.overrides.ignore.contains(id))
            .filter(|id| from_config.is_none_or(|config| !config.ignore.contains(id)))
            .filter(|id| {
                let ignored = |(patterns, ids): &(Patterns, Vec<&str>)| ids.contains(id) && patterns.matches(path);
                config.is_none_or(|config| !config.per_file_ignores.iter().any(ignored))
            })
            .collect()
    }

    fn found(&self, folder: &Path) -> anyhow::Result<Found> {
        if self.overrides.isolated {
            return Ok(Found { config: self.everywhere.clone(), required: None });
        }
        let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown: Vec<&Path> = folder.ancestors().take_while(|ancestor| !known.contains_key(*ancestor)).collect();
        let above = unknown.last().map_or(Some(folder), |top| top.parent());
        let mut found = above.and_then(|above| known.get(above)).cloned().unwrap_or_default();
        for folder in unknown.into_iter().rev() {
            found = self.look_into(folder, found)?;
            known.insert(folder.to_owned(), found.clone());
        }
        Ok(found)
    }

    fn look_into(&self, folder: &Path, mut found: Found) -> anyhow::Result<Found> {
        let project = folder.join("pyproject.toml");
        let project_text = read_found(&project)?;
        if let Some(text) = &project_text {
            found.required = required_python(&project, text)?.or(found.required);
        }
        if self.everywhere.is_some() {
            found.config.clone_from(&self.everywhere);
            return Ok(found);
        }
        let own = folder.join("mlfix.toml");
        let config = match read_found(&own)? {
            Some(text) => Config::parse(&own, &text, folder)?,
            None => project_text.map(|text| Config::parse(&project, &text, folder)).transpose()?.flatten(),
        };
        if let Some(config) = config {
            found.config = Some(Arc::new(config));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::SUITE;

    fn ids(configs: &Configs, path: &Path) -> (Vec<&'static str>, String) {
        let settings = configs.settings(path).expect("right");
        (settings.selected.iter().map(|selected| selected.transform.meta().id).collect(), settings.target.to_string())
    }

    #[test]
    fn the_nearest_file_counts_and_nothing_is_merged() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it exists");
        std::fs::create_dir_all(root.join("a/b/c")).expect("created");
        let put = |path: &str, text: &str| std::fs::write(root.join(path), text).expect("written");
        put(
            "pyproject.toml",
            "[project]\nrequires-python='>=3.8'\n[tool.mlfix]\nselect=['B006', 'B909']\nignore=['B006']\nexclude=['c']\n",
        );
        put("a/mlfix.toml", "select=['B006', 'B909']\nignore=['B909']\ntarget-version='3.12'\n");
        put("a/pyproject.toml", "[tool.mlfix]\nselect=[]\n");
        put("a/b/pyproject.toml", "[project]\nrequires-python='>=3.11'\n");

        let configs = Configs::new(Overrides::default(), &root).expect("right");
        assert_eq!(ids(&configs, &root.join("x.py")), (vec!["mutate-while-iterating"], "3.8".into()));
        assert_eq!(ids(&configs, &root.join("a/x.py")), (vec!["mutable-default"], "3.12".into()));
        assert_eq!(ids(&configs, &root.join("a/b/x.py")), (vec!["mutable-default"], "3.12".into()));
        assert!(!configs.excludes(&root.join("a/b/c")).expect("right"));

        let isolated = Overrides { isolated: true, ..Overrides::default() };
        let configs = Configs::new(isolated, &root).expect("right");
        assert_eq!(ids(&configs, &root.join("x.py")).1, "3.10");
        assert_eq!(ids(&configs, &root.join("x.py")).0.len(), SUITE.len());

        let select = Overrides { select: Some(vec!["mutable-default"]), ..Overrides::default() };
        let configs = Configs::new(select, &root).expect("right");
        assert_eq!(ids(&configs, &root.join("x.py")), (vec!["mutable-default"], "3.8".into()));

        let config = Overrides { config: Some(root.join("a/mlfix.toml")), ..Overrides::default() };
        let configs = Configs::new(config, &root).expect("right");
        assert_eq!(ids(&configs, &root.join("x.py")), (vec!["mutable-default"], "3.12".into()));
    }
}
