//! `mlfix pr`: the fixes of one repository as one pull request.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Args;

use super::access::Access;
use super::draft;
use super::output::{Output, say};
use super::{Choice, ids};
use crate::fleet::campaign::Campaign;
use crate::fleet::crew::Workplace;
use crate::fleet::draft as paper;
use crate::fleet::list::Target;
use crate::fleet::publish::{Interrupted, Known, Publisher};
use crate::fleet::published::{Word, is_name};
use crate::fleet::record::Status;
use crate::fleet::split::Split;
use crate::fleet::wish::Wish;
use crate::fleet::{AUTHOR, look};
use crate::git::{Address, Git, Protocol};
use crate::report::terminal::visible;
use crate::transforms::SUITE;
use crate::write::Interrupt;

/// What to open.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Pr {
    /// The checkout
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Change nothing anywhere, and show branch, commits, title and text; needs no token and no network
    #[arg(long)]
    dry_run: bool,
    /// The name of the campaign; its branch is `mlfix/NAME`
    #[arg(long = "campaign", value_name = "NAME", default_value = "fixes", value_parser = campaign)]
    name: String,
    /// The branch to merge into [default: the one that is checked out]
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// Where the repository is
    #[arg(long, value_name = "REMOTE", default_value = "origin")]
    remote: String,
    /// The title [default: made from the transforms]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Open it as a draft
    #[arg(long)]
    draft: bool,
    /// Labels
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    labels: Vec<String>,
    /// Whom to ask for a review; `codeowners` stands for those whom the repository names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    reviewers: Vec<String>,
    /// Who makes the commits, as `Name <address>`
    #[arg(long, value_name = "AUTHOR", default_value = AUTHOR)]
    author: String,
    /// Go through a fork where there is no right to push
    #[arg(long)]
    fork: bool,
    /// Open it again although people closed it
    #[arg(long)]
    reopen_declined: bool,
    /// Also make fixes that are right in the common case but not proven
    #[arg(long)]
    unsafe_fixes: bool,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    access: Access,
}

fn campaign(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err("use letters, digits, `-`, `_` and `.`".to_owned()) }
}

impl Pr {
    /// Runs it.
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let interrupt = Interrupt::listen()?;
        let checkout = Checkout::open(&self.folder)?;
        let base = match &self.base {
            Some(base) => base.clone(),
            None => checkout.branch().context("no branch is checked out: name one with --base")?,
        };
        let protocols = [Protocol::Https, Protocol::Ssh, Protocol::Http, Protocol::File];
        let git = Git::new(&protocols)?;
        if !git.is_branch_name(&base) || base.starts_with("mlfix/") {
            bail!("`{}` is no branch to merge into", visible(&base));
        }
        let workplace = Workplace::new()?;
        let top = Address::parse(&checkout.top, Path::new("/")).map_err(anyhow::Error::msg)?;
        let copy = git.snapshot(&top, &checkout.commit, &base, &workplace.path.join("copy"))?;
        let target = Target { address: copy.clone(), branch: Some(base.clone()) };
        let campaign = self.campaign(&checkout)?;
        let mut record = look(&git, campaign, &target, &workplace.path.join("scan"), &interrupt)?;
        if record.status == Status::Failed {
            bail!("{}", record.because.unwrap_or_default());
        }
        let wish = Wish {
            campaign: self.name.clone(),
            title: self.title.clone().map(|title| title.chars().filter(|c| !c.is_control()).take(255).collect()),
            author: self.author.clone(),
            draft: self.draft,
            labels: self.labels.clone(),
            reviewers: self.reviewers.iter().map(|name| name.trim_start_matches('@').to_owned()).collect(),
            split: Split::None,
            fork: self.fork,
            reopen: self.reopen_declined,
            // One repository, which its user has named.
            allow_foreign: true,
            include_forks: true,
            only_existing: false,
            dry_run: self.dry_run,
        };
        if record.status == Status::OptedOut {
            say(&format!("Its owners want no pull requests: {}.", record.because.as_deref().unwrap_or_default()));
        }
        let mut output = Output::default();
        if self.dry_run {
            if record.steps.is_empty() {
                say("Nothing to fix.");
                return Ok(0);
            }
            let clone = git.clone_into(&copy, None, &workplace.path.join("commits"), None)?;
            let branch = paper::branch(&self.name, None);
            let place = (base.as_str(), checkout.commit.as_str());
            let draft = paper::draft(&clone, place, branch, &record.steps, &wish, &record.version)?;
            output.put(draft::shown(&draft).as_bytes());
            return Ok(output.exit_code(false).unwrap_or(0));
        }
        let remote = Address::parse(&checkout.remote(&self.remote)?, Path::new("/")).map_err(anyhow::Error::msg)?;
        if remote.protocol() == Protocol::Http
            && !["127.0.0.1", "localhost"].contains(&remote.host().split(':').next().unwrap_or(""))
        {
            bail!("{remote} is reached without encryption; use https");
        }
        remote.canonical().clone_into(&mut record.repo);
        remote.url().clone_into(&mut record.url);
        record.base_ref = Some(base);
        let opened = self.access.open(remote.host(), None, &interrupt)?;
        let publisher = Publisher {
            git: &git,
            forge: &*opened.forge,
            pass: &opened.pass,
            wish: &wish,
            scratch: &workplace.path,
            clones: std::cell::Cell::new(0),
        };
        let mut code = 0;
        let result = publisher.publish(&record, &[Known::default()], &mut |told| {
            let entry = told.entry;
            let url = entry.url.map_or(String::new(), |url| format!("  {}", visible(&url)));
            let because = entry.because.map_or(String::new(), |because| format!("  {}", visible(&because)));
            output.put(format!("{}{url}{because}\n", entry.deed.shown()).as_bytes());
            if matches!(entry.deed, Word::Failed | Word::Skipped | Word::Conflict) {
                code = 2;
            }
        });
        match result {
            Err(Interrupted) => Ok(interrupt.exit_code().unwrap_or(130)),
            Ok(()) => Ok(output.exit_code(true).unwrap_or(code)),
        }
    }
}

