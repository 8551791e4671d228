//! `mlfix fleet`: one migration over many repositories.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Parser as _, Subcommand, ValueEnum};

use super::access::Reading;
use super::forks::Forks;
use super::listing::{List, Selection};
use super::output::{Output, say};
use super::publish::{Campaigned, Publish, Refresh};
use super::{Choice, ids, version};
use crate::config::split;
use crate::engine::version::PythonVersion;
use crate::fleet::AUTHOR;
use crate::fleet::campaign::{self, Campaign};
use crate::fleet::crew::{self, News, Orders};
use crate::fleet::list::{Shard, Target, targets};
use crate::fleet::progress::{self, pace};
use crate::fleet::record::Class;
use crate::fleet::records::Records;
use crate::fleet::show::{Look, Show, details, painted};
use crate::fleet::sum::Sum;
use crate::fleet::{export, found, journal, mirror, sbatch};
use crate::git::Address;
use crate::report::progress::Progress;
use crate::report::terminal::{self, Color, Screen, visible};
use crate::write::{Cause, Interrupt};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Ask a forge for a list of repositories
    List(List),
    /// Clone and fix repositories; writes records and nothing else
    Scan(Box<Scan>),
    /// Scan again those that failed
    Retry(Retry),
    /// Say how far a scan is, from the folder of its records
    Progress {
        /// The folder of the run
        run: PathBuf,
        #[command(flatten)]
        list: Named,
    },
    /// Put the records of all shards into one file
    Merge(Merge),
    /// Show what was found
    Show {
        #[command(flatten)]
        of: Of,
        /// How to show it: text, markdown, csv or html
        #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT")]
        format: Look,
    },
    /// Show what would be changed
    Diff {
        #[command(flatten)]
        of: Of,
    },
    /// Write patches or mails, for forges that mlfix does not speak to
    Export(Export),
    /// Open pull requests for the records of a run
    Publish(Box<Publish>),
    /// Say what became of the pull requests of a campaign
    Status(Box<Campaigned>),
    /// Bring the open pull requests of a campaign up to date with the records, and open none
    Refresh(Box<Refresh>),
    /// Close the open pull requests of a campaign
    Close(Box<Campaigned>),
    /// Forks through which a campaign went
    #[command(subcommand)]
    Forks(Forks),
    /// Copy repositories into a folder, to be scanned where there is no network
    Mirror(Mirror),
    /// Print a job script for SLURM
    Sbatch(Sbatch),
}

#[derive(Args)]
pub(super) struct Named {
    /// A file with one repository a line: `owner/name`, `host/owner/name`, a URL or a folder; and, behind a space, a branch
    #[arg(long = "repos", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Also speak http, which is not encrypted
    #[arg(long)]
    allow_http: bool,
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

#[derive(Args)]
pub(super) struct Merge {
    /// The folder of the run
    run: PathBuf,
    /// Fail when one of these repositories has no record, and leave out all others [default: those that a forge listed]
    #[arg(long, value_name = "FILE")]
    expect: Vec<PathBuf>,
    /// The file to write [default: `records.jsonl` in the folder of the run]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also take http addresses
    #[arg(long)]
    allow_http: bool,
}

#[derive(Args)]
pub(super) struct Of {
    /// The folder of a run, or a file of merged records
    run: PathBuf,
    /// Only this repository
    #[arg(long, value_name = "REPOSITORY")]
    repo: Option<String>,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    of: Of,
    /// `patch` for `git apply`, `mbox` for `git am --keep-cr`
    #[arg(long, value_enum, hide_possible_values = true, default_value = "patch")]
    format: Kind,
    /// A folder for one file each; else everything is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Who made the commits
    #[arg(long, value_name = "NAME <ADDRESS>", default_value = AUTHOR)]
    author: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Patch,
    Mbox,
}

#[derive(Args)]
pub(super) struct Mirror {
    /// The folder to fill
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    list: Named,
    #[command(flatten)]
    reading: Reading,
    /// How long one repository may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How large the copy of one repository may be
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..))]
    max_size: u64,
}

#[derive(Args)]
pub(super) struct Sbatch {
    /// Into how many parts the list is divided
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    shards: u32,
    /// How many parts run at a time, on the whole cluster: that is also how many clone at a time
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    max: u32,
    /// Repositories at a time in each part
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// What follows `--` are options of `mlfix fleet scan`
    #[arg(last = true, required = true, value_name = "OPTIONS")]
    scan: Vec<String>,
}

