//! `mlfix fleet`: one migration over many repositories.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Parser as _, Subcommand, ValueEnum};

use super::access::Reading;
use super::forks::Forks;
use super::listing::List;
use super::output::{Output, say};
use super::publish::{Campaigned, Publish, Refresh};
use super::scan::{Named, Retry, Scan};
use crate::fleet::AUTHOR;
use crate::fleet::progress;
use crate::fleet::records::Records;
use crate::fleet::show::{Look, Show, details, painted};
use crate::fleet::{export, mirror, sbatch};
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
        Verb::Scan(typed) => typed.run(),
        Verb::Retry(typed) => typed.run(),
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