impl Pr {
    /// What is asked for: what the command line says, with the options of the configuration at the top. The rest of the
    /// configuration counts where it stands, as in any scan.
    fn campaign(&self, checkout: &Checkout) -> anyhow::Result<Campaign> {
        let (select, ignore) = (ids("--select", &self.choice.select)?, ids("--ignore", &self.choice.ignore)?);
        let chosen = |id: &&str| (select.is_empty() || select.contains(id)) && !ignore.contains(id);
        let transforms: Vec<String> =
            SUITE.iter().map(|transform| transform.meta().id).filter(chosen).map(str::to_owned).collect();
        if transforms.is_empty() {
            bail!("no transform is left to run");
        }
        Ok(Campaign {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            transforms,
            unsafe_fixes: self.unsafe_fixes,
            target: None,
            exclude: Vec::new(),
            config: checkout.config()?,
        })
    }
}

/// What the user has checked out. It is asked with the user's own git and configuration.
struct Checkout {
    folder: PathBuf,
    top: String,
    commit: String,
}

impl Checkout {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.to_owned();
        let top = ask(&folder, &["rev-parse", "--show-toplevel"]).context("this is no checkout of git")?;
        let commit = ask(&folder, &["rev-parse", "--verify", "HEAD^{commit}"]).context("there is no commit yet")?;
        let changed = ask(&folder, &["status", "--porcelain", "--untracked-files=no"])?;
        if !changed.is_empty() {
            let files = changed.lines().count();
            bail!("there are changes that are not committed ({files} files): commit them or put them aside first");
        }
        Ok(Self { folder, top, commit })
    }

    /// The text of `mlfix.toml` at the top, or the same from `pyproject.toml`.
    fn config(&self) -> anyhow::Result<Option<String>> {
        let top = Path::new(&self.top);
        if let Some(text) = crate::config::read(&top.join("mlfix.toml"))? {
            return Ok(Some(text));
        }
        let Some(text) = crate::config::read(&top.join("pyproject.toml"))? else { return Ok(None) };
        let table: toml::Table = text.parse().context("pyproject.toml")?;
        let ours = table.get("tool").and_then(|tool| tool.get("mlfix"));
        Ok(ours.map(toml::to_string).transpose()?)
    }

    fn branch(&self) -> Option<String> {
        ask(&self.folder, &["symbolic-ref", "--quiet", "--short", "HEAD"]).ok()
    }

    fn remote(&self, name: &str) -> anyhow::Result<String> {
        ask(&self.folder, &["remote", "get-url", "--push", "--", name])
            .with_context(|| format!("there is no remote `{}`", visible(name)))
    }
}

fn ask(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.lines().next().unwrap_or("git ended with a failure"));
    }
    Ok(String::from_utf8(output.stdout).context("git answers with what is no text")?.trim_end().to_owned())
}
