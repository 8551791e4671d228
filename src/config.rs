//! `[tool.mlfix]` of a `pyproject.toml`, or a `mlfix.toml`.
//!
//! A configuration file belongs to whoever wrote the code, not to whoever runs mlfix on it: it can choose and narrow, but
//! nothing in it makes mlfix write, run or read anything else.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::engine::transform::{Meta, Options};
use crate::engine::version::PythonVersion;
use crate::transforms::SUITE;

mod discovery;
mod names;
mod patterns;
mod requires;

pub use discovery::{Configs, Overrides};
pub use names::{did_you_mean, meta, rank, transform};
pub use patterns::{Patterns, split};

/// What one configuration file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it stands; for messages.
    pub path: PathBuf,
    /// The transforms to run; all when nothing is said.
    pub select: Option<Vec<&'static str>>,
    /// The transforms not to run.
    pub ignore: Vec<&'static str>,
    /// Files and folders to leave out.
    pub exclude: Patterns,
    /// Transforms not to run on some files.
    pub per_file_ignores: Vec<(Patterns, Vec<&'static str>)>,
    /// The oldest Python that the result must run on.
    pub target: Option<PythonVersion>,
    /// Options of transforms.
    pub options: Options,
    /// Whether the owners want pull requests. Only who works on many repositories asks for it.
    pub pull_requests: bool,
}

/// Larger configuration files are refused: 1 MiB.
const MAX_SIZE: u64 = 1 << 20;
const KEYS: &[&str] = &["select", "ignore", "exclude", "per-file-ignores", "target-version", "pull-requests"];
/// Keys that users of other tools will try, and why they do not exist.
const NEVER: &[&str] = &["fix", "fix-only", "unsafe-fixes", "diff"];

impl Config {
    /// Reads the text of a configuration file. Globs in it are relative to `folder`. `None` for a `pyproject.toml` that
    /// does not speak of mlfix.
    ///
    /// # Errors
    /// Wrong TOML, an unknown key or a wrong value; the error names the file, the line and the nearest right word.
    pub fn parse(path: &Path, text: &str, folder: &Path) -> anyhow::Result<Option<Self>> {
        let document = parse_toml(path, text)?;
        let file = File { path, text };
        let table = if is_pyproject(path) {
            let tool = find(document.get_ref(), "tool").and_then(as_table);
            match tool.and_then(|tool| find(tool, "mlfix")) {
                None => return Ok(None),
                Some(section) => as_table(section).ok_or_else(|| file.wrong(section, "`tool.mlfix` must be a table"))?,
            }
        } else {
            document.get_ref()
        };
        file.config(table, folder).map(Some)
    }
}

/// The oldest Python of `requires-python` or poetry's `python` in the text of a `pyproject.toml`.
///
/// # Errors
/// Wrong TOML.
pub fn required_python(path: &Path, text: &str) -> anyhow::Result<Option<PythonVersion>> {
    let document = parse_toml(path, text)?;
    let at = |keys: &[&str]| {
        let (last, folders) = keys.split_last()?;
        let mut table = document.get_ref();
        for key in folders {
            table = as_table(find(table, key)?)?;
        }
        as_str(find(table, last)?)
    };
    let stated = at(&["project", "requires-python"]).or_else(|| at(&["tool", "poetry", "dependencies", "python"]));
    Ok(stated.and_then(requires::oldest))
}

fn parse_toml<'t>(path: &Path, text: &'t str) -> anyhow::Result<Spanned<DeTable<'t>>> {
    DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        anyhow::anyhow!("{}:{line}: {}", path.display(), error.message())
    })
}

fn is_pyproject(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "pyproject.toml")
}

fn find<'a, 't>(table: &'a DeTable<'t>, key: &str) -> Option<&'a Spanned<DeValue<'t>>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

fn as_table<'a, 't>(value: &'a Spanned<DeValue<'t>>) -> Option<&'a DeTable<'t>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn as_str<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<&'a str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    memchr::memchr_iter(b'\n', &text.as_bytes()[..offset]).count() + 1
}

