//! What a scan says of one repository: one line of JSON, with the bytes of every file that it would change.
//!
//! A record is a function of the commit that was looked at, of what was asked for, and of the program, so that two scans
//! of the same give the same bytes. How long it took stands elsewhere.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::git;

/// All there is to know about one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The one name of the repository, `github.com/owner/name`; see [`git::Address::canonical`].
    pub repo: String,
    /// What git was given.
    pub url: String,
    /// The branch that was looked at. None where a failure came before and the list names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_ref: Option<String>,
    /// Its commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_sha: Option<String>,
    /// The hash of what was asked for: transforms and their options.
    pub transforms: String,
    /// The version of mlfix.
    pub version: String,
    /// What it came to.
    pub status: Status,
    /// What kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Why it failed, or why nobody may touch it: one line for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// How many Python files were looked at.
    #[serde(default)]
    pub files: usize,
    /// What was found in them, by transform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<String, Findings>,
    /// How many files were left out or not understood, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, usize>,
    /// What would be changed, one step for each transform, each upon the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// What a repository came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// There is something to change.
    Changes,
    /// There is nothing to change.
    Clean,
    /// Its owners want to be left alone.
    OptedOut,
    /// It was not looked at, or not to the end.
    Failed,
}

/// Kinds of failures, by what to do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The network, a server in trouble, or too little time: try again
    Transient,
    /// Somebody must say who they are, or may not
    Auth,
    /// There is no such repository or branch
    Gone,
    /// There is no commit
    Empty,
    /// More than the limits allow
    TooBig,
    /// Its configuration of mlfix is wrong
    Parse,
    /// A mistake of mlfix
    Engine,
    /// Not allowed here: a protocol, or objects that are no sound git objects
    Refused,
    /// What was found does not fit together any more
    Conflict,
}

impl Status {
    /// The word that stands in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Clean => "clean",
            Self::OptedOut => "opted-out",
            Self::Failed => "failed",
        }
    }
}

impl Class {
    /// The word that stands in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Auth => "auth",
            Self::Gone => "gone",
            Self::Empty => "empty",
            Self::TooBig => "too-big",
            Self::Parse => "parse",
            Self::Engine => "engine",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
        }
    }
}

impl From<git::Kind> for Class {
    fn from(kind: git::Kind) -> Self {
        match kind {
            git::Kind::Transient | git::Kind::Timeout | git::Kind::Other => Self::Transient,
            git::Kind::TooBig => Self::TooBig,
            git::Kind::Auth => Self::Auth,
            git::Kind::Gone => Self::Gone,
            git::Kind::Empty => Self::Empty,
            git::Kind::Refused => Self::Refused,
            git::Kind::Stale => Self::Conflict,
        }
    }
}

/// How many findings of one transform there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Those that the steps repair.
    pub fixed: usize,
    /// Those that stay: without a fix, or with one that was not asked for. What a comment silences counts nowhere.
    pub left: usize,
}

/// What one transform changes. One step becomes one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The transform.
    pub transform: String,
    /// Fixes that change no run that was right before.
    pub safe: usize,
    /// Fixes that are right in the common case.
    #[serde(rename = "unsafe")]
    pub risky: usize,
    /// The files that it changes, sorted by path.
    pub edits: Vec<Edit>,
}

/// One file before and after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Where it is.
    pub path: RepoPath,
    /// `100644` or `100755`; it stays.
    pub mode: String,
    /// Git's name for the content before: where it is still the same, the edit is still right, whatever else has changed.
    pub blob_before: String,
    /// Git's name for the content after.
    pub blob_after: String,
    /// The content after.
    #[serde(with = "content")]
    pub content: Vec<u8>,
    /// The same as a patch.
    #[serde(with = "content")]
    pub diff: Vec<u8>,
}

impl Edit {
    /// The mode as a number.
    pub fn mode(&self) -> u32 {
        u32::from_str_radix(&self.mode, 8).unwrap_or(0o100_644)
    }
}

