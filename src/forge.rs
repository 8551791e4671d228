//! What a forge (GitHub, Forgejo, GitLab) is asked for: repositories, and the pull requests of one branch.
//!
//! Branches and commits go through git, which is the same everywhere; see [`Forge`] for the rest.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use clap::ValueEnum;

mod budget;
#[cfg(test)]
mod contract;
mod gitea;
mod github;
mod gitlab;
mod http;
mod json;
#[cfg(test)]
mod scripted;
mod token;

pub use budget::{Budget, Clock, Pace, SystemClock};
pub use gitea::Gitea;
pub use github::GitHub;
pub use gitlab::GitLab;
pub use http::Http;
pub use token::Token;

/// One forge, seen with the rights of one token.
///
/// Reading is free to repeat. Nothing that creates is repeated after an answer that leaves open whether it was done:
/// whoever calls looks first (see [`open_once`]).
pub trait Forge {
    /// The account that the token belongs to; `None` for a token of an automation that has no account.
    fn login(&self) -> Result<Option<String>>;
    /// The repositories of an owner, or those with a topic; in the forge's order.
    fn list(&self, which: &Query) -> Result<Listed>;
    /// One repository as it stands now, under its present name.
    fn repo(&self, name: &RepoName) -> Result<Repo>;
    /// All pull requests, open or not, from `branch` of `owner`'s repository; the newest first.
    fn pulls(&self, repo: &RepoName, owner: &str, branch: &str) -> Result<Vec<Pull>>;
    /// Opens a pull request. [`Class::Unknown`] when it may have been opened all the same.
    fn open(&self, repo: &RepoName, new: &NewPull) -> Result<Pull>;
    /// Changes title, text or state; what is `None` stays.
    fn edit(&self, repo: &RepoName, number: u64, change: &Change) -> Result<()>;
    /// Writes a comment below a pull request.
    fn comment(&self, repo: &RepoName, number: u64, text: &str) -> Result<()>;
    /// Adds labels, which are created where the forge does so by itself.
    fn label(&self, repo: &RepoName, number: u64, labels: &[String]) -> Result<()>;
    /// Asks people and teams (`org/team`) for a review.
    fn ask_review(&self, repo: &RepoName, number: u64, reviewers: &[String]) -> Result<()>;
    /// Makes a fork in the account of the token, or finds the one that is there.
    fn fork(&self, repo: &RepoName) -> Result<Repo>;
    /// Brings `branch` of a fork to where it is in the repository that it was forked from.
    fn sync_fork(&self, fork: &RepoName, branch: &str) -> Result<()>;
    /// Deletes a fork with all that is in it. Whoever calls has made sure that it is one, and that nobody needs it.
    fn delete_fork(&self, fork: &RepoName) -> Result<()>;
    /// Waits a few seconds for what the forge does in the background; false when the user interrupts.
    fn rest(&self) -> bool;
    /// The requests that create something, and how many of them there may be.
    fn budget(&self) -> &Budget;
}

/// Which repositories to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// A user, organisation or group.
    pub owner: Option<String>,
    /// Only those with this topic.
    pub topic: Option<String>,
    /// Only those whose main language this is, as the forge says it: `Python`.
    pub language: Option<String>,
    /// Whether forks are wanted, too. Where they are not, a forge may name them all the same.
    pub forks: bool,
}

impl Query {
    /// The repositories of a list that have the topic and the language, in whatever case they are written.
    fn fitting(&self, mut repos: Vec<Repo>) -> Vec<Repo> {
        let is = |found: &String, wanted: &String| found.eq_ignore_ascii_case(wanted);
        repos.retain(|repo| {
            self.topic.as_ref().is_none_or(|topic| repo.topics.iter().any(|found| is(found, topic)))
                && self.language.as_ref().is_none_or(|language| repo.language.as_ref().is_some_and(|found| is(found, language)))
        });
        repos
    }
}

/// What a forge lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The repositories.
    pub repos: Vec<Repo>,
    /// Why these are not all that there are, for people.
    pub cut: Option<String>,
}

