//! The folder of a run: one file of records for each shard, and what was asked for.
//!
//! While a shard is at work its records are appended to `scan-I-of-N.jsonl.part`, each on the medium before the next
//! repository counts as done. When all are there they are sorted and put in place as `scan-I-of-N.jsonl`, in one step. So a
//! crash loses the repositories in hand and no more, and whoever starts again begins where it ended. How long things took
//! is in files of their own, which nothing depends on.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::campaign::Campaign;
use super::list::Shard;
use super::record::{Class, Record, Status};
use super::scan::Cost;
use crate::report::terminal;
use crate::write::Cause;

/// What a record says first: enough to know what is done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Heading {
    /// See [`Record::repo`].
    pub repo: String,
    /// See [`Record::base_sha`].
    pub base_sha: Option<String>,
    /// See [`Record::transforms`].
    pub transforms: String,
    /// See [`Record::version`].
    pub version: String,
    /// See [`Record::status`].
    pub status: Status,
    /// See [`Record::class`].
    pub class: Option<Class>,
}

/// What it took to look at a repository: a line of its own file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// See [`Record::repo`].
    pub repo: String,
    /// Seconds until all bytes were here.
    pub clone: f64,
    /// Seconds altogether.
    pub total: f64,
    /// When it was done, in seconds since 1970.
    pub at: u64,
}

const CAMPAIGN: &str = "campaign.json";
const ENDING: &str = ".jsonl";
const PART: &str = ".jsonl.part";
const TIMES: &str = ".times";

/// Makes the folder of a run, or opens the one of this campaign.
///
/// # Errors
/// When the folder belongs to another campaign or another version of mlfix, and when it cannot be made.
pub fn open(folder: &Path, campaign: &Campaign) -> anyhow::Result<()> {
    let name = terminal::path(folder);
    std::fs::create_dir_all(folder).map_err(|error| anyhow::anyhow!("cannot make {name}: {}", Cause(&error)))?;
    if let Some(known) = campaign_of(folder)? {
        let what = match known {
            known if known == *campaign => return Ok(()),
            known if known.version != campaign.version => format!("made by mlfix {}", known.version),
            _ => "of a run with other transforms or options".to_owned(),
        };
        bail!("{name} is {what}; use another folder");
    }
    let mut text = serde_json::to_vec_pretty(campaign)?;
    text.push(b'\n');
    // Many shards may begin at the same moment; all write the same.
    let file = folder.join(CAMPAIGN);
    let new = folder.join(format!(".{CAMPAIGN}.{}", std::process::id()));
    let put = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &file));
    put.map_err(|error| anyhow::anyhow!("cannot write {}: {}", terminal::path(&file), Cause(&error)))
}

/// What was asked for in a folder; nothing where there is no run in it.
///
/// # Errors
/// When it cannot be read.
pub fn campaign_of(folder: &Path) -> anyhow::Result<Option<Campaign>> {
    let file = folder.join(CAMPAIGN);
    let name = terminal::path(&file);
    match std::fs::read(&file) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| anyhow::anyhow!("cannot read {name}: {error}")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => bail!("cannot read {name}: {}", Cause(&error)),
    }
}

/// The files of records in a folder, sorted: finished shards and those at work.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.map_err(|error| anyhow::anyhow!("cannot read {}: {}", terminal::path(folder), Cause(&error)))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_records(path)).collect();
    files.sort();
    Ok(files)
}

fn is_records(path: &Path) -> bool {
    shard_of(path).is_some() && path.to_str().is_some_and(|name| name.ends_with(ENDING) || name.ends_with(PART))
}

/// The shard whose file this is.
pub fn shard_of(path: &Path) -> Option<Shard> {
    let name = path.file_name()?.to_str()?.strip_prefix("scan-")?;
    let (index, rest) = name.split_once("-of-")?;
    let count = rest.split('.').next()?;
    format!("{index}/{count}").parse().ok()
}

/// The lines of a file of records with the place where each starts, in bytes. A last line without its end is torn and is
/// not among them.
///
/// # Errors
/// When it cannot be read, or a line is no record.
pub fn headings(file: &Path, mut each: impl FnMut(u64, usize, Heading)) -> anyhow::Result<()> {
    let name = terminal::path(file);
    let cannot = |error: &std::io::Error| anyhow::anyhow!("cannot read {name}: {}", Cause(error));
    let mut reader = BufReader::with_capacity(1 << 20, File::open(file).map_err(|error| cannot(&error))?);
    let mut line = Vec::new();
    let mut start = 0;
    for number in 1.. {
        line.clear();
        let length = reader.read_until(b'\n', &mut line).map_err(|error| cannot(&error))?;
        if !line.ends_with(b"\n") {
            break;
        }
        let heading = serde_json::from_slice(&line);
        each(start, length, heading.map_err(|error| anyhow::anyhow!("{name}:{number}: no record: {error}"))?);
        start += length as u64;
    }
    Ok(())
}

/// Where a line of a file of records is.
#[derive(Clone, Debug)]
pub struct Line {
    /// The file.
    pub file: PathBuf,
    /// Its first byte.
    pub start: u64,
    /// Its length in bytes, with its end.
    pub length: usize,
}