/// Runs it.
pub(super) fn run(verb: Verb, color: Color) -> anyhow::Result<u8> {
    match verb {
        Verb::List(typed) => typed.run(),
        Verb::Scan(typed) => scan(*typed),
        Verb::Retry(typed) => retry(&typed),
        Verb::Progress { run, list } => far(&run, &list),
        Verb::Merge(typed) => merge(&typed),
        Verb::Show { of, format } => show(&of, format, color),
        Verb::Diff { of } => diff(&of, color),
        Verb::Export(typed) => export(&typed),
        Verb::Publish(typed) => typed.run(),
        Verb::Status(typed) => typed.status(),
        Verb::Refresh(typed) => typed.run(),
        Verb::Close(typed) => typed.close(),
        Verb::Forks(verb) => verb.run(),
        Verb::Mirror(typed) => fill(&typed),
        Verb::Sbatch(typed) => script(&typed),
    }
}

impl Named {
    fn targets(&self, named: &[String]) -> anyhow::Result<Vec<Target>> {
        if self.files.is_empty() && named.is_empty() {
            bail!("which repositories? Name them, a file of them with --repos, or their owner with --org");
        }
        targets(&self.files, named, self.allow_http)
    }

    /// The list that a forge made for this run, where no other is named.
    fn or_kept(&self, run: &Path) -> anyhow::Result<Option<Vec<Target>>> {
        let kept = if self.files.is_empty() { found::kept(run)?.map(|kept| kept.path) } else { None };
        let files: Vec<PathBuf> = if let Some(kept) = kept { vec![kept] } else { self.files.clone() };
        if files.is_empty() { Ok(None) } else { targets(&files, &[], self.allow_http).map(Some) }
    }
}