/// `owner/name`; the owner of a GitLab project may itself have slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoName {
    /// User, organisation or group.
    pub owner: String,
    /// The repository in it.
    pub name: String,
}

impl FromStr for RepoName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let plain = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !part.is_empty() && part.chars().all(allowed) && !part.starts_with(['-', '.'])
        };
        match text.rsplit_once('/') {
            Some((owner, name)) if owner.split('/').all(plain) && plain(name.trim_start_matches('.')) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("`{text}` is no repository: write owner/name")),
        }
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// What a forge says of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are facts of the forge, independent of each other")]
pub struct Repo {
    /// Its present name; a renamed repository answers under the old one too.
    pub name: RepoName,
    /// Where git fetches and pushes.
    pub clone_url: String,
    /// `None` for an empty repository.
    pub default_branch: Option<String>,
    /// Read-only for everybody.
    pub archived: bool,
    /// Made from another repository.
    pub fork: bool,
    /// Only members see it.
    pub private: bool,
    /// Whether the token may push a branch.
    pub can_push: bool,
    /// Size of the repository in KiB, as the forge counts it; 0 when it does not say.
    pub size: u64,
    /// Topics, in lower case.
    pub topics: Vec<String>,
    /// The main language, if the forge knows.
    pub language: Option<String>,
    /// What it was forked from, if the forge says.
    pub parent: Option<RepoName>,
    /// Whether people do something with it besides pushing: there are stars, open issues, releases, or forks of it. A list
    /// may not say all of this.
    pub used: bool,
}

/// Whether anybody still waits for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided.
    Open,
    /// The change is in.
    Merged,
    /// It was closed, and the change is not in.
    Closed,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number in the repository.
    pub number: u64,
    /// Where people read it.
    pub url: String,
    /// The title, without the prefix by which some forges mark a draft.
    pub title: String,
    /// The text, empty when there is none.
    pub body: String,
    /// Open, merged or closed.
    pub state: State,
    /// The branch that it is to be merged into.
    pub base: String,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// The repository that holds its branch, or a fork; none when that is gone.
    pub head_repo: Option<RepoName>,
}

/// A pull request to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPull {
    /// Owner of the repository that holds the branch.
    pub owner: String,
    /// Name of that repository.
    pub head_repo: RepoName,
    /// The branch with the change.
    pub branch: String,
    /// The branch to merge into.
    pub base: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Whether it is marked as not ready.
    pub draft: bool,
}

/// A change of a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The new title.
    pub title: Option<String>,
    /// The new text.
    pub body: Option<String>,
    /// Whether it is closed.
    pub close: bool,
    /// Whether it is a draft: forges that mark drafts in the title need to know.
    pub draft: bool,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The token is missing, wrong or not allowed to.
    Auth,
    /// There is no such thing, or not for this token.
    Gone,
    /// It may work later.
    Transient,
    /// The answer to a creating request got lost: it may have been done.
    Unknown,
    /// It is there already.
    Exists,
    /// The forge refuses, and will again.
    Refused,
    /// The user has stopped the run.
    Interrupted,
}

impl Class {
    /// The word in records and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Gone => "gone",
            Self::Transient | Self::Unknown => "transient",
            Self::Exists => "conflict",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a forge did not do what it was asked. The text never holds the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What to do about it.
    pub class: Class,
    /// For people: what was asked, and what came back.
    pub text: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// What a forge answers.
pub type Result<T> = std::result::Result<T, Error>;

/// The interfaces that mlfix speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// github.com and GitHub Enterprise Server
    #[value(name = "github")]
    GitHub,
    /// Gitea and Forgejo
    #[value(alias = "forgejo")]
    Gitea,
    /// gitlab.com and GitLab on a server of one's own
    #[value(name = "gitlab")]
    GitLab,
}

