//! From a record to a pull request, and to its end. The only part that changes anything outside of this machine.
//!
//! Every step can be repeated: equal input makes equal commits, a branch is only moved from where it was seen, and a pull
//! request is looked for before one is opened. So a run that was killed anywhere is simply started again.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::body::{ENDED, SUPERSEDED, State, Text, change};
use super::draft::{Draft, branch, commits, draft, text};
use super::pass::Pass;
use super::published::{Entry, Word};
use super::reconcile::{Branch, Deed, STOP_LABELS, Seen, decide};
use super::record::{Class, Record, Step};
use super::site::{Site, is_allowed};
use super::split::{Owners, Part, Split, parts};
use super::wish::Wish;
use crate::forge::{self, Change, Forge, NewPull, Pull, State as Open, open_once};
use crate::git::{self, Failure, Git};

/// More people are not asked.
const MAX_REVIEWERS: usize = 3;

/// What was done, and in a dry run what would have been.
pub struct Told {
    /// The line of the journal.
    pub entry: Entry,
    /// In a dry run.
    pub draft: Option<Draft>,
}

impl From<Entry> for Told {
    fn from(entry: Entry) -> Self {
        Self { entry, draft: None }
    }
}

/// A part of a campaign in one repository that may have a pull request, whatever the record says now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its name; none when nothing is divided.
    pub part: Option<String>,
    /// The number of the pull request that it had.
    pub number: Option<u64>,
}

/// Everything that publishing needs.
pub struct Publisher<'a> {
    /// Git, with the protocols that it may speak.
    pub git: &'a Git,
    /// Where the pull requests are.
    pub forge: &'a dyn Forge,
    /// What opens its door.
    pub pass: &'a Pass,
    /// What is wanted.
    pub wish: &'a Wish,
    /// A folder for clones, which are gone when it is done.
    pub scratch: &'a Path,
    /// How many clones there were.
    pub clones: Cell<u64>,
}

/// Why something was not done.
pub(super) enum Stop {
    /// It is not for us.
    Skip(String),
    /// The record does not fit any more.
    Conflict(String),
    /// It did not work.
    Fail(String),
    /// The user stopped the run.
    Interrupted,
}

impl Stop {
    /// Why, for people.
    pub(super) fn because(&self) -> &str {
        match self {
            Self::Skip(because) | Self::Conflict(because) | Self::Fail(because) => because,
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match Class::from(failure.kind) {
            Class::Conflict => Self::Conflict(format!("git: {failure}")),
            _ => Self::Fail(format!("git: {failure}")),
        }
    }
}

impl From<forge::Error> for Stop {
    fn from(error: forge::Error) -> Self {
        match error.class {
            forge::Class::Interrupted => Self::Interrupted,
            _ => Self::Fail(error.text),
        }
    }
}

/// The user stopped the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// One pull request as it is wanted, and as it is.
struct Proposal {
    branch: String,
    /// What is to be changed.
    steps: Vec<Step>,
    /// The hash of what the record says, also where a part of it is in already.
    change: String,
    /// All that ever came from this branch, the newest first.
    pulls: Vec<Pull>,
    /// Where the branch is.
    tip: Option<String>,
}

impl Proposal {
    /// A pull request that a decision names.
    fn pull(&self, number: u64) -> &Pull {
        self.pulls.iter().find(|pull| pull.number == number).expect("the decision names one of them")
    }
}

/// Why mlfix closes a pull request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing is left to change.
    Superseded,
    /// Somebody ended the campaign.
    Ended,
}