/// A file being read: what its errors are about.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn wrong<T>(&self, at: &Spanned<T>, what: impl std::fmt::Display) -> anyhow::Error {
        anyhow::anyhow!("{}:{}: {what}", self.path.display(), line_of(self.text, at.span().start))
    }

    fn config(&self, table: &DeTable<'_>, folder: &Path) -> anyhow::Result<Config> {
        let no_globs: [&str; 0] = [];
        let mut config = Config {
            path: self.path.to_owned(),
            select: None,
            ignore: Vec::new(),
            exclude: Patterns::new(folder, &no_globs).map_err(anyhow::Error::msg)?,
            per_file_ignores: Vec::new(),
            target: None,
            options: Options::new(),
            pull_requests: true,
        };
        for (key, value) in table {
            match &**key.get_ref() {
                "select" => config.select = Some(self.transforms("select", value)?),
                "ignore" => config.ignore = self.transforms("ignore", value)?,
                "exclude" => config.exclude = self.patterns("exclude", value, folder)?,
                "per-file-ignores" => {
                    let wrong = || self.wrong(value, "`per-file-ignores` must be a table from pattern to transforms");
                    for (glob, ids) in as_table(value).ok_or_else(wrong)? {
                        let patterns = Patterns::new(folder, &[glob.get_ref()]).map_err(|error| self.wrong(glob, error))?;
                        config.per_file_ignores.push((patterns, self.transforms("per-file-ignores", ids)?));
                    }
                }
                "target-version" => {
                    let wrong = || self.wrong(value, "`target-version` must be a text such as \"3.9\"");
                    let version = as_str(value).ok_or_else(wrong)?.parse();
                    config.target = Some(version.map_err(|error: String| self.wrong(value, error))?);
                }
                "pull-requests" => {
                    let DeValue::Boolean(wanted) = value.get_ref() else {
                        return Err(self.wrong(value, "`pull-requests` must be true or false"));
                    };
                    config.pull_requests = *wanted;
                }
                name => match meta(name) {
                    Some(meta) => self.options(meta, key, value, &mut config.options)?,
                    None => return Err(self.wrong(key, unknown_key(name))),
                },
            }
        }
        Ok(config)
    }

    fn options(
        &self,
        meta: &'static Meta,
        key: &Spanned<impl Sized>,
        value: &Spanned<DeValue<'_>>,
        options: &mut Options,
    ) -> anyhow::Result<()> {
        let id = meta.id;
        let table = as_table(value).ok_or_else(|| self.wrong(key, format_args!("`{id}` must be a table of options")))?;
        for (name, value) in table {
            let Some(option) = meta.options.iter().find(|option| option.name == name.get_ref()) else {
                let known: Vec<&str> = meta.options.iter().map(|option| option.name).collect();
                let nearest = did_you_mean(name.get_ref(), &known);
                return Err(self.wrong(name, format_args!("`{id}` has no option `{}`{nearest}", name.get_ref())));
            };
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Boolean(truth) => truth.to_string(),
                DeValue::Integer(number) => number.to_string(),
                _ => String::new(),
            };
            if !option.values.contains(&text.as_str()) {
                let known = option.values.join(", ");
                let told = format_args!("`{}` of `{id}` must be one of: {known}", option.name);
                return Err(self.wrong(value, told));
            }
            options.insert((id, option.name), text);
        }
        Ok(())
    }

    fn transforms(&self, key: &str, value: &Spanned<DeValue<'_>>) -> anyhow::Result<Vec<&'static str>> {
        let named = |(name, at): (&str, &Spanned<DeValue<'_>>)| {
            transform(name).map(|transform| transform.meta().id).map_err(|error| self.wrong(at, error))
        };
        self.texts(key, value)?.into_iter().map(named).collect()
    }

    fn patterns(&self, key: &str, value: &Spanned<DeValue<'_>>, folder: &Path) -> anyhow::Result<Patterns> {
        let globs: Vec<&str> = self.texts(key, value)?.into_iter().map(|(glob, _)| glob).collect();
        Patterns::new(folder, &globs).map_err(|error| self.wrong(value, error))
    }

    fn texts<'v, 't>(
        &self,
        key: &str,
        value: &'v Spanned<DeValue<'t>>,
    ) -> anyhow::Result<Vec<(&'v str, &'v Spanned<DeValue<'t>>)>> {
        let wrong = |at| self.wrong(at, format_args!("`{key}` must be a list of texts"));
        let DeValue::Array(array) = value.get_ref() else { return Err(wrong(value)) };
        array.iter().map(|item| as_str(item).map(|text| (text, item)).ok_or_else(|| wrong(item))).collect()
    }
}

fn unknown_key(name: &str) -> String {
    if NEVER.contains(&name) {
        return format!("`{name}` cannot be configured: only the command line can make mlfix change files");
    }
    if name == "tool" {
        return "in this file the keys stand at the top, without `[tool.mlfix]`".to_owned();
    }
    let ids = SUITE.iter().map(|transform| transform.meta().id);
    let known: Vec<&str> = KEYS.iter().copied().chain(ids).collect();
    format!("unknown key `{name}`{}", did_you_mean(name, &known))
}

/// The text of a configuration file, `None` when there is none.
///
/// # Errors
/// When it cannot be read, is not UTF-8, or too large to be a configuration.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let cannot = |error: &std::io::Error| anyhow::anyhow!("cannot read {}: {}", path.display(), crate::write::Cause(error));
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        // A folder of that name says nothing; a FIFO would be waited for.
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(cannot(&error)),
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| cannot(&error))?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        bail!("cannot read {}: more than {MAX_SIZE} bytes", path.display());
    }
    let text = String::from_utf8(bytes).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(text))
}

