//! What was done, one line of JSON for each pull request and attempt, beside the records.
//!
//! The forge is the truth; the journal says where to look. It is only ever appended to, so that a run can be killed at any
//! moment: a line that was not finished is dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What became of one pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The repository, under its one name.
    pub repo: String,
    /// Which part of it, where the campaign is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What was done, in a word.
    pub deed: Word,
    /// The number of the pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Where people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// A pull request was opened.
    Opened,
    /// Its branch or its text was brought up to date.
    Updated,
    /// It says already what is wanted.
    Unchanged,
    /// It was closed, because nothing is left to change.
    Superseded,
    /// It was closed, because somebody ended the campaign.
    Closed,
    /// It is in.
    Merged,
    /// People closed it.
    Declined,
    /// People work on it.
    HandsOff,
    /// The branch is somebody else's, or the files have changed since the scan.
    Conflict,
    /// The repository is not for us.
    Skipped,
    /// Nothing was wanted.
    Nothing,
    /// It did not work.
    Failed,
}

impl Word {
    /// The word as people read it.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Declined => "declined",
            Self::HandsOff => "hands off",
            Self::Conflict => "conflict",
            Self::Skipped => "skipped",
            Self::Nothing => "nothing",
            Self::Failed => "failed",
        }
    }

    /// Whether there is a pull request that waits for a decision.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Opened | Self::Updated | Self::Unchanged | Self::HandsOff)
    }
}

/// The journal of one campaign.
pub struct Published {
    path: PathBuf,
    file: File,
    /// The last entry for each pull request.
    entries: BTreeMap<(String, Option<String>), Entry>,
}

impl Published {
    /// Opens the journal of a campaign in the folder of a run, or begins it. The name must be one that
    /// [`is_name`] accepts.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(run: &Path, campaign: &str) -> anyhow::Result<Self> {
        let path = run.join(format!("published-{}.jsonl", campaign.replace('/', "--")));
        let cannot = || format!("cannot open {}", path.display());
        let mut file = File::options().create(true).read(true).append(true).open(&path).with_context(cannot)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).with_context(cannot)?;
        if !text.is_empty() && !text.ends_with(b"\n") {
            // What a killed run left; the next line must not be glued to it.
            file.write_all(b"\n").with_context(cannot)?;
        }
        let mut entries = BTreeMap::new();
        for entry in text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Entry>(line).ok()) {
            entries.insert((entry.repo.clone(), entry.part.clone()), entry);
        }
        Ok(Self { path, file, entries })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, entry: &Entry) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(entry).expect("texts and numbers are JSON");
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.entries.insert((entry.repo.clone(), entry.part.clone()), entry.clone());
        Ok(())
    }

    /// The last entry for each pull request, sorted.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many pull requests are open, as far as the journal knows.
    pub fn open_count(&self) -> usize {
        self.entries().filter(|entry| entry.deed.is_open()).count()
    }
}

/// Whether this can be the name of a campaign: it is part of a branch's name and of a file's.
pub fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=60).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['.', '-'])
        && !text.contains("..")
        && !text.to_ascii_lowercase().ends_with(".lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(repo: &str, deed: Word) -> Entry {
        Entry { repo: repo.into(), part: None, deed, number: Some(1), url: None, because: None }
    }

    #[test]
    fn the_last_line_counts_and_half_a_line_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut published = Published::open(folder.path(), "c").expect("opened");
        for (repo, deed) in [("b", Word::Opened), ("a", Word::Opened), ("b", Word::Merged)] {
            published.write(&entry(repo, deed)).expect("written");
        }
        drop(published);
        let path = folder.path().join("published-c.jsonl");
        let mut text = std::fs::read(&path).expect("there");
        text.extend_from_slice(b"{\"repo\":\"a\",\"deed\":\"clo");
        std::fs::write(&path, text).expect("written");
        let mut published = Published::open(folder.path(), "c").expect("opened");
        assert_eq!(published.entries().cloned().collect::<Vec<_>>(), [entry("a", Word::Opened), entry("b", Word::Merged)]);
        assert_eq!(published.open_count(), 1);
        published.write(&entry("c", Word::HandsOff)).expect("written");
        assert_eq!(Published::open(folder.path(), "c").expect("opened").open_count(), 2);
    }

    #[test]
    fn names_of_campaigns() {
        assert!(["spring", "weights-only.2", "A_b"].into_iter().all(is_name));
        assert!(!["", "a/b", "-a", "a..b", "a.lock", "a.", "a b", "../x", "ü"].into_iter().any(is_name));
    }
}
