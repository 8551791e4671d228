//! `mlfix fleet publish`, `status`, `refresh`, `close`: pull requests for the records of a run.

use std::path::PathBuf;

use clap::Args;

use super::access::Access;
use super::campaign::{Limits, Work};
use crate::fleet::AUTHOR;
use crate::fleet::published::is_name;
use crate::fleet::split::Split;
use crate::fleet::wish::Wish;

/// Which campaign of which run.
#[derive(Args)]
pub(super) struct Of {
    /// The folder of a run, or a file of `fleet merge`
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// The name of the campaign; its branches are `mlfix/NAME`
    #[arg(long, value_name = "NAME", value_parser = campaign)]
    pub(super) campaign: String,
    /// Only this repository
    #[arg(long, value_name = "REPO")]
    pub(super) repo: Option<String>,
    /// Who makes the commits, as `Name <address>`
    #[arg(long, value_name = "AUTHOR", default_value = AUTHOR)]
    author: String,
    #[command(flatten)]
    pub(super) access: Access,
    /// Also speak http, which is not encrypted
    #[arg(long, help_heading = "Forge")]
    pub(super) allow_http: bool,
}

/// What to open.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Publish {
    #[command(flatten)]
    of: Of,
    /// Change nothing anywhere, and show branches, commits, titles and texts
    #[arg(long)]
    dry_run: bool,
    /// Open at most so many pull requests in this run
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Open none while so many of the campaign wait for a decision
    #[arg(long, value_name = "N")]
    max_open: Option<usize>,
    /// Open them as drafts
    #[arg(long)]
    draft: bool,
    /// The title of every pull request [default: made from the transforms]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Labels for every pull request
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    labels: Vec<String>,
    /// Whom to ask for a review; `codeowners` stands for those whom the repository names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    reviewers: Vec<String>,
    /// One pull request for a repository, or several
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    split: Split,
    /// Go through a fork where there is no right to push
    #[arg(long)]
    fork: bool,
    /// Open again what people closed
    #[arg(long)]
    reopen_declined: bool,
    /// Also repositories that are public and belong to somebody else
    #[arg(long)]
    allow_foreign: bool,
    /// Also repositories that are forks themselves
    #[arg(long)]
    include_forks: bool,
    /// Leave out the repositories that match a line of this file, such as `github.com/owner/*`
    #[arg(long, value_name = "FILE")]
    blocklist: Option<PathBuf>,
}

/// What to bring up to date.
#[derive(Args)]
pub(super) struct Refresh {
    #[command(flatten)]
    of: Of,
    /// Change nothing anywhere, and show what would be done
    #[arg(long)]
    dry_run: bool,
    /// As it was published
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    split: Split,
    /// Go through a fork where there is no right to push, as it was published
    #[arg(long)]
    fork: bool,
}

/// A campaign to look at, or to end.
#[derive(Args)]
pub(super) struct Campaigned {
    #[command(flatten)]
    of: Of,
    /// Go through a fork where there is no right to push, as it was published
    #[arg(long)]
    fork: bool,
}

fn campaign(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err("use letters, digits, `-`, `_` and `.`".to_owned()) }
}

impl Of {
    pub(super) fn wish(&self) -> Wish {
        Wish {
            campaign: self.campaign.clone(),
            title: None,
            author: self.author.clone(),
            draft: false,
            labels: Vec::new(),
            reviewers: Vec::new(),
            split: Split::None,
            fork: false,
            reopen: false,
            // Whoever has published there knows what is there.
            allow_foreign: true,
            include_forks: true,
            only_existing: false,
            dry_run: false,
        }
    }
}

impl Publish {
    /// Runs it.
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let wish = Wish {
            title: self.title.map(|title| title.chars().filter(|c| !c.is_control()).take(255).collect()),
            draft: self.draft,
            labels: self.labels,
            reviewers: self.reviewers.iter().map(|name| name.trim_start_matches('@').to_owned()).collect(),
            split: self.split,
            fork: self.fork,
            reopen: self.reopen_declined,
            allow_foreign: self.allow_foreign,
            include_forks: self.include_forks,
            dry_run: self.dry_run,
            ..self.of.wish()
        };
        let limits = Limits { opened: self.limit, open: self.max_open };
        Work::begin(self.of, wish, self.blocklist.as_deref())?.publish(&limits)
    }
}

impl Refresh {
    /// Runs it.
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let wish = Wish { split: self.split, fork: self.fork, only_existing: true, dry_run: self.dry_run, ..self.of.wish() };
        Work::begin(self.of, wish, None)?.publish(&Limits::default())
    }
}

impl Campaigned {
    /// Says how things stand.
    pub(super) fn status(self) -> anyhow::Result<u8> {
        let wish = Wish { fork: self.fork, ..self.of.wish() };
        Work::begin(self.of, wish, None)?.status()
    }

    /// Closes what is open.
    pub(super) fn close(self) -> anyhow::Result<u8> {
        let wish = Wish { fork: self.fork, ..self.of.wish() };
        Work::begin(self.of, wish, None)?.close()
    }
}