/// The same for a file that mlfix found by itself. A symbolic link must stay within the repository, or within its folder
/// where there is none: an error would quote what it leads to.
pub(crate) fn read_found(path: &Path) -> anyhow::Result<Option<String>> {
    if path.is_symlink()
        && let Ok(real) = path.canonicalize()
    {
        let folder = path.parent().unwrap_or(path);
        let repository = folder.ancestors().find(|folder| folder.join(".git").exists());
        if !real.starts_with(repository.unwrap_or(folder)) {
            bail!("cannot read {}: a symbolic link leads elsewhere", path.display());
        }
    }
    read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<Option<Config>, String> {
        Config::parse(Path::new(name), text, Path::new("/p")).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_is_read() {
        let text = "[project]\nname = 'x'\n[tool.mlfix]\nselect = ['B006', 'mutate-while-iterating']\nignore = ['B909']\n\
                    exclude = ['legacy']\ntarget-version = 'py39'\npull-requests = false\n[tool.mlfix.per-file-ignores]\n'tests/*' = ['B006']\n";
        let config = parse("pyproject.toml", text).expect("right").expect("there");
        assert_eq!(config.select, Some(vec!["mutable-default", "mutate-while-iterating"]));
        assert_eq!(config.ignore, ["mutate-while-iterating"]);
        assert!(config.exclude.matches(Path::new("/p/legacy/a.py")));
        assert_eq!(config.target, Some(PythonVersion { minor: 9 }));
        assert!(config.per_file_ignores[0].0.matches(Path::new("/p/tests/a.py")));
        assert!(parse("pyproject.toml", "[tool.black]\n").expect("right").is_none());
        assert!(parse("mlfix.toml", "").expect("right").is_some());
    }

    #[test]
    fn errors_name_the_line_and_the_nearest_word() {
        for (name, text, expected) in [
            ("pyproject.toml", "[tool.mlfix]\nslect = []\n", "pyproject.toml:2: unknown key `slect`; did you mean `select`?"),
            (
                "mlfix.toml",
                "\nselect = ['mutable-defalt']\n",
                "mlfix.toml:2: there is no transform `mutable-defalt`; did you mean `mutable-default`?",
            ),
            (
                "mlfix.toml",
                "fix = true\n",
                "mlfix.toml:1: `fix` cannot be configured: only the command line can make mlfix change files",
            ),
            (
                "mlfix.toml",
                "unsafe-fixes = true\n",
                "mlfix.toml:1: `unsafe-fixes` cannot be configured: only the command line can make mlfix change files",
            ),
            ("mlfix.toml", "[tool.mlfix]\n", "mlfix.toml:1: in this file the keys stand at the top, without `[tool.mlfix]`"),
            ("mlfix.toml", "select = 'B006'\n", "mlfix.toml:1: `select` must be a list of texts"),
            ("mlfix.toml", "select = [\n1]\n", "mlfix.toml:2: `select` must be a list of texts"),
            ("mlfix.toml", "pull-requests = 'no'\n", "mlfix.toml:1: `pull-requests` must be true or false"),
            ("mlfix.toml", "target-version = 3.9\n", "mlfix.toml:1: `target-version` must be a text such as \"3.9\""),
            (
                "mlfix.toml",
                "target-version = '2.7'\n",
                "mlfix.toml:1: `2.7` is not a Python 3 version; write it as `3.9` or `py39`",
            ),
            ("mlfix.toml", "mutable-default = 1\n", "mlfix.toml:1: `mutable-default` must be a table of options"),
            (
                "mlfix.toml",
                "per-file-ignores = []\n",
                "mlfix.toml:1: `per-file-ignores` must be a table from pattern to transforms",
            ),
            ("pyproject.toml", "tool.mlfix = 1\n", "pyproject.toml:1: `tool.mlfix` must be a table"),
        ] {
            assert_eq!(parse(name, text).expect_err(expected), expected);
        }
        assert!(parse("mlfix.toml", "\nselect = [\n").expect_err("broken").starts_with("mlfix.toml:"));
        assert!(parse("mlfix.toml", "[mutable-default]\nred-only = 1\n").expect_err("unknown").starts_with("mlfix.toml:2: "));
    }

    #[test]
    fn the_required_python_is_found() {
        let required = |text| required_python(Path::new("pyproject.toml"), text).expect("right").map(|version| version.minor);
        assert_eq!(required("[project]\nrequires-python = '>=3.9'\n"), Some(9));
        assert_eq!(required("[tool.poetry.dependencies]\npython = '^3.11'\n"), Some(11));
        assert_eq!(required("[project]\nname = 'x'\n"), None);
    }
}
