//! The command line: what was typed becomes what is meant, once; then the commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cache::usual_folder;
use crate::config::{Configs, Overrides, Patterns, split, transform};
use crate::engine::driver::Mode;
use crate::engine::version::PythonVersion;
use crate::report::summary::Deed;
use crate::report::terminal::{Color, Screen, visible};

mod access;
mod campaign;
mod check;
mod draft;
mod explain;
mod fleet;
mod forks;
mod listing;
mod output;
mod pr;
mod publish;
mod stdin;

/// Runs the program with the arguments of the process and says with which code to end it.
///
/// # Errors
/// What makes the whole run impossible, such as a wrong configuration file; the code is 2 then.
pub fn run() -> anyhow::Result<u8> {
    let typed = match Typed::try_parse() {
        Ok(typed) => typed,
        Err(error) => {
            let code = error.exit_code();
            // A closed pipe is no reason to complain about the help.
            let _ = error.print();
            return Ok(u8::try_from(code).unwrap_or(2));
        }
    };
    quiet_workers();
    match typed.command {
        Some(Command::List) => Ok(explain::list(typed.check.color)),
        Some(Command::Explain { what, choice, settings }) => {
            let color = typed.check.color;
            explain::explain(&what, &Plan::new(Check { choice, settings, color, ..Check::default() })?)
        }
        Some(Command::Pr(typed)) => typed.run(),
        Some(Command::Fleet(verb)) => fleet::run(verb, typed.check.color),
        None => {
            let plan = Plan::new(typed.check)?;
            if plan.stdin { stdin::run(&plan) } else { check::run(&plan) }
        }
    }
}

/// Says on standard error why the run was impossible.
pub fn complain(error: &anyhow::Error) {
    // Error texts quote what stands in files and file names.
    let text = format!("{error:#}").lines().map(|line| visible(line).into_owned()).collect::<Vec<_>>().join("\n");
    output::say(&format!("error: {text}"));
}

/// A panic on a worker is caught, and reported with the file that caused it; the default message would say it twice.
fn quiet_workers() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let on_worker = std::thread::current().name().is_some_and(|name| name.starts_with(crate::walk::WORKER));
        if !on_worker {
            usual(panic);
        }
    }));
}

/// Finds anti-patterns in Python machine-learning code and fixes them in place
#[derive(Parser)]
#[command(
    name = "mlfix",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 nothing is left to do; 1 findings remain; 2 something could not be read, written or \
                  understood; 130 interrupted."
)]
struct Typed {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: Check,
}

#[derive(Subcommand)]
enum Command {
    /// List the transforms
    List,
    /// Explain a transform, or what is found on a line and what was left alone
    Explain {
        /// The id of a transform, or a file and a line
        #[arg(value_name = "ID|FILE:LINE")]
        what: String,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        settings: Settings,
    },
    /// Open one pull request with the fixes of this repository, or bring it up to date
    Pr(Box<pr::Pr>),
    /// One migration over many repositories
    #[command(subcommand)]
    Fleet(fleet::Verb),
}

/// Which transforms run.
#[derive(Args, Default)]
struct Choice {
    /// Run only these transforms
    #[arg(long, value_name = "IDS", value_delimiter = ',', help_heading = "Choice")]
    select: Vec<String>,
    /// Do not run these transforms
    #[arg(long, value_name = "IDS", value_delimiter = ',', help_heading = "Choice")]
    ignore: Vec<String>,
}

/// Where the rest of what holds is written.
#[derive(Args, Default)]
struct Settings {
    /// Use this configuration file for everything
    #[arg(long, value_name = "FILE", conflicts_with = "isolated", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Read no configuration files
    #[arg(long, help_heading = "Configuration")]
    isolated: bool,
    /// The oldest Python that the result must run on, such as 3.9 or py39
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = "Configuration")]
    target_version: Option<PythonVersion>,
}

#[derive(Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Check {
    /// Files and folders to look into, or `-` for standard input [default: .]
    #[arg(value_name = "PATHS")]
    paths: Vec<PathBuf>,

    /// Show what `--fix` would change, as a patch; nothing is written
    #[arg(long)]
    diff: bool,
    /// Write the fixes; with `--diff`, show them too
    #[arg(long)]
    fix: bool,
    /// Also apply fixes that are right in the common case but not proven
    #[arg(long)]
    unsafe_fixes: bool,

    #[command(flatten)]
    choice: Choice,
    /// Leave out files and folders that match
    #[arg(long, value_name = "GLOBS", help_heading = "Choice")]
    exclude: Vec<String>,

    #[command(flatten)]
    settings: Settings,
    /// Threads to use [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Configuration")]
    jobs: Option<u16>,
    /// Remember here what was found [default: `mlfix` in the cache folder of the user]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache", help_heading = "Configuration")]
    cache_dir: Option<PathBuf>,
    /// Neither use nor keep what was found before
    #[arg(long, help_heading = "Configuration")]
    no_cache: bool,

    /// How to print findings: full, concise or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "FORMAT", help_heading = "Output")]
    output_format: Format,
    /// Print how often each transform found something, instead of the findings
    #[arg(long, help_heading = "Output")]
    statistics: bool,
    /// The name of what comes from standard input
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    stdin_filename: Option<PathBuf>,
    /// End with 0 although findings remain
    #[arg(long, help_heading = "Output")]
    exit_zero: bool,
    /// Print findings and errors only
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Also say what was left out, and why
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
    /// When to use colours: auto, always or never
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "WHEN",
        global = true,
        help_heading = "Output"
    )]
    color: Color,
}

