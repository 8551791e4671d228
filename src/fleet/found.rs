//! The repositories that a forge lists, without those that a scan has no use for, and the file that keeps the list.
//!
//! The file is in the folder of a run, and whoever works on that run reads it there: other shards, a second attempt,
//! `merge`. So all speak of the same repositories, whatever the forge would say by then.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::fleet::STOP_TOPIC;
use crate::forge::{Listed, Repo};
use crate::report::terminal;
use crate::write::{Cause, random};

/// What is worth a look.
#[derive(Clone, Copy, Debug)]
pub struct Sieve {
    /// Whether forks are.
    pub forks: bool,
    /// Bytes that a repository may have, as the forge counts them.
    pub max_size: u64,
}

/// What is left of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Where git clones from.
    urls: Vec<String>,
    /// How many others there are, by reason.
    left_out: BTreeMap<&'static str, usize>,
    /// Why the forge did not list all, for people.
    cut: Vec<String>,
}

impl Found {
    /// Adds what is worth a look of a list.
    pub fn add(&mut self, listed: Listed, sieve: Sieve) {
        for repo in listed.repos {
            match sieve.holds_back(&repo) {
                Some(because) => *self.left_out.entry(because).or_default() += 1,
                None => self.urls.push(repo.clone_url),
            }
        }
        self.cut.extend(listed.cut);
    }

    /// Why the forge did not list all.
    pub fn cut(&self) -> &[String] {
        &self.cut
    }

    /// `412 repositories (left out: 12 archived, 30 forked)`
    pub fn line(&self) -> String {
        let noun = if self.urls.len() == 1 { "repository" } else { "repositories" };
        let mut line = format!("{} {noun}", self.urls.len());
        if !self.left_out.is_empty() {
            let others: Vec<_> = self.left_out.iter().map(|(because, count)| format!("{count} {because}")).collect();
            write!(line, " (left out: {})", others.join(", ")).expect("a string takes all");
        }
        line
    }

    /// A list as [`targets`](super::list::targets) reads it. It begins with what was asked for.
    pub fn text(&self, asked: &str) -> String {
        let mut lines = vec![format!("{ASKED}{asked}"), format!("# {}", self.line())];
        lines.extend(self.cut.iter().map(|cut| format!("# {cut}")));
        let mut urls: Vec<&String> = self.urls.iter().collect();
        urls.sort();
        lines.extend(urls.into_iter().cloned());
        lines.push(String::new());
        lines.join("\n")
    }
}

impl Sieve {
    fn holds_back(self, repo: &Repo) -> Option<&'static str> {
        if repo.archived {
            Some("archived")
        } else if repo.fork && !self.forks {
            Some("forked")
        } else if repo.topics.iter().any(|topic| topic == STOP_TOPIC) {
            Some("opted out")
        } else if repo.default_branch.is_none() {
            Some("empty")
        } else if repo.size.saturating_mul(1024) > self.max_size {
            Some("too large")
        } else {
            None
        }
    }
}

const FILE: &str = "repos.txt";
const ASKED: &str = "# mlfix fleet list ";

/// A list that is kept in the folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file.
    pub path: PathBuf,
    /// What the forge was asked for.
    pub asked: String,
}

/// The list in a folder, if one is there.
///
/// # Errors
/// When it cannot be read.
pub fn kept(folder: &Path) -> anyhow::Result<Option<Kept>> {
    let path = folder.join(FILE);
    match std::fs::read_to_string(&path) {
        // A file that somebody put there himself is no answer of a forge.
        Ok(text) => {
            let asked = text.lines().next().and_then(|line| line.strip_prefix(ASKED)).map(str::to_owned);
            Ok(asked.map(|asked| Kept { path, asked }))
        }
        // The folder may be no folder, but a file of records.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => anyhow::bail!("cannot read {}: {}", terminal::path(&path), Cause(&error)),
    }
}

/// Keeps a list in a folder, unless one is there: of many shards that begin at the same moment, the first counts for all.
///
/// # Errors
/// When it cannot be written.
pub fn keep(folder: &Path, text: &str) -> anyhow::Result<()> {
    let path = folder.join(FILE);
    let new = folder.join(format!(".{FILE}.{:016x}", random()));
    let put = || {
        std::fs::create_dir_all(folder)?;
        std::fs::write(&new, text)?;
        match std::fs::hard_link(&new, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // Not every file system has links.
            Err(_) => std::fs::rename(&new, &path),
            Ok(()) => Ok(()),
        }
    };
    let result = put();
    let _ = std::fs::remove_file(&new);
    result.map_err(|error| anyhow::anyhow!("cannot write {}: {}", terminal::path(&path), Cause(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(name: &str) -> Repo {
        Repo {
            name: format!("acme/{name}").parse().expect("a name"),
            clone_url: format!("https://github.com/acme/{name}.git"),
            default_branch: Some("main".into()),
            archived: false,
            fork: false,
            private: false,
            can_push: false,
            size: 10,
            topics: Vec::new(),
            language: None,
            parent: None,
            used: false,
        }
    }

    #[test]
    fn what_is_no_use_is_counted() {
        let repos = vec![
            repo("b"),
            Repo { archived: true, ..repo("old") },
            Repo { fork: true, ..repo("fork") },
            Repo { default_branch: None, ..repo("new") },
            Repo { size: 3 << 10, ..repo("large") },
            Repo { topics: vec!["no-mlfix".into()], ..repo("alone") },
            repo("a"),
        ];
        let mut found = Found::default();
        let cut = Some("the forge shows a part only".to_owned());
        found.add(Listed { repos: repos.clone(), cut }, Sieve { forks: false, max_size: 2 << 20 });
        assert_eq!(found.line(), "2 repositories (left out: 1 archived, 1 empty, 1 forked, 1 opted out, 1 too large)");
        assert_eq!(
            found.text("--org acme"),
            "# mlfix fleet list --org acme\n# 2 repositories (left out: 1 archived, 1 empty, 1 forked, 1 opted out, 1 too large)\n\
             # the forge shows a part only\nhttps://github.com/acme/a.git\nhttps://github.com/acme/b.git\n"
        );
        let mut found = Found::default();
        found.add(Listed { repos, cut: None }, Sieve { forks: true, max_size: 4 << 20 });
        assert_eq!(found.line(), "4 repositories (left out: 1 archived, 1 empty, 1 opted out)");
    }

    #[test]
    fn the_first_list_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        assert_eq!(kept(&run).expect("nothing is there"), None);
        keep(&run, "# mlfix fleet list --org a\nx/y\n").expect("kept");
        keep(&run, "# mlfix fleet list --org b\n").expect("left");
        let Kept { path, asked } = kept(&run).expect("readable").expect("a list");
        assert_eq!((asked.as_str(), path), ("--org a", run.join("repos.txt")));
        assert_eq!(std::fs::read_dir(&run).expect("a folder").count(), 1);
        std::fs::write(run.join("repos.txt"), "x/y\n").expect("written");
        assert_eq!(kept(&run).expect("readable"), None);
    }
}