impl Scan {
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

fn scan(typed: Scan) -> anyhow::Result<u8> {
    let campaign = typed.campaign()?;
    let interrupt = Interrupt::listen()?;
    let targets = typed.targets(&interrupt)?;
    let orders = typed.work.orders(typed.out, campaign, targets, typed.shard)?;
    look(&Orders { refresh: typed.refresh, ..orders }, typed.work.quiet, &interrupt)?;
    Ok(interrupt.exit_code().unwrap_or(0))
}

fn retry(typed: &Retry) -> anyhow::Result<u8> {
    let run = &typed.run;
    let campaign = journal::campaign_of(run)?.with_context(|| format!("{} is not the folder of a run", terminal::path(run)))?;
    let records = Records::open(run)?;
    let mut shards: Vec<Shard> = journal::files(run)?.iter().filter_map(|file| journal::shard_of(file)).collect();
    shards.dedup();
    let interrupt = Interrupt::listen()?;
    for shard in shards {
        let mut targets = Vec::new();
        for (heading, line) in records.lines() {
            if journal::shard_of(&line.file) == Some(shard) && heading.class.is_some_and(|class| typed.class.contains(&class)) {
                let record = line.record()?;
                let address = Address::parse(&record.url, Path::new("/")).map_err(anyhow::Error::msg)?;
                targets.push(Target { address, branch: record.base_ref });
            }
        }
        if !targets.is_empty() && !interrupt.is_set() {
            let orders = typed.work.orders(run.clone(), campaign.clone(), targets, shard)?;
            look(&Orders { retry: typed.class.clone(), ..orders }, typed.work.quiet, &interrupt)?;
        }
    }
    Ok(interrupt.exit_code().unwrap_or(0))
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

fn far(run: &Path, list: &Named) -> anyhow::Result<u8> {
    let expected = list.or_kept(run)?.map(|targets| targets.len());
    Ok(print(progress::report(run, expected)?.as_bytes()))
}

fn merge(typed: &Merge) -> anyhow::Result<u8> {
    let records = Records::open(&typed.run)?;
    let list = Named { files: typed.expect.clone(), allow_http: typed.allow_http };
    let expected = list.or_kept(&typed.run)?;
    let file = typed.out.clone().unwrap_or_else(|| typed.run.join("records.jsonl"));
    let others = records.merge(expected.as_deref(), &file)?;
    let merged = records.len() - others;
    say(&format!("{merged} records in {}", terminal::path(&file)));
    if others > 0 {
        say(&format!("{others} records are of repositories that are not on the list; they were left out"));
    }
    Ok(0)
}

fn show(of: &Of, look: Look, color: Color) -> anyhow::Result<u8> {
    let records = Records::open(&of.run)?;
    let mut output = Output::default();
    if let (Some(repo), Look::Text) = (&of.repo, look) {
        for record in records.read(Some(repo))? {
            output.put(details(&record?).as_bytes());
        }
        return Ok(output.exit_code(false).unwrap_or(0));
    }
    let width = records.headings().map(|heading| visible(&heading.repo).chars().count()).max().unwrap_or(0);
    let mut show = Show::new(look, Screen::stdout(color), width);
    output.put(show.start().as_bytes());
    for record in records.read(of.repo.as_deref())? {
        if !output.put(show.one(&record?).as_bytes()) {
            break;
        }
    }
    output.put(show.end().as_bytes());
    Ok(output.exit_code(false).unwrap_or(0))
}

fn diff(of: &Of, color: Color) -> anyhow::Result<u8> {
    let records = Records::open(&of.run)?;
    let screen = Screen::stdout(color);
    let mut output = Output::default();
    for record in records.read(of.repo.as_deref())? {
        let record = record?;
        for step in &record.steps {
            // Git and patch(1) skip what stands between two patches.
            let head = format!("# {}: {}, {} safe, {} unsafe\n", visible(&record.repo), step.transform, step.safe, step.risky);
            let mut text = head.into_bytes();
            step.edits.iter().for_each(|edit| text.extend(painted(&edit.diff, screen)));
            if !output.put(&text) {
                return Ok(output.exit_code(false).unwrap_or(0));
            }
        }
    }
    Ok(output.exit_code(false).unwrap_or(0))
}

fn export(typed: &Export) -> anyhow::Result<u8> {
    let records = Records::open(&typed.of.run)?;
    if typed.out.is_none() && typed.of.repo.is_none() && typed.format == Kind::Patch {
        bail!("patches of several repositories are no one patch: name a folder with --out, or one repository with --repo");
    }
    let mut output = Output::default();
    let mut count = 0;
    for record in records.read(typed.of.repo.as_deref())? {
        let record = record?;
        if record.steps.is_empty() {
            continue;
        }
        let (bytes, ending) = match typed.format {
            Kind::Patch => (export::patch(&record), "patch"),
            Kind::Mbox => (export::mbox(&record, &typed.author), "mbox"),
        };
        count += 1;
        let Some(folder) = &typed.out else {
            output.put(&bytes);
            continue;
        };
        let name = record.repo.replace("://", "/").replace(['/', ':'], "--");
        let file = folder.join(format!("{}.{ending}", name.trim_start_matches('-')));
        let write = || std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create(&file)?.write_all(&bytes));
        write().map_err(|error| anyhow::anyhow!("cannot write {}: {}", terminal::path(&file), Cause(&error)))?;
    }
    if let Some(folder) = &typed.out {
        say(&format!("{count} files in {}", terminal::path(folder)));
    }
    Ok(output.exit_code(false).unwrap_or(0))
}

fn fill(typed: &Mirror) -> anyhow::Result<u8> {
    let targets = typed.list.targets(&[])?;
    let interrupt = Interrupt::listen()?;
    let (timeout, most) = (Duration::from_secs(typed.timeout), typed.max_size << 20);
    let pass = typed.reading.pass()?;
    let failed =
        mirror::fill(&typed.folder, &targets, pass.as_ref(), (timeout, most), &interrupt, |target, result| match result {
            Ok(what) => say(&format!("{} {what}", visible(target.address.canonical()))),
            Err(failure) => say(&format!("error: {}: {}", visible(target.address.canonical()), visible(&failure.said))),
        })?;
    Ok(interrupt.exit_code().unwrap_or(if failed > 0 { 2 } else { 0 }))
}

fn script(typed: &Sbatch) -> anyhow::Result<u8> {
    // Better now than two hundred times on the cluster.
    let words = ["mlfix", "fleet", "scan"].into_iter().map(str::to_owned).chain(typed.scan.iter().cloned());
    let parsed = super::Typed::try_parse_from(words);
    let fault = match &parsed {
        Err(error) => Some(error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()),
        Ok(_) if typed.scan.iter().any(|word| word.starts_with("--shard") || word.starts_with("--jobs")) => {
            Some("--shard and --jobs come from the script".to_owned())
        }
        Ok(_) => None,
    };
    if let Some(fault) = fault {
        bail!("`mlfix fleet scan` would not take these options: {fault}");
    }
    Ok(print(sbatch::script(typed.shards, typed.max, typed.jobs, &typed.scan).as_bytes()))
}

fn print(text: &[u8]) -> u8 {
    let mut output = Output::default();
    output.put(text);
    output.exit_code(false).unwrap_or(0)
}