impl Publisher<'_> {
    /// Brings the pull requests of one repository to what its record says. What was done is told entry by entry.
    ///
    /// What `known` parts hold may be elsewhere now, or gone.
    ///
    /// # Errors
    /// When the user stops the run.
    pub fn publish(&self, record: &Record, known: &[Known], tell: &mut dyn FnMut(Told)) -> Result<(), Interrupted> {
        let divided = Site::new(self, record).and_then(|mut site| Ok((self.divide(&mut site)?, site)));
        let (mut divided, mut site) = match divided {
            Ok(divided) => divided,
            Err(stop) => return self.stopped(stop, entry(record, None), tell),
        };
        for Known { part: name, .. } in known {
            if !divided.iter().any(|part| part.name == *name) {
                divided.push(Part { name: name.clone(), steps: Vec::new() });
            }
        }
        for part in divided {
            let name = part.name.clone();
            let number = known.iter().find(|known| known.part == name).and_then(|known| known.number);
            match self.part(&mut site, part, number) {
                Ok(told) => tell(Told { entry: Entry { part: name, ..told.entry }, ..told }),
                Err(stop) => self.stopped(stop, entry(record, name), tell)?,
            }
        }
        Ok(())
    }

    /// Closes the open pull request of a repository, whatever its record says.
    ///
    /// # Errors
    /// When the user stops the run.
    pub fn end(&self, record: &Record, part: Option<&str>, tell: &mut dyn FnMut(Told)) -> Result<(), Interrupted> {
        let ended = || -> Result<Entry, Stop> {
            let site = Site::new(self, record)?;
            let proposal = self.look(&site, Part { name: part.map(str::to_owned), steps: Vec::new() })?;
            let Some(pull) = proposal.pulls.iter().find(|pull| pull.state == Open::Open) else {
                return Ok(as_it_was(record, &proposal.pulls));
            };
            match self.owner(&site, &proposal)? {
                Branch::Foreign(_) => {
                    let because = Some("somebody else has committed to the branch".to_owned());
                    Ok(Entry { because, ..done(record, Word::HandsOff, Some(pull)) })
                }
                _ => self.close(&site, &proposal, pull, End::Ended),
            }
        };
        match ended() {
            Ok(entry) => tell(Entry { part: part.map(str::to_owned), ..entry }.into()),
            Err(stop) => self.stopped(stop, entry(record, part.map(str::to_owned)), tell)?,
        }
        Ok(())
    }

    /// What the forge says of the pull requests of one branch; nothing is changed.
    ///
    /// # Errors
    /// When the user stops the run.
    pub fn ask(
        &self,
        record: &Record,
        part: Option<&str>,
        tell: &mut dyn FnMut(Entry, Option<Pull>),
    ) -> Result<(), Interrupted> {
        let asked = || -> Result<Vec<Pull>, Stop> {
            let site = Site::new(self, record)?;
            Ok(self.forge.pulls(&site.repo, &site.head_repo.owner, &branch(&self.wish.campaign, part))?)
        };
        match asked() {
            Ok(pulls) => {
                let pull = pulls.iter().find(|pull| pull.state == Open::Open).or(pulls.first());
                let word = pull.map_or(Word::Nothing, settled);
                tell(Entry { part: part.map(str::to_owned), ..done(record, word, pull) }, pull.cloned());
            }
            Err(stop) => self.stopped(stop, entry(record, part.map(str::to_owned)), &mut |told| tell(told.entry, None))?,
        }
        Ok(())
    }

    fn stopped(&self, stop: Stop, entry: Entry, tell: &mut dyn FnMut(Told)) -> Result<(), Interrupted> {
        let (deed, because) = match stop {
            Stop::Interrupted => return Err(Interrupted),
            Stop::Skip(because) => (Word::Skipped, because),
            Stop::Conflict(because) => (Word::Conflict, because),
            Stop::Fail(because) => (Word::Failed, because),
        };
        tell(Entry { deed, because: Some(self.pass.scrub(&because)), ..entry }.into());
        Ok(())
    }

    fn divide(&self, site: &mut Site<'_>) -> Result<Vec<Part>, Stop> {
        let steps = &site.record.steps;
        for path in steps.iter().flat_map(|step| &step.edits).map(|edit| &edit.path) {
            if !is_allowed(path) {
                let path = String::from_utf8_lossy(&path.0).into_owned();
                return Err(Stop::Fail(format!("the record changes `{path}`, which is no Python file that mlfix may change")));
            }
        }
        let owners = match self.wish.split {
            Split::Owner => site.ground(self)?.owners()?,
            _ => Owners::default(),
        };
        Ok(parts(steps, self.wish.split, &owners))
    }

    /// The pull requests of a branch, and where the branch is.
    fn look(&self, site: &Site<'_>, part: Part) -> Result<Proposal, Stop> {
        let branch = branch(&self.wish.campaign, part.name.as_deref());
        let pulls = self.forge.pulls(&site.repo, &site.head_repo.owner, &branch)?;
        let token = self.pass.to(&site.push)?;
        let tip = match self.git.remote_head(&site.push, Some(&branch), token.as_ref()) {
            Ok(head) => Some(head.sha),
            Err(failure) if failure.kind == git::Kind::Empty => None,
            Err(failure) => return Err(failure.into()),
        };
        let change = if part.steps.is_empty() { String::new() } else { change(&part.steps) };
        Ok(Proposal { branch, steps: part.steps, change, pulls, tip })
    }

    /// Whose the tip of the branch is.
    fn owner<'p>(&self, site: &Site<'_>, proposal: &'p Proposal) -> Result<Branch<'p>, Stop> {
        let Some(tip) = proposal.tip.as_deref() else { return Ok(Branch::Absent) };
        let known = |pull: &Pull| State::of(&pull.body).is_some_and(|state| state.head == tip);
        if proposal.pulls.iter().any(known) {
            return Ok(Branch::Ours(tip));
        }
        let token = self.pass.to(&site.push)?;
        let makers = self.git.empty_clone(&site.push, &self.folder(), token.as_ref())?.makers(tip)?;
        let ours = makers.author == self.wish.author && makers.committer == self.wish.author;
        Ok(if ours { Branch::Ours(tip) } else { Branch::Foreign(tip) })
    }

    /// `known` is the number of the pull request that it had.
    fn part(&self, site: &mut Site<'_>, part: Part, known: Option<u64>) -> Result<Told, Stop> {
        let record = site.record;
        let mut proposal = self.look(site, part)?;
        let branch = self.owner(site, &proposal)?;
        let seen = |wanted| Seen { wanted, branch, pulls: &proposal.pulls, reopen: self.wish.reopen };
        let mut deed = decide(&seen(Some(proposal.change.as_str()).filter(|_| !proposal.steps.is_empty())));
        if matches!(deed, Deed::New | Deed::Update(_)) {
            // Only now is it worth a clone. What is in already need not be done.
            let steps = site.ground(self)?.fitting(&proposal.steps)?;
            if steps.is_empty() {
                deed = decide(&seen(None));
            }
            proposal.steps = steps;
        }
        if let (Some(known), Deed::New, []) = (known, deed, proposal.pulls.as_slice())
            && !self.wish.reopen
        {
            // Perhaps people declined it, and the forge lost sight of it together with its fork.
            let because = format!("pull request {known} cannot be found any more (--reopen-declined opens another)");
            return Err(Stop::Skip(because));
        }
        if self.wish.dry_run {
            return self.dry(site, &proposal, deed);
        }
        let done = match deed {
            Deed::New if self.wish.only_existing => Ok(as_it_was(record, &proposal.pulls)),
            Deed::New => self.open(site, &proposal),
            Deed::Update(number) => self.update(site, &proposal, proposal.pull(number)),
            Deed::Unchanged(number) => {
                let pull = proposal.pull(number);
                self.label(site, pull)?;
                Ok(done(record, Word::Unchanged, Some(pull)))
            }
            Deed::Superseded(number) => self.close(site, &proposal, proposal.pull(number), End::Superseded),
            Deed::Leftover => {
                self.delete(site, &proposal)?;
                Ok(as_it_was(record, &proposal.pulls))
            }
            Deed::Declined(number) => Ok(done(record, Word::Declined, Some(proposal.pull(number)))),
            Deed::Merged(number) => Ok(done(record, Word::Merged, Some(proposal.pull(number)))),
            Deed::HandsOff(number, because) => {
                let because = Some(because.to_owned());
                Ok(Entry { because, ..done(record, Word::HandsOff, Some(proposal.pull(number))) })
            }
            Deed::Conflict(because) => Err(Stop::Conflict(because.to_owned())),
            Deed::Nothing => Ok(as_it_was(record, &proposal.pulls)),
        };
        done.map(Told::from)
    }

    /// What would be done.
    fn dry(&self, site: &mut Site<'_>, proposal: &Proposal, deed: Deed) -> Result<Told, Stop> {
        let (word, number, because) = match deed {
            Deed::New if self.wish.only_existing => (Word::Nothing, None, None),
            Deed::New => (Word::Opened, None, None),
            Deed::Unchanged(number) => (Word::Unchanged, Some(number), None),
            Deed::Update(number) => (Word::Updated, Some(number), None),
            Deed::Superseded(number) => (Word::Superseded, Some(number), None),
            Deed::Declined(number) => (Word::Declined, Some(number), None),
            Deed::HandsOff(number, because) => (Word::HandsOff, Some(number), Some(because)),
            Deed::Merged(number) => (Word::Merged, Some(number), None),
            Deed::Conflict(because) => (Word::Conflict, None, Some(because)),
            Deed::Leftover | Deed::Nothing => (Word::Nothing, None, None),
        };
        let pull = number.map(|number| proposal.pull(number));
        let entry = Entry { because: because.map(str::to_owned), ..done(site.record, word, pull) };
        if !matches!(word, Word::Opened | Word::Updated) {
            return Ok(entry.into());
        }
        let (base, version) = (site.base()?, &site.record.version);
        let ground = site.ground(self)?;
        let draft = draft(&ground.clone, (&base, &ground.base), proposal.branch.clone(), &proposal.steps, self.wish, version)?;
        Ok(Told { entry, draft: Some(draft) })
    }

    /// Pushes the commits, and says what the pull request must say.
    fn push(&self, site: &mut Site<'_>, proposal: &Proposal) -> Result<(Text, State), Stop> {
        let (version, push) = (&site.record.version, site.push.clone());
        let ground = site.ground(self)?;
        let made = commits(&ground.clone, &ground.base, &proposal.steps, &self.wish.author, version)?;
        let head = made.last().cloned().ok_or_else(|| Stop::Fail("there is nothing to commit".into()))?;
        if Some(&head) != proposal.tip.as_ref() {
            let token = self.pass.to(&push)?;
            ground.clone.push_to(&push, &head, &proposal.branch, proposal.tip.as_deref(), token.as_ref())?;
        }
        let text = text(&proposal.steps, self.wish, version);
        let state = State {
            campaign: self.wish.campaign.clone(),
            head,
            base: ground.base.clone(),
            change: proposal.change.clone(),
            text: text.hash(),
            closed: None,
        };
        Ok((text, state))
    }

    fn open(&self, site: &mut Site<'_>, proposal: &Proposal) -> Result<Entry, Stop> {
        let (text, state) = self.push(site, proposal)?;
        let new = NewPull {
            owner: site.head_repo.owner.clone(),
            head_repo: site.head_repo.clone(),
            branch: proposal.branch.clone(),
            base: site.base()?,
            title: text.title.clone(),
            body: state.sign(&text.body),
            draft: self.wish.draft,
        };
        let pull = open_once(self.forge, &site.repo, &new)?;
        self.label(site, &pull)?;
        let (own, others): (Vec<&String>, Vec<_>) = self.wish.reviewers.iter().partition(|name| *name == "codeowners");
        let mut reviewers: Vec<String> = others.into_iter().cloned().collect();
        if !own.is_empty() {
            reviewers.extend(site.ground(self)?.owners()?.reviewers(&proposal.steps, MAX_REVIEWERS));
        }
        let mut because = None;
        if !reviewers.is_empty()
            && let Err(error) = self.forge.ask_review(&site.repo, pull.number, &reviewers)
        {
            // Somebody who may not review is no reason to do without the pull request.
            because = (error.class != forge::Class::Interrupted).then(|| format!("nobody was asked for a review: {error}"));
        }
        Ok(Entry { because, ..done(site.record, Word::Opened, Some(&pull)) })
    }

    fn update(&self, site: &mut Site<'_>, proposal: &Proposal, pull: &Pull) -> Result<Entry, Stop> {
        let (text, state) = self.push(site, proposal)?;
        let untouched = State::of(&pull.body).is_none_or(|old| old.is_untouched(&pull.title, &pull.body));
        // Words that people changed are theirs; what mlfix must know goes behind them.
        let (title, body) =
            if untouched { (Some(text.title), text.body) } else { (None, State::without(&pull.body).to_owned()) };
        let body = state.sign(&body);
        let title = title.filter(|title| *title != pull.title);
        if title.is_some() || body != pull.body {
            let change = Change { title, body: Some(body), close: false, draft: self.wish.draft };
            self.forge.edit(&site.repo, pull.number, &change)?;
        }
        Ok(done(site.record, Word::Updated, Some(pull)))
    }

    /// Closes a pull request with one request that also says by whom, so that it never counts as declined; then the
    /// comment, then the branch.
    fn close(&self, site: &Site<'_>, proposal: &Proposal, pull: &Pull, end: End) -> Result<Entry, Stop> {
        let (word, why, comment) = match end {
            End::Superseded => (Word::Superseded, "superseded", SUPERSEDED),
            End::Ended => (Word::Closed, "ended", ENDED),
        };
        let state = State::of(&pull.body).map(|state| State { closed: Some(why.to_owned()), ..state });
        let body = state.map(|state| state.sign(State::without(&pull.body)));
        self.forge.edit(&site.repo, pull.number, &Change { body, close: true, ..Change::default() })?;
        // Whether the comment arrived or not, it is not sent twice.
        let commented = self.forge.comment(&site.repo, pull.number, comment);
        self.delete(site, proposal)?;
        let because = commented.err().map(|error| format!("the comment was not written: {error}"));
        Ok(Entry { because, ..done(site.record, word, Some(pull)) })
    }

    fn label(&self, site: &Site<'_>, pull: &Pull) -> Result<(), Stop> {
        let missing: Vec<String> = self.wish.labels.iter().filter(|label| !pull.labels.contains(label)).cloned().collect();
        if !missing.is_empty() && !missing.iter().any(|label| STOP_LABELS.contains(&label.as_str())) {
            self.forge.label(&site.repo, pull.number, &missing)?;
        }
        Ok(())
    }

    /// Deletes the branch.
    fn delete(&self, site: &Site<'_>, proposal: &Proposal) -> Result<(), Stop> {
        let Some(tip) = &proposal.tip else { return Ok(()) };
        let token = self.pass.to(&site.push)?;
        self.git.empty_clone(&site.push, &self.folder(), None)?.delete_branch(&proposal.branch, tip, token.as_ref())?;
        Ok(())
    }

    /// A folder that does not exist yet.
    pub(super) fn folder(&self) -> PathBuf {
        self.clones.set(self.clones.get() + 1);
        self.scratch.join(self.clones.get().to_string())
    }
}

/// What became of a pull request.
fn settled(pull: &Pull) -> Word {
    let closed = || State::of(&pull.body).and_then(|state| state.closed);
    match pull.state {
        Open::Open => Word::Unchanged,
        Open::Merged => Word::Merged,
        Open::Closed => match closed().as_deref() {
            None => Word::Declined,
            Some("superseded") => Word::Superseded,
            Some(_) => Word::Closed,
        },
    }
}

/// Nothing was done; the newest pull request says how things stand.
fn as_it_was(record: &Record, pulls: &[Pull]) -> Entry {
    done(record, pulls.first().map_or(Word::Nothing, settled), pulls.first())
}

fn entry(record: &Record, part: Option<String>) -> Entry {
    Entry { repo: record.repo.clone(), part, deed: Word::Nothing, number: None, url: None, because: None }
}

fn done(record: &Record, deed: Word, pull: Option<&Pull>) -> Entry {
    Entry { deed, number: pull.map(|pull| pull.number), url: pull.map(|pull| pull.url.clone()), ..entry(record, None) }
}