impl Record {
    /// One line, with its line end.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a record has no maps with keys other than texts");
        line.push(b'\n');
        line
    }

    /// What makes it the same result as another: repository, commit, what was asked for, and program.
    pub fn key(&self) -> (&str, Option<&str>, &str, &str) {
        (&self.repo, self.base_sha.as_deref(), &self.transforms, &self.version)
    }

    /// The files as all steps together leave them, with the content before; by path.
    pub fn changes(&self) -> BTreeMap<&RepoPath, (&str, &Edit)> {
        let mut changes: BTreeMap<&RepoPath, (&str, &Edit)> = BTreeMap::new();
        for edit in self.steps.iter().flat_map(|step| &step.edits) {
            let before = changes.get(&edit.path).map_or(edit.blob_before.as_str(), |(before, _)| *before);
            changes.insert(&edit.path, (before, edit));
        }
        changes
    }
}

/// A path in a repository: bytes, with slashes. In JSON a text, or `{"base64": …}` where it is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathText {
    Text(String),
    Bytes { base64: String },
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => PathText::Text(text.to_owned()),
            Err(_) => PathText::Bytes { base64: STANDARD.encode(&self.0) },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match PathText::deserialize(deserializer)? {
            PathText::Text(text) => Ok(Self(text.into_bytes())),
            PathText::Bytes { base64 } => STANDARD.decode(base64).map(Self).map_err(serde::de::Error::custom),
        }
    }
}

mod content {
    //! Bytes as base64.

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &[u8], before: &str, after: &str, content: &[u8]) -> Edit {
        Edit {
            path: RepoPath(path.to_vec()),
            mode: "100644".into(),
            blob_before: before.into(),
            blob_after: after.into(),
            content: content.to_vec(),
            diff: b"@@\n".to_vec(),
        }
    }

    fn record() -> Record {
        let step = |transform: &str, edits| Step { transform: transform.into(), safe: 1, risky: 0, edits };
        Record {
            repo: "github.com/a/b".into(),
            url: "https://github.com/a/b.git".into(),
            base_ref: Some("main".into()),
            base_sha: Some("0".repeat(40)),
            transforms: "1f".into(),
            version: "0.1.0".into(),
            status: Status::Changes,
            class: None,
            because: None,
            files: 3,
            findings: BTreeMap::from([("mutable-default".into(), Findings { fixed: 2, left: 1 })]),
            left_out: BTreeMap::new(),
            steps: vec![
                step("mutable-default", vec![edit(b"a.py", "1", "2", b"x"), edit(b"b\xff.py", "5", "6", b"\xff\0")]),
                step("open-without-with", vec![edit(b"a.py", "2", "3", b"y")]),
            ],
        }
    }

    #[test]
    fn a_record_is_one_line_and_comes_back() {
        let record = record();
        let line = record.line();
        assert_eq!(memchr::memchr(b'\n', &line), Some(line.len() - 1));
        assert_eq!(serde_json::from_slice::<Record>(&line).expect("JSON"), record);
        let text = String::from_utf8(line).expect("UTF-8");
        assert!(text.contains(
            r#""path":{"base64":"Yv8ucHk="},"mode":"100644","blob_before":"5","blob_after":"6","content":"/wA=","diff":"QEAK""#
        ));
        assert!(text.contains(r#""status":"changes","files":3,"findings":{"mutable-default":{"fixed":2,"left":1}}"#), "{text}");
    }

    #[test]
    fn steps_add_up() {
        let record = record();
        let changes: Vec<_> =
            record.changes().into_iter().map(|(path, (before, edit))| (&path.0, before, &edit.content)).collect();
        let (a, b, y, bytes) = (b"a.py".to_vec(), b"b\xff.py".to_vec(), b"y".to_vec(), b"\xff\0".to_vec());
        assert_eq!(changes, [(&a, "1", &y), (&b, "5", &bytes)]);
    }
}