impl Kind {
    /// The kind that the address of an interface gives away: they differ in the path.
    pub fn of(api: &str) -> Option<Self> {
        let path = api.trim_end_matches('/');
        if path == "https://api.github.com" || path.ends_with("/api/v3") {
            return Some(Self::GitHub);
        }
        match path.rsplit_once("/api/")?.1 {
            "v1" => Some(Self::Gitea),
            "v4" => Some(Self::GitLab),
            _ => None,
        }
    }

    /// The kind of the forges that everybody knows.
    pub fn of_host(host: &str) -> Option<Self> {
        match host {
            "github.com" => Some(Self::GitHub),
            "codeberg.org" => Some(Self::Gitea),
            "gitlab.com" => Some(Self::GitLab),
            _ => None,
        }
    }

    /// Where the interface of a forge is, for the host of its web pages.
    pub fn api(self, host: &str) -> String {
        match self {
            Self::GitHub if host == "github.com" => "https://api.github.com".to_owned(),
            Self::GitHub => format!("https://{host}/api/v3"),
            Self::Gitea => format!("https://{host}/api/v1"),
            Self::GitLab => format!("https://{host}/api/v4"),
        }
    }

    /// The name that git gives beside a token.
    pub fn git_user(self) -> &'static str {
        match self {
            Self::GitHub => "x-access-token",
            // Any name does, as long as the password is a token.
            Self::Gitea => "mlfix",
            Self::GitLab => "oauth2",
        }
    }

    /// The variables that may hold a token, in the order in which they are asked.
    pub fn variables(self) -> [&'static str; 2] {
        match self {
            Self::GitHub => ["MLFIX_TOKEN", "GITHUB_TOKEN"],
            Self::Gitea => ["MLFIX_TOKEN", "FORGEJO_TOKEN"],
            Self::GitLab => ["MLFIX_TOKEN", "GITLAB_TOKEN"],
        }
    }
}

/// Connects to a forge; nothing is sent yet. Without a token it shows what everybody may see.
///
/// # Errors
/// An address that is not `https`, except on this machine.
pub fn connect(kind: Kind, api: &str, token: Option<Token>, budget: Budget, clock: Arc<dyn Clock>) -> Result<Box<dyn Forge>> {
    Ok(match kind {
        Kind::GitHub => Box::new(GitHub::new(api, token, budget, clock)?),
        Kind::Gitea => Box::new(Gitea::new(api, token, budget, clock)?),
        Kind::GitLab => Box::new(GitLab::new(api, token, budget, clock)?),
    })
}

/// Opens a pull request, and never two: after a lost answer it looks whether there is one now before it asks again.
///
/// # Errors
/// Those of [`Forge::open`], after three attempts.
pub fn open_once(forge: &dyn Forge, repo: &RepoName, new: &NewPull) -> Result<Pull> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match forge.open(repo, new) {
            Ok(pull) => return Ok(pull),
            Err(error) if matches!(error.class, Class::Unknown | Class::Exists) => error,
            Err(error) => return Err(error),
        };
        let there = forge.pulls(repo, &new.owner, &new.branch)?;
        if let Some(pull) = there.into_iter().find(|pull| pull.state == State::Open) {
            return Ok(pull);
        }
        if attempts == 3 || error.class == Class::Exists {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories() {
        for good in ["a/b", "a.b/c_d-e", "group/sub/x", "a/.github"] {
            assert_eq!(good.parse::<RepoName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a", "a/", "/b", "-a/b", "a/-b", "../b", "a/..", "a b/c", "a/b?x", "a/b\n", "ext::sh/b", "u:p@h/b"] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_address_says_which_forge_it_is() {
        assert_eq!(Kind::of("https://api.github.com/"), Some(Kind::GitHub));
        assert_eq!(Kind::of("https://git.example.com/api/v3"), Some(Kind::GitHub));
        assert_eq!(Kind::of("https://git.example.com/api/v1/"), Some(Kind::Gitea));
        assert_eq!(Kind::of("https://git.example.com/api/v4"), Some(Kind::GitLab));
        assert_eq!(Kind::of("https://git.example.com"), None);
        assert_eq!(Kind::GitHub.api("git.example.com"), "https://git.example.com/api/v3");
    }
}
