//! One repository: cloned, fixed, and written down.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::campaign::{Campaign, Fixer};
use super::list::Target;
use super::pass::Pass;
use super::record::{Class, Edit, Record, RepoPath, Status, Step};
use super::wishes::{NAMES, ROOT, Wish, Wishes, narrowed};
use crate::config::rank;
use crate::engine::driver::Trouble;
use crate::engine::version::PythonVersion;
use crate::git::{Address, Blob, Entry, Failure, Git, Kind, Protocol, Repository, Token};
use crate::report::patch::Changes;
use crate::report::summary::kind_of as kind_of_reason;
use crate::report::terminal;
use crate::walk::{ByName, MAX_FILE_SIZE, by_name, kind_of, says_generated};
use crate::write::{Cause, Interrupt};

/// Looks at repositories. Shared by threads.
pub struct Scanner {
    fixer: Fixer,
    git: Git,
    /// Where copies of remote repositories are, for machines without a network.
    mirror: Option<PathBuf>,
    /// What opens the door of one host, for reading.
    pass: Option<Pass>,
    interrupt: Interrupt,
}

/// What a look at a repository took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Until all bytes were here.
    pub cloning: Duration,
    /// Altogether.
    pub all: Duration,
}

/// Looks at one repository, which the user named himself. `place` is a folder that does not exist yet and is gone afterwards.
///
/// # Errors
/// When the campaign names what there is not. What goes wrong with the repository stands in its record.
pub fn look(git: &Git, campaign: Campaign, target: &Target, place: &Path, interrupt: &Interrupt) -> anyhow::Result<Record> {
    Ok(Scanner::new(campaign, git.clone(), None, interrupt.clone())?.scan(target, place).0)
}

/// So many files are in memory at a time.
const AT_ONCE: usize = 256;
/// A pointer of Git LFS instead of a file; see its specification.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";
/// Pauses before a clone is tried again after the network failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

impl Scanner {
    /// One repository may take as long as one command of `git` may.
    ///
    /// # Errors
    /// When the campaign names what there is not, and when there is no such mirror.
    pub fn new(campaign: Campaign, git: Git, mirror: Option<&Path>, interrupt: Interrupt) -> anyhow::Result<Self> {
        let real = |folder: &Path| {
            let real = folder.canonicalize();
            real.map_err(|error| anyhow::anyhow!("cannot read {}: {}", terminal::path(folder), Cause(&error)))
        };
        Ok(Self { fixer: Fixer::new(campaign)?, git, mirror: mirror.map(real).transpose()?, pass: None, interrupt })
    }

    /// The same with something to show to one host.
    pub(super) fn with_pass(self, pass: Option<Pass>) -> Self {
        Self { pass, ..self }
    }

    /// The git that it uses.
    pub(super) fn git(&self) -> &Git {
        &self.git
    }

    /// Looks at one repository; `place` is a folder that does not exist yet and is gone afterwards.
    pub fn scan(&self, target: &Target, place: &Path) -> (Record, Cost) {
        let start = Instant::now();
        let mut record = self.blank(target);
        let mut cloning = Duration::ZERO;
        let work = || self.look(target, place, start, &mut record, &mut cloning);
        let result = catch_unwind(AssertUnwindSafe(work));
        // A record holds what is certain, or nothing.
        let failed = match result {
            Ok(Ok(())) => None,
            Ok(Err(failed)) => Some(failed),
            Err(_) => Some((Class::Engine, "mlfix made a mistake (a panic)".to_owned())),
        };
        if let Some((class, because)) = failed {
            let (base_ref, base_sha) = (record.base_ref.take(), record.base_sha.take());
            let blank = self.blank(target);
            record = Record { base_ref, base_sha, ..failure(blank, class, because) };
        }
        // What cannot be removed now is in a folder that a later run removes.
        let _ = std::fs::remove_dir_all(place);
        (record, Cost { cloning, all: start.elapsed() })
    }

    /// The record of a repository that could not be looked at at all, for a reason that lies outside of it.
    pub fn lost(&self, target: &Target, class: Class, because: String) -> Record {
        failure(self.blank(target), class, because)
    }