impl Line {
    /// The bytes.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.length);
        let read = || {
            let mut file = File::open(&self.file)?;
            file.seek(SeekFrom::Start(self.start))?;
            file.take(self.length as u64).read_to_end(&mut bytes)
        };
        let mut read = read;
        match read() {
            Ok(length) if length == self.length => Ok(bytes),
            Ok(_) => bail!("cannot read {}: it changed meanwhile", terminal::path(&self.file)),
            Err(error) => bail!("cannot read {}: {}", terminal::path(&self.file), Cause(&error)),
        }
    }

    /// The record.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn record(&self) -> anyhow::Result<Record> {
        let bytes = self.read()?;
        serde_json::from_slice(&bytes).with_context(|| format!("cannot read {}", terminal::path(&self.file)))
    }
}

/// The records of one shard, open for more.
pub struct Journal {
    stem: PathBuf,
    part: File,
    times: Option<File>,
    /// The newest record of each repository.
    known: BTreeMap<String, (Heading, Line)>,
    /// Where the next record begins.
    end: u64,
    /// Keeps others from working on the same shard.
    _lock: File,
}

impl Journal {
    /// Opens the records of a shard. A torn last line is cut off.
    ///
    /// # Errors
    /// When another process works on this shard, or the files cannot be read.
    pub fn open(folder: &Path, shard: Shard) -> anyhow::Result<Self> {
        let stem = folder.join(format!("scan-{}-of-{}", shard.index, shard.count));
        let cannot = |error: std::io::Error| anyhow::anyhow!("cannot open {}: {}", terminal::path(&stem), Cause(&error));
        let lock = File::create(with(&stem, ".lock")).map_err(cannot)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => bail!("another process is at work on {}", terminal::path(&stem)),
            // Not every shared file system knows locks.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let mut known = BTreeMap::new();
        let (done, part) = (with(&stem, ENDING), with(&stem, PART));
        let mut end = 0;
        for path in [&done, &part] {
            end = 0;
            if path.exists() {
                headings(path, |start, length, heading| {
                    end = start + length as u64;
                    let line = Line { file: path.clone(), start, length };
                    known.insert(heading.repo.clone(), (heading, line));
                })?;
            }
        }
        let options = || OpenOptions::new().create(true).append(true).clone();
        let part = options().open(&part).map_err(cannot)?;
        part.set_len(end).map_err(cannot)?;
        let times = options().open(with(&stem, TIMES)).ok();
        Ok(Self { part, times, known, end, _lock: lock, stem })
    }

    /// What is known of a repository.
    pub fn get(&self, repo: &str) -> Option<&Heading> {
        self.known.get(repo).map(|(heading, _)| heading)
    }

    /// Adds a record. It is on the medium when this returns.
    ///
    /// # Errors
    /// When the disk is full, and the like.
    pub fn put(&mut self, record: &Record, cost: &Cost) -> anyhow::Result<()> {
        let line = record.line();
        let file = with(&self.stem, PART);
        let written = self.part.write_all(&line).and_then(|()| self.part.sync_data());
        written.map_err(|error| anyhow::anyhow!("cannot write {}: {}", terminal::path(&file), Cause(&error)))?;
        let place = Line { file, start: self.end, length: line.len() };
        self.end += line.len() as u64;
        let heading = Heading {
            repo: record.repo.clone(),
            base_sha: record.base_sha.clone(),
            transforms: record.transforms.clone(),
            version: record.version.clone(),
            status: record.status,
            class: record.class,
        };
        self.known.insert(record.repo.clone(), (heading, place));
        let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let round = |time: std::time::Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
        let taken = Taken { repo: record.repo.clone(), clone: round(cost.cloning), total: round(cost.all), at };
        if let (Some(times), Ok(mut line)) = (&mut self.times, serde_json::to_vec(&taken)) {
            line.push(b'\n');
            // Whoever reads it wants to know how fast things go; nothing else does.
            let _ = times.write_all(&line);
        }
        Ok(())
    }

    /// Sorts the records and puts them in place.
    ///
    /// # Errors
    /// When the disk is full, and the like; what was there is still there then.
    pub fn finish(self) -> anyhow::Result<()> {
        let done = with(&self.stem, ENDING);
        let lines = self.known.values().map(|(_, line)| line);
        put_lines(&done, lines)?;
        // Were it to stay, it would only say the same once more.
        let _ = std::fs::remove_file(with(&self.stem, PART));
        Ok(())
    }
}

/// Writes lines of files of records into a new file, and puts that in place in one step.
///
/// # Errors
/// When something cannot be read or written.
pub(super) fn put_lines<'l>(file: &Path, lines: impl Iterator<Item = &'l Line>) -> anyhow::Result<()> {
    let new = with(file, &format!(".{}.new", std::process::id()));
    let cannot = |error: std::io::Error| anyhow::anyhow!("cannot write {}: {}", terminal::path(file), Cause(&error));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&new).map_err(cannot)?);
    for line in lines {
        out.write_all(&line.read()?).map_err(cannot)?;
    }
    let out = out.into_inner().map_err(|error| cannot(error.into_error()))?;
    out.sync_all().and_then(|()| std::fs::rename(&new, file)).map_err(cannot)?;
    if let Some(folder) = file.parent() {
        // After a power cut the records might be in the other file again, which says the same.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

fn with(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// What took how long, of all shards of a folder; what cannot be read is missing.
pub fn times(folder: &Path) -> Vec<Taken> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == &TIMES[1..]));
    let texts = files.filter_map(|file| std::fs::read_to_string(file).ok());
    texts.flat_map(|text| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>()).collect()
}
