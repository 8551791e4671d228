//! `mlfix fleet scan` and `mlfix fleet retry`: repositories are looked at, and records written.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;

use super::access::Reading;
use super::listing::Selection;
use super::output::say;
use super::{Choice, ids, version};
use crate::config::split;
use crate::engine::version::PythonVersion;
use crate::fleet::campaign::{self, Campaign};
use crate::fleet::crew::{self, News, Orders};
use crate::fleet::list::{Shard, Target, targets};
use crate::fleet::progress::pace;
use crate::fleet::record::Class;
use crate::fleet::records::Records;
use crate::fleet::sum::Sum;
use crate::fleet::{found, journal};
use crate::git::Address;
use crate::report::progress::Progress;
use crate::report::terminal::{self, Color, Screen};
use crate::write::Interrupt;

/// A list of repositories.
#[derive(Args)]
pub(super) struct Named {
    /// A file with one repository a line: `owner/name`, `host/owner/name`, a URL or a folder; and, behind a space, a branch
    #[arg(long = "repos", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Also speak http, which is not encrypted
    #[arg(long)]
    pub(super) allow_http: bool,
}

#[derive(Args)]
pub(super) struct Scan {
    /// Repositories: `owner/name`, `host/owner/name`, a URL, or a folder that starts with `/` or `./`
    #[arg(value_name = "REPOSITORY")]
    named: Vec<String>,
    #[command(flatten)]
    list: Named,
    #[command(flatten)]
    wanted: Selection,
    /// The folder of the run, for the records
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Also make fixes that are right in the common case but not proven
    #[arg(long)]
    unsafe_fixes: bool,
    #[command(flatten)]
    choice: Choice,
    /// Leave out files and folders that match, from the top of each repository
    #[arg(long, value_name = "GLOBS", help_heading = "Choice")]
    exclude: Vec<String>,
    /// The team's configuration file; what stands in a repository can only take away from it
    #[arg(long, value_name = "FILE", help_heading = "Choice")]
    config: Option<PathBuf>,
    /// The oldest Python that results must run on [default: what each repository says]
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = "Choice")]
    target_version: Option<PythonVersion>,
    /// Only this part of the list, counted from 0: 0/4, 1/4, 2/4, 3/4
    #[arg(long, value_name = "I/N", default_value = "0/1", hide_default_value = true, help_heading = "Work")]
    shard: Shard,
    /// Also look again at those whose branch has moved since
    #[arg(long, help_heading = "Work")]
    refresh: bool,
    #[command(flatten)]
    work: Work,
}

#[derive(Args)]
struct Work {
    /// Repositories at a time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Work")]
    jobs: Option<u16>,
    /// How long one repository may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Work")]
    timeout: u64,
    /// How large the clone of one repository may be
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Work")]
    max_size: u64,
    /// Take repositories from this folder, which `mlfix fleet mirror` filled, and not from the network
    #[arg(long, value_name = "DIR", help_heading = "Work")]
    mirror: Option<PathBuf>,
    /// Print errors only
    #[arg(short, long, help_heading = "Work")]
    quiet: bool,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Args)]
pub(super) struct Retry {
    /// The folder of the run
    run: PathBuf,
    /// Those that failed in this way: transient, auth, gone, empty, too-big, parse, engine, refused
    #[arg(long, value_enum, value_delimiter = ',', default_value = "transient", hide_possible_values = true)]
    class: Vec<Class>,
    /// Also speak http, which is not encrypted
    #[arg(long)]
    allow_http: bool,
    #[command(flatten)]
    work: Work,
}

impl Named {
    pub(super) fn targets(&self, named: &[String]) -> anyhow::Result<Vec<Target>> {
        if self.files.is_empty() && named.is_empty() {
            bail!("which repositories? Name them, a file of them with --repos, or their owner with --org");
        }
        targets(&self.files, named, self.allow_http)
    }

    /// The list that a forge made for this run, where no other is named.
    pub(super) fn or_kept(&self, run: &Path) -> anyhow::Result<Option<Vec<Target>>> {
        let kept = if self.files.is_empty() { found::kept(run)?.map(|kept| kept.path) } else { None };
        let files: Vec<PathBuf> = if let Some(kept) = kept { vec![kept] } else { self.files.clone() };
        if files.is_empty() { Ok(None) } else { targets(&files, &[], self.allow_http).map(Some) }
    }
}

