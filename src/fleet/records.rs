//! All records of a run, however many shards wrote them, in one order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use anyhow::bail;

use super::journal::{self, Heading, Line, headings};
use super::list::Target;
use super::record::{Record, Status};
use crate::report::terminal;

/// The records of a run, by repository. Their bytes stay on disk until they are asked for.
pub struct Records {
    known: BTreeMap<String, (Heading, Line)>,
}

impl Records {
    /// Opens the folder of a run, or a file as [`merge`](Self::merge) writes it.
    ///
    /// # Errors
    /// When there are no records, one cannot be understood, or two of one repository say different things.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let files = if path.is_dir() { journal::files(path)? } else { vec![path.to_owned()] };
        if files.is_empty() {
            bail!("{} holds no records of a scan", terminal::path(path));
        }
        let mut records = Self { known: BTreeMap::new() };
        let mut problem = None;
        for file in &files {
            headings(file, |start, length, heading| {
                let line = Line { file: file.clone(), start, length };
                if let Err(error) = records.add(heading, line) {
                    problem.get_or_insert(error);
                }
            })?;
        }
        problem.map_or(Ok(records), Err)
    }

    fn add(&mut self, new: Heading, line: Line) -> anyhow::Result<()> {
        let mut entry = match self.known.entry(new.repo.clone()) {
            Entry::Vacant(entry) => {
                entry.insert((new, line));
                return Ok(());
            }
            Entry::Occupied(entry) => entry,
        };
        let (old, place) = entry.get();
        let same_shard = place.file != line.file && journal::shard_of(&place.file) == journal::shard_of(&line.file);
        let replaces = match (old.status == Status::Failed, new.status == Status::Failed) {
            // Those of a shard at work come behind, and are newer.
            _ if same_shard || place.file == line.file => true,
            (failed, new_failed) if failed != new_failed => failed,
            (true, true) => false,
            _ if *old == new => false,
            _ => {
                let (one, other) = (terminal::path(&place.file), terminal::path(&line.file));
                bail!("{one} and {other} know different things of {}; remove one of them", new.repo);
            }
        };
        if replaces {
            entry.insert((new, line));
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What each says first, sorted by repository.
    pub fn headings(&self) -> impl Iterator<Item = &Heading> {
        self.known.values().map(|(heading, _)| heading)
    }

    /// Where they are, with what they say first; [`Line::record`] reads the rest.
    pub fn lines(&self) -> impl Iterator<Item = (&Heading, &Line)> {
        self.known.values().map(|(heading, line)| (heading, line))
    }

    /// All of them, one after the other; or that of one repository.
    ///
    /// # Errors
    /// Each when it cannot be read; the whole when there is none of that repository.
    pub fn read<'r>(&'r self, repo: Option<&str>) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Record>> + use<'r>> {
        let chosen: Vec<&Line> = match repo {
            None => self.known.values().map(|(_, line)| line).collect(),
            Some(repo) => match self.find(repo) {
                Some(line) => vec![line],
                None => bail!("there is no record of {repo}"),
            },
        };
        Ok(chosen.into_iter().map(Line::record))
    }

    /// By its one name, or by the end of it if only one ends so: `owner/name`.
    fn find(&self, repo: &str) -> Option<&Line> {
        let line = self.known.get(repo).map(|(_, line)| line);
        let ending = format!("/{repo}");
        let mut ends = self.known.iter().filter(|(name, _)| name.ends_with(&ending)).map(|(_, (_, line))| line);
        line.or_else(|| ends.next().filter(|_| ends.next().is_none()))
    }

    /// Writes them into one file, sorted by repository, so that the same records always make the same bytes.
    ///
    /// With `expected`, only those of these repositories; returns how many others there were.
    ///
    /// # Errors
    /// When one of those expected has no record, and when the file cannot be written.
    pub fn merge(&self, expected: Option<&[Target]>, file: &Path) -> anyhow::Result<usize> {
        let Some(expected) = expected else {
            journal::put_lines(file, self.known.values().map(|(_, line)| line))?;
            return Ok(0);
        };
        let names: Vec<&str> = expected.iter().map(|target| target.address.canonical()).collect();
        let missing: Vec<&str> = names.iter().filter(|name| !self.known.contains_key(**name)).copied().collect();
        if !missing.is_empty() {
            let shown = missing.iter().take(10).copied().collect::<Vec<_>>().join("\n  ");
            let more = if missing.len() > 10 { format!("\n  and {} more", missing.len() - 10) } else { String::new() };
            bail!("{} of {} repositories have no record:\n  {shown}{more}", missing.len(), names.len());
        }
        journal::put_lines(file, names.iter().map(|name| &self.known[*name].1))?;
        Ok(self.known.len() - names.len())
    }
}
