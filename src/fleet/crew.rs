//! Many repositories at a time, each written down as soon as it is done.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::Context as _;

use super::campaign::Campaign;
use super::journal::{self, Journal};
use super::list::{Shard, Target};
use super::pass::Pass;
use super::record::{Class, Record};
use super::scan::{Cost, Scanner};
use crate::fs::is_alive;
use crate::git::{Git, Protocol};
use crate::walk::{STACK, WORKER};
use crate::write::{Interrupt, random};

/// What to do.
pub struct Orders {
    /// The folder of the run.
    pub folder: PathBuf,
    /// What is asked for.
    pub campaign: Campaign,
    /// All repositories of the campaign.
    pub targets: Vec<Target>,
    /// Which of them are looked at.
    pub shard: Shard,
    /// What opens the door of one host, for reading.
    pub pass: Option<Pass>,
    /// How many at a time.
    pub jobs: usize,
    /// How long one of them may take.
    pub timeout: Duration,
    /// How many bytes the clone of one may have.
    pub max_size: u64,
    /// A folder with copies, for machines without a network.
    pub mirror: Option<PathBuf>,
    /// Which of those that failed are tried again.
    pub retry: Vec<Class>,
    /// Whether those are looked at again whose branch has moved.
    pub refresh: bool,
}

/// What there is to say while a shard is at work.
pub enum News<'a> {
    /// Before the first: so many repositories does the shard have, and so many are done already.
    Begin {
        /// Repositories of the shard.
        all: usize,
        /// Those with a record.
        done: usize,
    },
    /// One more is written down.
    Done(&'a Record),
    /// One has not moved since it was written down.
    Unmoved,
}

/// Looks at the repositories of a shard that have no record yet.
///
/// # Errors
/// What makes the whole run impossible. What goes wrong with one repository stands in its record.
pub fn run(orders: &Orders, interrupt: &Interrupt, mut tell: impl FnMut(News<'_>)) -> anyhow::Result<()> {
    let mine: Vec<&Target> = orders.targets.iter().filter(|target| orders.shard.has(&target.address)).collect();
    let mut protocols: Vec<Protocol> = mine.iter().map(|target| target.address.protocol()).collect();
    if orders.mirror.is_some() {
        // Nothing but the mirror is asked.
        protocols = vec![Protocol::File];
    }
    protocols.sort_unstable();
    protocols.dedup();
    let mut git = Git::new(&protocols)?;
    git.timeout = orders.timeout;
    git.max_size = orders.max_size;
    let scanner = Scanner::new(orders.campaign.clone(), git, orders.mirror.as_deref(), interrupt.clone())?;
    let scanner = scanner.with_pass(orders.pass.clone());

    journal::open(&orders.folder, &orders.campaign)?;
    let mut journal = Journal::open(&orders.folder, orders.shard)?;
    let workplace = Workplace::new()?;
    let waiting: Vec<Waiting<'_>> = mine.iter().filter_map(|target| Waiting::new(target, &journal, orders)).collect();
    tell(News::Begin { all: mine.len(), done: mine.len() - waiting.len() });

    let (next, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let index = next.fetch_add(1, Ordering::SeqCst);
        let waiting = waiting.get(index).filter(|_| !interrupt.is_set() && !broken.load(Ordering::SeqCst))?;
        let moved = waiting.has_moved(&scanner);
        Some(moved.then(|| scanner.scan(waiting.target, &workplace.path.join(index.to_string()))))
    };
    let jobs = orders.jobs.clamp(1, waiting.len().max(1));
    std::thread::scope(|scope| {
        let (done, results) = sync_channel::<Option<(Record, Cost)>>(jobs);
        for index in 0..jobs {
            let (done, work) = (done.clone(), &work);
            let thread = std::thread::Builder::new().name(format!("{WORKER}{index}")).stack_size(STACK);
            thread
                .spawn_scoped(scope, move || {
                    while let Some(result) = work() {
                        // Nobody listens any more after a failure.
                        if done.send(result).is_err() {
                            return;
                        }
                    }
                })
                .context("cannot start threads")?;
        }
        drop(done);
        for result in results {
            if let Some((record, cost)) = &result {
                let put = journal.put(record, cost);
                broken.store(put.is_err(), Ordering::SeqCst);
                put?;
            }
            tell(result.as_ref().map_or(News::Unmoved, |(record, _)| News::Done(record)));
        }
        anyhow::Ok(())
    })?;
    if interrupt.is_set() { Ok(()) } else { journal.finish() }
}

/// A repository to look at.
struct Waiting<'a> {
    target: &'a Target,
    /// The commit that was looked at before; a look at the same one would say the same.
    known: Option<String>,
}

impl<'a> Waiting<'a> {
    /// Nothing where there is nothing to do.
    fn new(target: &'a Target, journal: &Journal, orders: &Orders) -> Option<Self> {
        match journal.get(target.address.canonical()) {
            None => Some(Self { target, known: None }),
            Some(known) if known.class.is_some_and(|class| orders.retry.contains(&class)) => Some(Self { target, known: None }),
            Some(known) => orders.refresh.then(|| Self { target, known: known.base_sha.clone() }),
        }
    }

    fn has_moved(&self, scanner: &Scanner) -> bool {
        let Some(known) = &self.known else { return true };
        let (address, branch) = (&self.target.address, self.target.branch.as_deref());
        let now = scanner.token(address).and_then(|token| scanner.git().remote_head(address, branch, token.as_ref()));
        // One that cannot be asked now has not moved as far as anybody knows.
        now.is_ok_and(|head| head.sha != *known)
    }
}

/// A folder for clones, gone at the end.
pub struct Workplace {
    /// Only the user can look into it.
    pub path: PathBuf,
}

const NAME: &str = "mlfix-fleet-";

impl Workplace {
    /// Makes one in the system's folder for temporary files, and removes those of runs that were killed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir();
        sweep(&folder);
        let path = folder.join(format!("{NAME}{}-{:016x}", std::process::id(), random()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).with_context(|| format!("cannot make a folder in {}", folder.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // A later run removes what stays.
        let _ = std::fs::remove_dir_all(&self.path);
        // A git whose run was killed may have gone on for a moment, and written where this run had swept at its start.
        if let Some(folder) = self.path.parent() {
            sweep(folder);
        }
    }
}

fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(NAME)?.split_once('-')?.0.parse().ok());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && process.is_some_and(|process| !is_alive(process)) {
            // That of another user stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