impl Scan {
    /// Runs it.
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let campaign = self.campaign()?;
        let interrupt = Interrupt::listen()?;
        let targets = self.targets(&interrupt)?;
        let orders = self.work.orders(self.out, campaign, targets, self.shard)?;
        look(&Orders { refresh: self.refresh, ..orders }, self.work.quiet, &interrupt)?;
        Ok(interrupt.exit_code().unwrap_or(0))
    }

    fn targets(&self, interrupt: &Interrupt) -> anyhow::Result<Vec<Target>> {
        let is_named = !self.named.is_empty() || !self.list.files.is_empty();
        if is_named && self.wanted.is_some() {
            bail!("a list of repositories, or one that a forge makes (--org, --topic), not both");
        }
        let kept = if is_named {
            None
        } else {
            self.wanted.kept_in(&self.out, &self.work.reading, self.work.max_size << 20, interrupt)?
        };
        match kept {
            Some(file) => targets(&[file], &[], self.list.allow_http),
            None => self.list.targets(&self.named),
        }
    }

    fn campaign(&self) -> anyhow::Result<Campaign> {
        let wanted = campaign::Wanted {
            select: ids("--select", &self.choice.select)?,
            ignore: ids("--ignore", &self.choice.ignore)?,
            unsafe_fixes: self.unsafe_fixes,
            target: self.target_version,
            exclude: self.exclude.iter().flat_map(|list| split(list)).collect(),
            config: self.config.as_deref(),
        };
        wanted.campaign()
    }
}

impl Retry {
    /// Runs it.
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let run = &self.run;
        let campaign =
            journal::campaign_of(run)?.with_context(|| format!("{} is not the folder of a run", terminal::path(run)))?;
        let records = Records::open(run)?;
        let mut shards: Vec<Shard> = journal::files(run)?.iter().filter_map(|file| journal::shard_of(file)).collect();
        shards.dedup();
        let interrupt = Interrupt::listen()?;
        for shard in shards {
            let mut targets = Vec::new();
            for (heading, line) in records.lines() {
                if journal::shard_of(&line.file) == Some(shard)
                    && heading.class.is_some_and(|class| self.class.contains(&class))
                {
                    let record = line.record()?;
                    let address = Address::parse(&record.url, Path::new("/")).map_err(anyhow::Error::msg)?;
                    targets.push(Target { address, branch: record.base_ref });
                }
            }
            if !targets.is_empty() && !interrupt.is_set() {
                let orders = self.work.orders(run.clone(), campaign.clone(), targets, shard)?;
                look(&Orders { retry: self.class.clone(), ..orders }, self.work.quiet, &interrupt)?;
            }
        }
        Ok(interrupt.exit_code().unwrap_or(0))
    }
}

impl Work {
    fn orders(&self, folder: PathBuf, campaign: Campaign, targets: Vec<Target>, shard: Shard) -> anyhow::Result<Orders> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Orders {
            folder,
            campaign,
            targets,
            shard,
            // Where nothing but the mirror is asked, nobody needs a token.
            pass: if self.mirror.is_none() { self.reading.pass()? } else { None },
            jobs: self.jobs.map_or_else(cores, usize::from),
            timeout: Duration::from_secs(self.timeout),
            max_size: self.max_size << 20,
            mirror: self.mirror.clone(),
            retry: Vec::new(),
            refresh: false,
        })
    }
}

/// How often a run without a terminal says how far it is.
const SIGN: Duration = Duration::from_secs(30);

/// Looks at repositories and says how it goes.
fn look(orders: &Orders, quiet: bool, interrupt: &Interrupt) -> anyhow::Result<()> {
    let wants_bar = Screen::stderr(Color::Auto).terminal && !quiet;
    let mut progress: Option<Progress> = None;
    let mut sum = Sum::default();
    let (mut waiting, mut count) = (0, 0);
    let (start, mut last) = (Instant::now(), Instant::now());
    let result = crew::run(orders, interrupt, |news| {
        match news {
            News::Begin { all, done } => {
                waiting = all - done;
                if done > 0 && !quiet {
                    say(&format!("{done} of {all} repositories are done already"));
                }
                progress = Some(Progress::of_repositories(waiting, wants_bar));
                return;
            }
            News::Done(record) => sum.add(record),
            News::Unmoved => {}
        }
        count += 1;
        progress.iter_mut().for_each(Progress::step);
        if !quiet && !wants_bar && last.elapsed() >= SIGN {
            last = Instant::now();
            say(&pace(count, waiting - count, start.elapsed()));
        }
    });
    if let Some(progress) = progress {
        progress.finish();
    }
    result?;
    if !quiet && sum.all() > 0 {
        say(&sum.line());
    }
    if interrupt.is_set() {
        say("interrupted: run it again to go on where it ended");
    }
    Ok(())
}
