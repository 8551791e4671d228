//! From a record to a pull request, and to its end. The only part that changes anything outside of this machine.
//!
//! Every step can be repeated: equal input makes equal commits, a branch is only moved from where it was seen, and a pull
//! request is looked for before one is opened. So a run that was killed anywhere is simply started again.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::STOP_TOPIC;
use super::body::{ENDED, SUPERSEDED, State, Text, change};
use super::draft::{Draft, branch, commits, draft, text};
use super::pass::Pass;
use super::published::{Entry, Word};
use super::reconcile::{Branch, Deed, STOP_LABELS, Seen, decide};
use super::record::{Class, Record, RepoPath, Step};
use super::split::{Owners, Part, Split, parts};
use super::wish::Wish;
use crate::forge::{self, Change, Forge, NewPull, Pull, Repo, RepoName, State as Open, open_once};
use crate::git::{self, Address, Blob, Failure, Git, Repository};

/// Larger CODEOWNERS files are not read: GitHub's own limit.
const MAX_OWNERS: u64 = 3 << 20;
/// More people are not asked.
const MAX_REVIEWERS: usize = 3;
/// How often a fork is looked for before its absence counts.
const FORK_ATTEMPTS: u32 = 20;

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
enum Stop {
    /// It is not for us.
    Skip(String),
    /// The record does not fit any more.
    Conflict(String),
    /// It did not work.
    Fail(String),
    /// The user stopped the run.
    Interrupted,
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

/// A repository that may be changed, and where its branches go.
struct Place {
    address: Address,
    /// Where branches are pushed: the repository itself, or a fork of it.
    push: Address,
    repo: RepoName,
    head_repo: RepoName,
    default_branch: Option<String>,
}

/// A clone, and what was found in it.
struct Ground {
    clone: Repository,
    base: String,
    entries: BTreeMap<RepoPath, (u32, String)>,
}

/// The user stopped the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl Publisher<'_> {
    /// Brings the pull requests of one repository to what its record says. What was done is told entry by entry.
    ///
    /// # Errors
    /// When the user stops the run.
    /// `known` are the parts that had a pull request before; what they hold may be elsewhere now, or gone.
    pub fn publish(&self, record: &Record, known: &[Option<String>], tell: &mut dyn FnMut(Told)) -> Result<(), Interrupted> {
        let place = match self.place(record) {
            Ok(place) => place,
            Err(stop) => return self.stopped(stop, entry(record, None), tell),
        };
        let mut ground = None;
        let divided = match self.divide(record, &place, &mut ground) {
            Ok(mut parts) => {
                for name in known {
                    if !parts.iter().any(|part| part.name == *name) {
                        parts.push(Part { name: name.clone(), steps: Vec::new() });
                    }
                }
                parts
            }
            Err(stop) => return self.stopped(stop, entry(record, None), tell),
        };
        for part in divided {
            let name = part.name.clone();
            match self.part(record, &place, &mut ground, part) {
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
            let place = self.place(record)?;
            let branch = self.branch(part);
            let (pulls, tip) = self.look(&place, &branch)?;
            let Some(pull) = pulls.iter().find(|pull| pull.state == Open::Open) else {
                return Ok(as_it_was(record, &pulls));
            };
            match self.owner(&place, &pulls, tip.as_deref())? {
                Branch::Foreign(_) => {
                    let because = Some("somebody else has committed to the branch".to_owned());
                    Ok(Entry { because, ..done(record, Word::HandsOff, Some(pull)) })
                }
                _ => self.close(record, &place, &branch, pull, tip.as_deref(), "ended", ENDED),
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
            let place = self.place(record)?;
            Ok(self.forge.pulls(&place.repo, &place.head_repo.owner, &self.branch(part))?)
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

    /// Whether the repository may be changed at all.
    fn place(&self, record: &Record) -> Result<Place, Stop> {
        let address = Address::parse(&record.url, Path::new("/")).map_err(Stop::Fail)?;
        if address.protocol() == git::Protocol::File {
            return Err(Stop::Skip("it is a folder of this machine, and no forge knows it".into()));
        }
        let name: RepoName = address.path().parse().map_err(Stop::Fail)?;
        let repo = self.forge.repo(&name)?;
        let skip = |because: &str| Err(Stop::Skip(because.to_owned()));
        if repo.archived {
            return skip("it is archived");
        }
        if repo.topics.iter().any(|topic| topic == STOP_TOPIC) {
            return skip("it has the topic `no-mlfix`");
        }
        if repo.fork && !self.wish.include_forks {
            return skip("it is a fork itself (--include-forks)");
        }
        if repo.can_push {
            let push = address.clone();
            return Ok(Place {
                address,
                push,
                head_repo: repo.name.clone(),
                repo: repo.name,
                default_branch: repo.default_branch,
            });
        }
        if !self.wish.fork {
            return skip("the token has no right to push there (--fork goes through a fork)");
        }
        if !repo.private && !self.wish.allow_foreign {
            return skip("it is public and belongs to somebody else (--allow-foreign)");
        }
        if self.wish.dry_run {
            return skip("a fork would be made, which a dry run does not do");
        }
        let fork = self.forge.fork(&repo.name)?;
        let scheme = address.protocol().name();
        let push =
            Address::parse(&format!("{scheme}://{}/{}", address.host(), fork.name), Path::new("/")).map_err(Stop::Fail)?;
        self.sync(&repo, &fork, &push)?;
        Ok(Place { address, push, repo: repo.name, head_repo: fork.name, default_branch: repo.default_branch })
    }

    /// A fork is made in the background. Its base must be as new as the original's, or git cannot push a shallow clone.
    fn sync(&self, repo: &Repo, fork: &Repo, push: &Address) -> Result<(), Stop> {
        let Some(branch) = &repo.default_branch else { return Ok(()) };
        let token = self.pass.to(push)?;
        for _ in 0..FORK_ATTEMPTS {
            if self.git.remote_head(push, Some(branch), token.as_ref()).is_ok() {
                return Ok(self.forge.sync_fork(&fork.name, branch)?);
            }
            if !self.forge.rest() {
                return Err(Stop::Interrupted);
            }
        }
        Err(Stop::Fail(format!("the fork {} is not there yet; try again later", fork.name)))
    }

    fn divide(&self, record: &Record, place: &Place, ground: &mut Option<Ground>) -> Result<Vec<Part>, Stop> {
        for path in record.steps.iter().flat_map(|step| &step.edits).map(|edit| &edit.path) {
            if !is_allowed(path) {
                let path = String::from_utf8_lossy(&path.0).into_owned();
                return Err(Stop::Fail(format!("the record changes `{path}`, which is no Python file that mlfix may change")));
            }
        }
        let owners = match self.wish.split {
            Split::Owner => Self::owners(self.ground(record, place, ground)?)?,
            _ => Owners::default(),
        };
        Ok(parts(&record.steps, self.wish.split, &owners))
    }

    fn branch(&self, part: Option<&str>) -> String {
        branch(&self.wish.campaign, part)
    }

    /// The pull requests of a branch, and where the branch is.
    fn look(&self, place: &Place, branch: &str) -> Result<(Vec<Pull>, Option<String>), Stop> {
        let pulls = self.forge.pulls(&place.repo, &place.head_repo.owner, branch)?;
        let token = self.pass.to(&place.push)?;
        match self.git.remote_head(&place.push, Some(branch), token.as_ref()) {
            Ok(head) => Ok((pulls, Some(head.sha))),
            Err(failure) if failure.kind == git::Kind::Empty => Ok((pulls, None)),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Whose the tip of the branch is.
    fn owner<'t>(&self, place: &Place, pulls: &[Pull], tip: Option<&'t str>) -> Result<Branch<'t>, Stop> {
        let Some(tip) = tip else { return Ok(Branch::Absent) };
        let known = |pull: &Pull| State::of(&pull.body).is_some_and(|state| state.head == tip);
        if pulls.iter().any(known) {
            return Ok(Branch::Ours(tip));
        }
        let token = self.pass.to(&place.push)?;
        let makers = self.git.empty_clone(&place.push, &self.folder(), token.as_ref())?.makers(tip)?;
        let ours = makers.author == self.wish.author && makers.committer == self.wish.author;
        Ok(if ours { Branch::Ours(tip) } else { Branch::Foreign(tip) })
    }

    fn part(&self, record: &Record, place: &Place, ground: &mut Option<Ground>, part: Part) -> Result<Told, Stop> {
        let branch = self.branch(part.name.as_deref());
        let (pulls, tip) = self.look(place, &branch)?;
        let owner = self.owner(place, &pulls, tip.as_deref())?;
        let wanted = (!part.steps.is_empty()).then(|| change(&part.steps));
        // What is remembered is what the record says, also where a part of it is in already.
        let hash = wanted.clone().unwrap_or_default();
        let seen = |wanted| Seen { wanted, branch: owner, pulls: &pulls, reopen: self.wish.reopen };
        let mut deed = decide(&seen(wanted.as_deref()));
        let mut steps = part.steps;
        if matches!(deed, Deed::New | Deed::Update(_)) {
            // Only now is it worth a clone. What is in already need not be done.
            let ground = self.ground(record, place, ground)?;
            steps = fitting(&steps, ground)?;
            if steps.is_empty() {
                deed = decide(&seen(None));
            }
        }
        let pull = |number: u64| pulls.iter().find(|pull| pull.number == number);
        if self.wish.dry_run {
            return self.dry(record, place, ground, &branch, &steps, deed, &pulls);
        }
        let done = match deed {
            Deed::New if self.wish.only_existing => Ok(as_it_was(record, &pulls)),
            Deed::New => self.open(record, place, ground, &branch, (&steps, &hash), tip.as_deref()),
            Deed::Update(number) => {
                let pull = pull(number).expect("the decision names one of them");
                self.update(record, place, ground, &branch, (&steps, &hash), tip.as_deref(), pull)
            }
            Deed::Unchanged(number) => {
                let pull = pull(number).expect("the decision names one of them");
                self.label(place, pull)?;
                Ok(done(record, Word::Unchanged, Some(pull)))
            }
            Deed::Superseded(number) => {
                let pull = pull(number).expect("the decision names one of them");
                self.close(record, place, &branch, pull, tip.as_deref(), "superseded", SUPERSEDED)
            }
            Deed::Leftover => {
                self.delete(place, &branch, tip.as_deref())?;
                Ok(as_it_was(record, &pulls))
            }
            Deed::Declined(number) => Ok(done(record, Word::Declined, pull(number))),
            Deed::Merged(number) => Ok(done(record, Word::Merged, pull(number))),
            Deed::HandsOff(number, because) => {
                Ok(Entry { because: Some(because.to_owned()), ..done(record, Word::HandsOff, pull(number)) })
            }
            Deed::Conflict(because) => Err(Stop::Conflict(because.to_owned())),
            Deed::Nothing => Ok(as_it_was(record, &pulls)),
        };
        done.map(Told::from)
    }

    /// What would be done.
    #[expect(clippy::too_many_arguments, reason = "all that is known of one pull request")]
    fn dry(
        &self,
        record: &Record,
        place: &Place,
        ground: &mut Option<Ground>,
        branch: &str,
        steps: &[Step],
        deed: Deed,
        pulls: &[Pull],
    ) -> Result<Told, Stop> {
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
        let pull = number.and_then(|number| pulls.iter().find(|pull| pull.number == number));
        let entry = Entry { because: because.map(str::to_owned), ..done(record, word, pull) };
        if !matches!(word, Word::Opened | Word::Updated) {
            return Ok(entry.into());
        }
        let base = Self::base(record, place)?;
        let ground = self.ground(record, place, ground)?;
        let draft = draft(&ground.clone, (&base, &ground.base), branch.to_owned(), steps, self.wish, &record.version)?;
        Ok(Told { entry, draft: Some(draft) })
    }

    /// Pushes the commits, and says what the pull request must say.
    fn push(
        &self,
        record: &Record,
        place: &Place,
        ground: &Ground,
        branch: &str,
        (steps, hash): (&[Step], &str),
        tip: Option<&str>,
    ) -> Result<(Text, State), Stop> {
        let made = commits(&ground.clone, &ground.base, steps, &self.wish.author, &record.version)?;
        let head = made.last().cloned().ok_or_else(|| Stop::Fail("there is nothing to commit".into()))?;
        if Some(head.as_str()) != tip {
            let token = self.pass.to(&place.push)?;
            ground.clone.push_to(&place.push, &head, branch, tip, token.as_ref())?;
        }
        let text = text(steps, self.wish, &record.version);
        let state = State {
            campaign: self.wish.campaign.clone(),
            head,
            base: ground.base.clone(),
            change: hash.to_owned(),
            text: text.hash(),
            closed: None,
        };
        Ok((text, state))
    }

    fn open(
        &self,
        record: &Record,
        place: &Place,
        ground: &mut Option<Ground>,
        branch: &str,
        (steps, hash): (&[Step], &str),
        tip: Option<&str>,
    ) -> Result<Entry, Stop> {
        let base = Self::base(record, place)?;
        let owners = self.wish.reviewers.iter().any(|name| name == "codeowners");
        let ground = self.ground(record, place, ground)?;
        let (text, state) = self.push(record, place, ground, branch, (steps, hash), tip)?;
        let new = NewPull {
            owner: place.head_repo.owner.clone(),
            head_repo: place.head_repo.clone(),
            branch: branch.to_owned(),
            base,
            title: text.title.clone(),
            body: state.sign(&text.body),
            draft: self.wish.draft,
        };
        let pull = open_once(self.forge, &place.repo, &new)?;
        self.label(place, &pull)?;
        let mut reviewers: Vec<String> = self.wish.reviewers.iter().filter(|name| *name != "codeowners").cloned().collect();
        if owners {
            reviewers.extend(Self::owners(ground)?.reviewers(steps, MAX_REVIEWERS));
        }
        let mut because = None;
        if !reviewers.is_empty()
            && let Err(error) = self.forge.ask_review(&place.repo, pull.number, &reviewers)
        {
            // Somebody who may not review is no reason to do without the pull request.
            because = (error.class != forge::Class::Interrupted).then(|| format!("nobody was asked for a review: {error}"));
        }
        Ok(Entry { because, ..done(record, Word::Opened, Some(&pull)) })
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of one pull request")]
    fn update(
        &self,
        record: &Record,
        place: &Place,
        ground: &mut Option<Ground>,
        branch: &str,
        (steps, hash): (&[Step], &str),
        tip: Option<&str>,
        pull: &Pull,
    ) -> Result<Entry, Stop> {
        let ground = self.ground(record, place, ground)?;
        let (text, state) = self.push(record, place, ground, branch, (steps, hash), tip)?;
        let untouched = State::of(&pull.body).is_none_or(|old| old.is_untouched(&pull.title, &pull.body));
        // Words that people changed are theirs; what mlfix must know goes behind them.
        let (title, body) = if untouched { (Some(text.title), text.body) } else { (None, visible(&pull.body)) };
        let body = state.sign(&body);
        let title = title.filter(|title| *title != pull.title);
        if title.is_some() || body != pull.body {
            let change = Change { title, body: Some(body), close: false, draft: self.wish.draft };
            self.forge.edit(&place.repo, pull.number, &change)?;
        }
        Ok(done(record, Word::Updated, Some(pull)))
    }

    /// Closes a pull request with one request that also says by whom, so that it never counts as declined; then the
    /// comment, then the branch.
    #[expect(clippy::too_many_arguments, reason = "all that is known of one pull request")]
    fn close(
        &self,
        record: &Record,
        place: &Place,
        branch: &str,
        pull: &Pull,
        tip: Option<&str>,
        why: &str,
        comment: &str,
    ) -> Result<Entry, Stop> {
        let state = State::of(&pull.body).map(|state| State { closed: Some(why.to_owned()), ..state });
        let body = state.map(|state| state.sign(&visible(&pull.body)));
        self.forge.edit(&place.repo, pull.number, &Change { body, close: true, ..Change::default() })?;
        // Whether the comment arrived or not, it is not sent twice.
        let commented = self.forge.comment(&place.repo, pull.number, comment);
        self.delete(place, branch, tip)?;
        let word = if why == "ended" { Word::Closed } else { Word::Superseded };
        let because = commented.err().map(|error| format!("the comment was not written: {error}"));
        Ok(Entry { because, ..done(record, word, Some(pull)) })
    }

    fn label(&self, place: &Place, pull: &Pull) -> Result<(), Stop> {
        let missing: Vec<String> = self.wish.labels.iter().filter(|label| !pull.labels.contains(label)).cloned().collect();
        if !missing.is_empty() && !missing.iter().any(|label| STOP_LABELS.contains(&label.as_str())) {
            self.forge.label(&place.repo, pull.number, &missing)?;
        }
        Ok(())
    }

    fn delete(&self, place: &Place, branch: &str, tip: Option<&str>) -> Result<(), Stop> {
        let Some(tip) = tip else { return Ok(()) };
        let token = self.pass.to(&place.push)?;
        self.git.empty_clone(&place.push, &self.folder(), None)?.delete_branch(branch, tip, token.as_ref())?;
        Ok(())
    }

    fn base(record: &Record, place: &Place) -> Result<String, Stop> {
        let base = record.base_ref.clone().or_else(|| place.default_branch.clone());
        base.filter(|base| !base.starts_with("mlfix/")).ok_or_else(|| Stop::Skip("it has no branch to merge into".into()))
    }

    /// The clone, made when it is first needed.
    fn ground<'g>(&self, record: &Record, place: &Place, ground: &'g mut Option<Ground>) -> Result<&'g Ground, Stop> {
        if ground.is_none() {
            let base = Self::base(record, place)?;
            let token = self.pass.to(&place.address)?;
            let clone = self.git.clone_into(&place.address, Some(&base), &self.folder(), token.as_ref())?;
            let base = clone.head()?.sha;
            let entries = clone.entries(&base)?.into_iter().filter(git::Entry::is_file);
            let entries = entries.map(|entry| (RepoPath(entry.path), (entry.mode, entry.sha))).collect();
            *ground = Some(Ground { clone, base, entries });
        }
        Ok(ground.as_ref().expect("made above"))
    }

    fn owners(ground: &Ground) -> Result<Owners, Stop> {
        let at = |place: &&str| ground.entries.get(&RepoPath(place.as_bytes().to_vec()));
        let Some((_, sha)) = Owners::PLACES.iter().find_map(at) else { return Ok(Owners::default()) };
        ground.clone.fetch(&[sha])?;
        Ok(match ground.clone.blobs(&[sha], MAX_OWNERS)?.pop() {
            Some(Blob::Bytes(bytes)) => Owners::parse(&String::from_utf8_lossy(&bytes)),
            _ => Owners::default(),
        })
    }

    /// A folder that does not exist yet.
    fn folder(&self) -> PathBuf {
        self.clones.set(self.clones.get() + 1);
        self.scratch.join(self.clones.get().to_string())
    }
}

/// The steps without the files that are as they should be already. Where a file has changed since the scan in any other
/// way, nothing is done: nobody has looked at it.
fn fitting(steps: &[Step], ground: &Ground) -> Result<Vec<Step>, Stop> {
    let mut ends: BTreeMap<&RepoPath, (&str, &str)> = BTreeMap::new();
    for edit in steps.iter().flat_map(|step| &step.edits) {
        let (_, after) = ends.entry(&edit.path).or_insert((&edit.blob_before, &edit.blob_after));
        *after = &edit.blob_after;
    }
    let mut in_already = Vec::new();
    for (path, (before, after)) in ends {
        match ground.entries.get(path) {
            Some((_, sha)) if sha == before => {}
            Some((_, sha)) if sha == after => in_already.push(path.clone()),
            _ => {
                let path = String::from_utf8_lossy(&path.0);
                return Err(Stop::Conflict(format!("{path} has changed since the scan")));
            }
        }
    }
    let mut steps = steps.to_vec();
    for step in &mut steps {
        step.edits.retain(|edit| !in_already.contains(&edit.path));
    }
    steps.retain(|step| !step.edits.is_empty());
    Ok(steps)
}

/// Whether mlfix may ever change this file: Python, in the repository, and nothing that a forge or git acts upon.
fn is_allowed(path: &RepoPath) -> bool {
    const FORBIDDEN: [&[u8]; 8] = [b".github", b".gitlab", b".gitea", b".forgejo", b".git", b".", b"..", b""];
    let is_python = path.0.ends_with(b".py") || path.0.ends_with(b".pyi");
    is_python && !path.0.split(|&byte| byte == b'/').any(|part| FORBIDDEN.contains(&part.to_ascii_lowercase().as_slice()))
}

/// The text without the hidden state.
fn visible(body: &str) -> String {
    body.rsplit_once("<!-- mlfix:v1 ").map_or(body, |(visible, _)| visible).trim_end().to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_python_is_ever_changed() {
        let allowed = |path: &[u8]| is_allowed(&RepoPath(path.to_vec()));
        for good in [&b"a.py"[..], b"src/x/y.pyi", b"src/\xff.py", b".hidden/a.py"] {
            assert!(allowed(good), "{}", String::from_utf8_lossy(good));
        }
        for bad in [
            &b".github/scripts/a.py"[..],
            b".GitHub/a.py",
            b"x/.git/hooks/a.py",
            b"../a.py",
            b"/etc/a.py",
            b"a//b.py",
            b".github/\xff.py",
            b".gitmodules",
            b".gitattributes",
            b"a.ipynb",
            b"setup.cfg",
            b"py",
            b"",
        ] {
            assert!(!allowed(bad), "{}", String::from_utf8_lossy(bad));
        }
    }
}