    fn blank(&self, target: &Target) -> Record {
        Record {
            repo: target.address.canonical().to_owned(),
            url: target.address.url().to_owned(),
            base_ref: target.branch.clone(),
            base_sha: None,
            transforms: self.fixer.hash.clone(),
            version: self.fixer.campaign.version.clone(),
            status: Status::Clean,
            class: None,
            because: None,
            files: 0,
            findings: BTreeMap::new(),
            left_out: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    fn look(
        &self,
        target: &Target,
        place: &Path,
        start: Instant,
        record: &mut Record,
        cloning: &mut Duration,
    ) -> Result<(), (Class, String)> {
        let failed = |failure: Failure| (Class::from(failure.kind), failure.said);
        let repository = self.clone_into(target, place);
        *cloning = start.elapsed();
        let repository = repository.map_err(failed)?;
        let head = repository.head().map_err(failed)?;
        record.base_ref = Some(head.branch);
        record.base_sha = Some(head.sha.clone());

        let entries = repository.entries(&head.sha).map_err(failed)?;
        let (candidates, said) = choose(&entries, &mut record.left_out);
        let wanted: BTreeSet<&str> = candidates.iter().chain(&said).map(|(_, entry)| entry.sha.as_str()).collect();
        repository.fetch(&wanted.into_iter().collect::<Vec<_>>()).map_err(failed)?;
        *cloning = start.elapsed();

        let wishes = Wishes::new(contents(&repository, &said).map_err(failed)?);
        match wishes.of_all() {
            Err(wrong) => return Err((Class::Parse, wrong.to_owned())),
            Ok(Some(because)) => {
                record.status = Status::OptedOut;
                record.because = Some(because.to_owned());
                record.left_out.clear();
                return Ok(());
            }
            Ok(None) => {}
        }
        let mut steps: BTreeMap<usize, Step> = BTreeMap::new();
        for part in candidates.chunks(AT_ONCE) {
            let shas: Vec<&str> = part.iter().map(|(_, entry)| entry.sha.as_str()).collect();
            let blobs = repository.blobs(&shas, MAX_FILE_SIZE).map_err(failed)?;
            let mut made = Vec::new();
            for ((path, entry), blob) in part.iter().zip(blobs) {
                if start.elapsed() > self.git.timeout {
                    return Err((Class::TooBig, format!("it took longer than {} s", self.git.timeout.as_secs())));
                }
                if let Err(because) = self.one(path, entry, blob, &wishes, record, &mut made) {
                    *record.left_out.entry(because).or_default() += 1;
                }
            }
            put_together(&repository, made, &mut steps).map_err(failed)?;
        }
        record.steps = steps.into_values().collect();
        record.status = if record.steps.is_empty() { Status::Clean } else { Status::Changes };
        Ok(())
    }

    /// What git shows to the host of a repository.
    pub(super) fn token(&self, address: &Address) -> Result<Option<Token>, Failure> {
        self.pass.as_ref().map_or(Ok(None), |pass| pass.to(address))
    }

    /// From the network or from the mirror; tries again where the network failed.
    fn clone_into(&self, target: &Target, place: &Path) -> Result<Repository, Failure> {
        let branch = target.branch.as_deref();
        if let Some(mirror) = &self.mirror {
            let folder = mirror_of(mirror, &target.address);
            let copy = Address::parse(&folder.to_string_lossy(), Path::new(ROOT));
            let copy = copy.map_err(|_| Failure::new(Kind::Gone, "it is not in the mirror"))?;
            return self.git.clone_into(&copy, branch, place, None);
        }
        let token = self.token(&target.address)?;
        let mut pauses = PAUSES.iter();
        loop {
            match self.git.clone_into(&target.address, branch, place, token.as_ref()) {
                Err(failure) if failure.kind == Kind::Transient => {
                    let is_worth_it = target.address.protocol() != Protocol::File && !self.interrupt.is_set();
                    let Some(pause) = pauses.next().filter(|_| is_worth_it) else { return Err(failure) };
                    std::thread::sleep(*pause);
                    let _ = std::fs::remove_dir_all(place);
                }
                result => return result,
            }
        }
    }

    /// One file; the error is why it is left out.
    fn one(
        &self,
        path: &Path,
        entry: &Entry,
        blob: Blob,
        wishes: &Wishes,
        record: &mut Record,
        made: &mut Vec<Made>,
    ) -> Result<(), String> {
        if self.fixer.excludes(path) {
            return Err("excluded".to_owned());
        }
        let (config, target) = match wishes.of(path) {
            Wish::Leave(because) => return Err(because.to_owned()),
            Wish::Take { config, target } => (config, target),
        };
        let bytes = match blob {
            Blob::Bytes(bytes) if bytes.starts_with(LFS) => return Err("Git LFS".to_owned()),
            Blob::Bytes(bytes) if says_generated(&bytes) => return Err("generated".to_owned()),
            Blob::Bytes(bytes) => bytes,
            Blob::TooLarge(_) => return Err("too large".to_owned()),
            Blob::Missing => return Err("missing".to_owned()),
        };
        record.files += 1;
        let transforms = narrowed(self.fixer.transforms_for(path), config, path);
        let target = self.fixer.target.or(target).unwrap_or(PythonVersion::DEFAULT);
        let fixed = self.fixer.fix(&bytes, kind_of(path), transforms, target);
        for (id, count) in fixed.findings {
            let sum = record.findings.entry(id.to_owned()).or_default();
            sum.fixed += count.fixed;
            sum.left += count.left;
        }
        let mut before = bytes;
        for step in fixed.steps {
            let mut diff = Vec::new();
            Changes::between(&before, &step.text).write(&entry.path, &mut diff);
            made.push(Made {
                transform: step.transform,
                safe: step.safe,
                risky: step.risky,
                path: entry.path.clone(),
                mode: entry.mode,
                before: entry.sha.clone(),
                text: step.text.clone(),
                diff,
            });
            before = step.text;
        }
        match fixed.trouble {
            None => Ok(()),
            Some(Trouble::Skipped(because)) => Err(kind_of_reason(&because)),
            Some(Trouble::Failed(because)) => Err(format!("failed: {}", kind_of_reason(&because))),
        }
    }
}

fn failure(blank: Record, class: Class, because: String) -> Record {
    Record { status: Status::Failed, class: Some(class), because: Some(because), ..blank }
}

/// A file after one step.
struct Made {
    transform: &'static str,
    safe: usize,
    risky: usize,
    path: Vec<u8>,
    mode: u32,
    /// Of the file as the commit has it.
    before: String,
    text: Vec<u8>,
    diff: Vec<u8>,
}

/// Adds what was made to the steps, with git's names for the contents.
fn put_together(repository: &Repository, made: Vec<Made>, steps: &mut BTreeMap<usize, Step>) -> Result<(), Failure> {
    let texts: Vec<&[u8]> = made.iter().map(|made| made.text.as_slice()).collect();
    let names = repository.names(&texts)?;
    let mut last: Option<(Vec<u8>, String)> = None;
    for (made, name) in made.into_iter().zip(names) {
        // The second step of a file begins with what the first made of it.
        let before = match last.take() {
            Some((path, name)) if path == made.path => name,
            _ => made.before,
        };
        last = Some((made.path.clone(), name.clone()));
        let new = || Step { transform: made.transform.to_owned(), safe: 0, risky: 0, edits: Vec::new() };
        let step = steps.entry(rank(made.transform)).or_insert_with(new);
        step.safe += made.safe;
        step.risky += made.risky;
        step.edits.push(Edit {
            path: RepoPath(made.path),
            mode: format!("{:o}", made.mode),
            blob_before: before,
            blob_after: name,
            content: made.text,
            diff: made.diff,
        });
    }
    Ok(())
}

type Chosen<'e> = Vec<(PathBuf, &'e Entry)>;

/// The Python files to look at, and the files that say what the owners want of those.
fn choose<'e>(entries: &'e [Entry], left_out: &mut BTreeMap<String, usize>) -> (Chosen<'e>, Chosen<'e>) {
    let all: Vec<(PathBuf, &Entry)> = entries.iter().map(|entry| (path_of(&entry.path), entry)).collect();
    let environments: BTreeSet<&Path> =
        all.iter().filter(|(path, _)| path.ends_with("pyvenv.cfg")).filter_map(|(path, _)| path.parent()).collect();
    let mut chosen = Vec::new();
    for (path, entry) in &all {
        let because = match by_name(path) {
            ByName::Other => continue,
            ByName::LeftOut(because) => because,
            ByName::Python if entry.mode == 0o120_000 => "symbolic link",
            ByName::Python if !entry.is_file() => continue,
            ByName::Python if path.ancestors().any(|folder| environments.contains(folder)) => "virtual environment",
            ByName::Python => {
                chosen.push((path.clone(), *entry));
                continue;
            }
        };
        *left_out.entry(because.to_owned()).or_default() += 1;
    }
    let above: BTreeSet<&Path> = chosen.iter().flat_map(|(path, _)| path.ancestors().skip(1)).collect();
    let speaks = |path: &Path| {
        let is_known = path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known));
        // At the top they speak for the whole repository.
        is_known && path.parent().is_some_and(|folder| above.contains(folder) || folder == Path::new(ROOT))
    };
    let said = all.iter().filter(|(path, entry)| entry.is_file() && speaks(path)).cloned().collect();
    (chosen, said)
}

/// The bytes of files. Such as are too large to be a configuration say nothing that can be read, which is an error later.
fn contents(repository: &Repository, files: &Chosen<'_>) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let shas: Vec<&str> = files.iter().map(|(_, entry)| entry.sha.as_str()).collect();
    let blobs = repository.blobs(&shas, 1 << 20)?;
    let bytes = |blob| if let Blob::Bytes(bytes) = blob { bytes } else { vec![0xff] };
    Ok(files.iter().zip(blobs).map(|((path, _), blob)| (path.clone(), bytes(blob))).collect())
}

#[cfg(unix)]
fn path_of(path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(ROOT).join(std::ffi::OsStr::from_bytes(path))
}

#[cfg(not(unix))]
fn path_of(path: &[u8]) -> PathBuf {
    Path::new(ROOT).join(&*String::from_utf8_lossy(path))
}

/// Where a mirror has its copy of a repository.
pub(super) fn mirror_of(mirror: &Path, address: &Address) -> PathBuf {
    // A colon separates the port of an unusual host; not every file system has it.
    let name = address.canonical().replace("://", "/").replace(':', "+");
    mirror.join(format!("{name}.git"))
}