/// The transforms that an option names.
fn ids(option: &str, names: &[String]) -> anyhow::Result<Vec<&'static str>> {
    let id = |name: &String| transform(name.trim()).map(|transform| transform.meta().id);
    let ids: Result<Vec<_>, _> = names.iter().map(id).collect();
    ids.map_err(|error| anyhow::anyhow!("{option}: {error}"))
}

fn version(text: &str) -> Result<PythonVersion, String> {
    text.parse()
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines that they are about, the reason, and what to do
    #[default]
    Full,
    /// One line each
    Concise,
    /// One JSON object
    Json,
}

/// What the user wants.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Plan {
    paths: Vec<PathBuf>,
    /// The text comes from standard input, under this name if there is one.
    stdin: bool,
    stdin_filename: Option<PathBuf>,
    fix: bool,
    diff: bool,
    configs: Arc<Configs>,
    /// The working folder, absolute and without links.
    working: PathBuf,
    cache: Option<CacheFolder>,
    jobs: usize,
    format: Format,
    statistics: bool,
    exit_zero: bool,
    quiet: bool,
    verbose: bool,
    stdout: Screen,
    stderr: Screen,
}

/// Where to remember what was found.
struct CacheFolder {
    path: PathBuf,
    /// Whether the user asked for it by name.
    named: bool,
}

impl Plan {
    fn new(typed: Check) -> anyhow::Result<Self> {
        let dash = Path::new("-");
        let stdin = typed.paths == [dash] || (typed.paths.is_empty() && typed.stdin_filename.is_some());
        if !stdin && typed.paths.iter().any(|path| path == dash) {
            anyhow::bail!("`-` stands for standard input and cannot be combined with other paths");
        }
        if !stdin && typed.stdin_filename.is_some() {
            anyhow::bail!("`--stdin-filename` names what comes from standard input, so the path must be `-`");
        }
        let working = std::env::current_dir().and_then(|folder| folder.canonicalize());
        let working = working.context("cannot tell the working folder")?;
        let (select, settings) = (&typed.choice.select, typed.settings);
        let globs: Vec<String> = typed.exclude.iter().flat_map(|list| split(list)).collect();
        let exclude = Patterns::new(&working, &globs).map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        let overrides = Overrides {
            select: if select.is_empty() { None } else { Some(ids("--select", select)?) },
            ignore: ids("--ignore", &typed.choice.ignore)?,
            exclude: (!globs.is_empty()).then_some(exclude),
            target: settings.target_version,
            unsafe_fixes: typed.unsafe_fixes,
            config: settings.config,
            isolated: settings.isolated,
        };
        let jobs = typed.jobs.map(usize::from);
        let named = typed.cache_dir.is_some();
        let cache = typed.cache_dir.or_else(usual_folder).filter(|_| !typed.no_cache);
        Ok(Self {
            paths: if typed.paths.is_empty() { vec![PathBuf::from(".")] } else { typed.paths },
            stdin,
            stdin_filename: typed.stdin_filename,
            fix: typed.fix,
            diff: typed.diff,
            configs: Arc::new(Configs::new(overrides, &working)?),
            working,
            cache: cache.map(|path| CacheFolder { path, named }),
            jobs: jobs.or_else(|| std::thread::available_parallelism().map(usize::from).ok()).unwrap_or(1),
            format: typed.output_format,
            statistics: typed.statistics,
            exit_zero: typed.exit_zero,
            quiet: typed.quiet,
            verbose: typed.verbose,
            stdout: Screen::stdout(typed.color),
            stderr: Screen::stderr(typed.color),
        })
    }

    fn mode(&self) -> Mode {
        if self.fix || self.diff { Mode::Fix } else { Mode::Check }
    }

    fn deed(&self) -> Deed {
        match (self.fix, self.diff) {
            (true, _) => Deed::Write,
            (false, true) => Deed::Show,
            (false, false) => Deed::Check,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Typed::command().debug_assert();
    }
}
