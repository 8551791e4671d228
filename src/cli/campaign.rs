//! One run of a command over the repositories of a campaign.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::access::Opened;
use super::draft;
use super::output::{Output, say};
use super::publish::Of;
use crate::fleet::crew::Workplace;
use crate::fleet::publish::{Interrupted, Known, Publisher, Told};
use crate::fleet::published::{Entry, Published, Word};
use crate::fleet::record::{Record, Status};
use crate::fleet::records::Records;
use crate::fleet::wish::Wish;
use crate::forge::State;
use crate::git::{Address, Git, Protocol};
use crate::report::terminal::visible;
use crate::write::Interrupt;

/// How many to open.
#[derive(Default)]
pub(super) struct Limits {
    /// In this run.
    pub(super) opened: Option<usize>,
    /// At any time.
    pub(super) open: Option<usize>,
}

/// One run of a command.
pub(super) struct Work {
    of: Of,
    wish: Wish,
    records: Records,
    published: Published,
    blocked: Gitignore,
    git: Git,
    workplace: Workplace,
    folder: PathBuf,
    interrupt: Interrupt,
    forges: BTreeMap<String, Opened>,
    pub(super) output: Output,
    counts: BTreeMap<Word, usize>,
}

impl Work {
    pub(super) fn begin(of: Of, wish: Wish, blocklist: Option<&Path>) -> anyhow::Result<Self> {
        let interrupt = Interrupt::listen()?;
        let folder = if of.run.is_dir() { of.run.clone() } else { of.run.parent().unwrap_or(Path::new("")).to_owned() };
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let mut protocols = vec![Protocol::Https, Protocol::Ssh];
        if of.allow_http {
            protocols.push(Protocol::Http);
        }
        let mut blocked = GitignoreBuilder::new("");
        if let Some(file) = blocklist {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            for line in text.lines() {
                blocked.add_line(None, line).with_context(|| format!("{}: {line}", file.display()))?;
            }
        }
        Ok(Self {
            records: Records::open(&of.run)?,
            published: Published::open(&folder, &of.campaign)?,
            blocked: blocked.build()?,
            git: Git::new(&protocols)?,
            workplace: Workplace::new()?,
            folder,
            interrupt,
            forges: BTreeMap::new(),
            output: Output::default(),
            counts: BTreeMap::new(),
            of,
            wish,
        })
    }

    pub(super) fn publish(mut self, limits: &Limits) -> anyhow::Result<u8> {
        let known = self.known();
        let mut waiting: Vec<Record> = Vec::new();
        for record in self.records.read(self.of.repo.as_deref())? {
            let record = record?;
            // Nothing is known of a repository that could not be looked at: what is open there stays as it is.
            let failed = record.status == Status::Failed;
            let is_new = record.status == Status::Changes && !self.wish.only_existing;
            if !failed && (is_new || known.contains_key(&record.repo)) {
                waiting.push(Record { steps: Vec::new(), ..record });
            }
        }
        let mut opened = 0;
        let mut open = self.published.open_count();
        // What is published already takes no time to speak of.
        let mut timer = Timer::new(waiting.iter().filter(|record| !known.contains_key(&record.repo)).count());
        for short in waiting {
            let parts = known.get(&short.repo).cloned().unwrap_or_default();
            let full = limits.opened.is_some_and(|most| opened >= most) || limits.open.is_some_and(|most| open >= most);
            if full && parts.is_empty() {
                timer.left -= 1;
                continue;
            }
            let record = self.records.read(Some(&short.repo))?.next().context("there was a record a moment ago")??;
            self.wish.only_existing |= full;
            let before = self.waited();
            let start = Instant::now();
            if parts.is_empty() {
                self.estimate(&record, &mut timer)?;
            }
            let result = self.on(&record, |publisher, tell| publisher.publish(&record, &parts, tell));
            let told = match result {
                Ok(told) => told,
                Err(stopped) => return stopped.map(|code| self.finish(Some(code))),
            };
            for Told { entry, draft } in told {
                opened += usize::from(entry.deed == Word::Opened);
                open += usize::from(entry.deed == Word::Opened);
                self.tell(&entry)?;
                if let Some(draft) = draft {
                    self.output.put(format!("\n{}\n", draft::shown(&draft)).as_bytes());
                }
            }
            if parts.is_empty() {
                timer.done(start.elapsed().saturating_sub(self.waited().saturating_sub(before)));
            }
        }
        Ok(self.finish(None))
    }

