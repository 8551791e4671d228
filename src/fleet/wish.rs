//! What somebody wants to publish, and how.

use super::split::Split;

/// The wishes of whoever publishes.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Wish {
    /// The name of the campaign; its branches are `mlfix/NAME` or below.
    pub campaign: String,
    /// The title; made from the transforms where none is given.
    pub title: Option<String>,
    /// Who makes the commits: `Name <address>`.
    pub author: String,
    /// Whether pull requests are opened as drafts.
    pub draft: bool,
    /// Labels for every pull request.
    pub labels: Vec<String>,
    /// Whom to ask for a review; `codeowners` stands for those whom the repository names.
    pub reviewers: Vec<String>,
    /// One pull request or several.
    pub split: Split,
    /// Whether to go through a fork where there is no right to push.
    pub fork: bool,
    /// Whether what people closed may be opened again.
    pub reopen: bool,
    /// Whether public repositories are welcome where the token has no right to push.
    pub allow_foreign: bool,
    /// Whether repositories are welcome that are forks themselves.
    pub include_forks: bool,
    /// Whether only what is open is kept up to date.
    pub only_existing: bool,
    /// Whether nothing is changed anywhere, and only shown what would be.
    pub dry_run: bool,
}