    pub(super) fn status(mut self) -> anyhow::Result<u8> {
        for (record, part) in self.asked()? {
            let mut found = Vec::new();
            let result = self.on(&record, |publisher, _| {
                publisher.ask(&record, part.as_deref(), &mut |entry, pull| found.push((entry, pull)))
            });
            if let Err(stopped) = result {
                return stopped.map(|code| self.finish(Some(code)));
            }
            for (entry, pull) in found {
                let word = match pull.as_ref().map(|pull| pull.state) {
                    Some(State::Open) => "open",
                    _ => entry.deed.shown(),
                };
                self.line(word, &entry)?;
                self.published.write(&entry)?;
                *self.counts.entry(entry.deed).or_default() += 1;
            }
        }
        Ok(self.finish(None))
    }

    pub(super) fn close(mut self) -> anyhow::Result<u8> {
        for (record, part) in self.asked()? {
            let result = self.on(&record, |publisher, tell| publisher.end(&record, part.as_deref(), tell));
            match result {
                Ok(told) => told.iter().try_for_each(|told| self.tell(&told.entry))?,
                Err(stopped) => return stopped.map(|code| self.finish(Some(code))),
            }
        }
        Ok(self.finish(None))
    }

    /// The parts of each repository that had a pull request.
    fn known(&self) -> BTreeMap<String, Vec<Known>> {
        let mut known: BTreeMap<String, Vec<Known>> = BTreeMap::new();
        for entry in self.published.entries().filter(|entry| entry.number.is_some()) {
            known.entry(entry.repo.clone()).or_default().push(Known { part: entry.part.clone(), number: entry.number });
        }
        known
    }

    /// The same with their records.
    pub(super) fn asked(&self) -> anyhow::Result<Vec<(Record, Option<String>)>> {
        let mut asked = Vec::new();
        for (repo, parts) in self.known() {
            if self.of.repo.as_ref().is_some_and(|only| *only != repo && !repo.ends_with(&format!("/{only}"))) {
                continue;
            }
            let Ok(mut found) = self.records.read(Some(&repo)) else { continue };
            if let Some(record) = found.next() {
                let record = record?;
                asked.extend(parts.into_iter().map(|known| (Record { steps: Vec::new(), ..record.clone() }, known.part)));
            }
        }
        Ok(asked)
    }

    /// Does something with one repository. The error is what ends the whole run: with a code, or with a mistake.
    pub(super) fn on(
        &mut self,
        record: &Record,
        work: impl FnOnce(&Publisher<'_>, &mut dyn FnMut(Told)) -> Result<(), Interrupted>,
    ) -> Result<Vec<Told>, anyhow::Result<u8>> {
        let stop = |deed: Word, because: String| {
            let entry = Entry { repo: record.repo.clone(), part: None, deed, number: None, url: None, because: Some(because) };
            Ok(vec![Told::from(entry)])
        };
        if self.blocked.matched_path_or_any_parents(&record.repo, true).is_ignore() {
            return stop(Word::Skipped, "it is on the list of those to leave out".to_owned());
        }
        let host = match Address::parse(&record.url, Path::new("/")) {
            Ok(address) => address.host().to_owned(),
            Err(error) => return stop(Word::Failed, error),
        };
        if !host.is_empty() && !self.forges.contains_key(&host) {
            let opened = self.of.access.open(&host, Some(&self.folder), &self.interrupt).map_err(Err)?;
            self.forges.insert(host.clone(), opened);
        }
        let Some(opened) = self.forges.get(&host) else {
            return stop(Word::Skipped, "it is a folder of this machine, and no forge knows it".to_owned());
        };
        let scratch = self.workplace.path.join("clones");
        std::fs::create_dir_all(&scratch).context("cannot make a folder for clones").map_err(Err)?;
        let publisher = Publisher {
            git: &self.git,
            forge: &*opened.forge,
            pass: &opened.pass,
            wish: &self.wish,
            scratch: &scratch,
            clones: std::cell::Cell::new(0),
        };
        let mut told = Vec::new();
        let result = work(&publisher, &mut |one| told.push(one));
        let _ = std::fs::remove_dir_all(&scratch);
        match result {
            _ if self.interrupt.is_set() => {
                // What was done is done; it stands in the journal like everything else.
                for Told { entry, .. } in &told {
                    self.tell(entry).map_err(Err)?;
                }
                Err(Ok(self.interrupt.exit_code().unwrap_or(130)))
            }
            Ok(()) => Ok(told),
            Err(Interrupted) => Err(Ok(130)),
        }
    }

    /// Writes an entry down and prints it.
    fn tell(&mut self, entry: &Entry) -> anyhow::Result<()> {
        if !self.wish.dry_run {
            self.published.write(entry)?;
        }
        *self.counts.entry(entry.deed).or_default() += 1;
        let word = match (self.wish.dry_run, entry.deed) {
            (true, Word::Opened) => "would open",
            (true, Word::Updated) => "would update",
            (true, Word::Superseded) => "would close",
            (_, deed) => deed.shown(),
        };
        self.line(word, entry)
    }

    fn line(&mut self, word: &str, entry: &Entry) -> anyhow::Result<()> {
        let part = entry.part.as_ref().map_or(String::new(), |part| format!(" ({part})"));
        let url = entry.url.as_ref().map_or(String::new(), |url| format!("  {}", visible(url)));
        let because = entry.because.as_ref().map_or(String::new(), |because| format!("  {}", visible(because)));
        let line = format!("{word:12}  {}{part}{url}{because}\n", entry.repo);
        if !self.output.put(line.as_bytes()) {
            bail!("cannot write to standard output");
        }
        Ok(())
    }

    fn waited(&self) -> Duration {
        self.forges.values().map(|opened| opened.forge.budget().waited()).sum()
    }

    /// Says now and then how long it will take: what the limits ask for, and what was needed so far.
    fn estimate(&mut self, record: &Record, timer: &mut Timer) -> anyhow::Result<()> {
        let done = timer.all - timer.left;
        let (is_first, is_due) = (done == 0, timer.said.elapsed() > Duration::from_secs(15) || done == 10);
        if self.wish.dry_run || timer.left < 2 || !(is_first || is_due) {
            return Ok(());
        }
        timer.said = Instant::now();
        let host = Address::parse(&record.url, Path::new("/")).map_err(anyhow::Error::msg)?.host().to_owned();
        if !self.forges.contains_key(&host) {
            let opened = self.of.access.open(&host, Some(&self.folder), &self.interrupt)?;
            self.forges.insert(host.clone(), opened);
        }
        let opened = &self.forges[&host];
        let each = 1 + usize::from(!self.wish.labels.is_empty()) + usize::from(!self.wish.reviewers.is_empty());
        let own = timer.own() / u32::try_from(each).unwrap_or(1);
        let left = opened.forge.budget().estimate(&opened.clock, timer.left * each, own);
        let end = format!("{} left, at most {} each: about {}", timer.left, requests(each), shown(left));
        say(&if is_first { format!("{} to do; {end}", timer.all) } else { end });
        Ok(())
    }

    fn finish(&self, code: Option<u8>) -> u8 {
        let words: Vec<String> = self.counts.iter().map(|(word, count)| format!("{count} {}", word.shown())).collect();
        say(&if words.is_empty() { "Nothing to do.".to_owned() } else { format!("{}.", words.join(", ")) });
        let failed = self.counts.contains_key(&Word::Failed);
        code.unwrap_or(if failed { 2 } else { 0 })
    }
}

/// How long things take.
struct Timer {
    all: usize,
    left: usize,
    said: Instant,
    /// What those that are done took, without waiting for a turn.
    own: Duration,
}

impl Timer {
    fn new(all: usize) -> Self {
        Self { all, left: all, said: Instant::now(), own: Duration::ZERO }
    }

    fn done(&mut self, own: Duration) {
        self.left -= 1;
        self.own += own;
    }

    /// What one repository takes besides waiting; a second before anything is known.
    fn own(&self) -> Duration {
        match u32::try_from(self.all - self.left) {
            Ok(done @ 1..) => self.own / done,
            _ => Duration::from_secs(1),
        }
    }
}

fn requests(count: usize) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5999 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}
