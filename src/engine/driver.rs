//! From bytes to findings and new bytes: match, check, apply, parse again, until nothing changes; then verify.

use std::any::Any;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use super::deadline::{self, Overtime};
use super::edit::{self, Edit};
use super::finding::{Finding, Fix, Left, Outcome, Repair, Status, Tier};
use super::guard;
use super::imports::{self, Import};
use super::origin::Origin;
use super::query::Query;
use super::skim::Code;
use super::source::{Refusal, SourceFile};
use super::suppress::Suppressions;
use super::syntax::Tree;
use super::transform::{Context, FileKind, Findings, Options, Transform};
use super::verify::{self, Reading};
use super::version::PythonVersion;

/// What to look for and what may be done about it.
pub struct Settings {
    /// The transforms, in any order.
    pub selected: Vec<Selected>,
    /// The oldest Python that the result must run on.
    pub target: PythonVersion,
    /// Options of transforms that differ from their defaults.
    pub options: Options,
    /// Whether fixes of the unsafe tier may be applied.
    pub unsafe_fixes: bool,
    /// Ids of all transforms, in the order of the suite: what comments may name, and who wins where two fixes conflict.
    pub known: Vec<&'static str>,
}

/// A transform and its compiled query.
pub struct Selected {
    /// The transform.
    pub transform: &'static dyn Transform,
    query: OnceLock<Query>,
}

impl Selected {
    /// The query is compiled when a file first needs it.
    pub fn new(transform: &'static dyn Transform) -> Self {
        Self { transform, query: OnceLock::new() }
    }

    /// The compiled query.
    fn query(&self) -> &Query {
        self.query.get_or_init(|| Query::new(self.transform.meta().query))
    }

    /// Whether the text holds the literals without which this transform finds nothing.
    fn is_anchored_in(&self, text: &mut Literals<'_>) -> bool {
        self.transform.meta().anchors.iter().all(|any| any.iter().any(|literal| text.hold(literal)))
    }
}

/// Which literals a text holds; each is looked for once.
struct Literals<'a> {
    text: &'a [u8],
    known: Vec<(&'static str, bool)>,
}

impl Literals<'_> {
    fn hold(&mut self, literal: &'static str) -> bool {
        if let Some(&(_, is_there)) = self.known.iter().find(|(known, _)| *known == literal) {
            return is_there;
        }
        let is_there = memchr::memmem::find(self.text, literal.as_bytes()).is_some();
        self.known.push((literal, is_there));
        is_there
    }
}

/// Whether fixes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Findings of the text as it stands.
    Check,
    /// Findings are fixed, round after round, until nothing changes.
    Fix,
}

/// Why a file is left as it is although it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The file cannot be worked on, through no fault of ours: exit code 0 when found by walking.
    Skipped(String),
    /// Something went wrong in our own work: exit code 2.
    Failed(String),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Skipped(refusal.to_string())
    }
}

/// Everything there is to say about one file.
#[derive(Debug, Default)]
pub struct Report {
    /// The original text; none when it could not be read as Python source.
    pub source: Option<SourceFile>,
    /// Findings, in text order of the original; what a fix made possible comes where that fix is.
    pub outcomes: Vec<Outcome>,
    /// What was considered and left alone in the original text.
    pub left: Vec<Left>,
    /// Byte offset of a suppression comment that cannot be understood, and what is wrong with it.
    pub mistakes: Vec<(usize, String)>,
    /// The new bytes, when fixes were applied.
    pub fixed: Option<Vec<u8>>,
    /// Why nothing was changed although it was asked for, or why nothing was looked at.
    pub trouble: Option<Trouble>,
}

thread_local! {
    /// The transform that runs on this thread, for the message when it panics.
    static RUNNING: Cell<&'static str> = const { Cell::new("the engine") };
}

/// Works on one file. Never panics, whatever the bytes and whatever a transform does.
pub fn run(bytes: Vec<u8>, kind: FileKind, settings: &Settings, mode: Mode) -> Report {
    RUNNING.set("the engine");
    let allowed = deadline::start(bytes.len());
    let caught = catch_unwind(AssertUnwindSafe(|| work(bytes, kind, settings, mode)));
    deadline::stop();
    caught.unwrap_or_else(|panic| {
        let trouble = if panic.is::<Overtime>() {
            Trouble::Skipped(format!("too slow: {} took more than {} s", RUNNING.get(), allowed.as_secs()))
        } else {
            Trouble::Failed(format!("internal error in {}: {}", RUNNING.get(), panic_text(&*panic)))
        };
        Report { trouble: Some(trouble), ..Report::default() }
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message")
}

fn work(bytes: Vec<u8>, kind: FileKind, settings: &Settings, mode: Mode) -> Report {
    let mut literals = Literals { text: &bytes, known: Vec::new() };
    let mut selected: Vec<&Selected> = settings.selected.iter().filter(|one| one.is_anchored_in(&mut literals)).collect();
    if let Some(code) = (!selected.is_empty()).then(|| Code::of(&bytes)).flatten() {
        selected.retain(|selected| selected.transform.may_match(&code));
    }
    if selected.is_empty() {
        // In UTF-16 no word would be found: such a file is not clean but unreadable.
        let nul = memchr::memchr(0, &bytes).map(|at| Refusal::Nul { at }.into());
        return Report { trouble: nul, ..Report::default() };
    }
    let source = match SourceFile::new(bytes) {
        Ok(source) => source,
        Err(refusal) => return Report { trouble: Some(refusal.into()), ..Report::default() },
    };
    if let Err(reason) = guard::before_parsing(source.code()) {
        return Report { source: Some(source), trouble: Some(Trouble::Skipped(reason)), ..Report::default() };
    }
    let run = Run { kind, settings, selected: &selected };
    let start = Text::new(source);
    if let Err(reason) = guard::after_parsing(&start.tree, &start.source) {
        return Report { source: Some(start.source), trouble: Some(Trouble::Skipped(reason)), ..Report::default() };
    }
    let mut first = run.look(&start, 0);
    let mut report =
        Report { left: std::mem::take(&mut first.left), mistakes: std::mem::take(&mut first.mistakes), ..Report::default() };
    let fixable = first.found.iter().any(|found| found.status == Status::Fixable);
    // The second parser is asked only where something might be edited.
    let broken = if fixable { Reading::new(&start.source, run.target(&start)).error() } else { None };
    if let Some((line, error)) = broken {
        let why = format!("syntax error at line {}: {error}", line + 1);
        for found in first.found.iter_mut().filter(|found| found.status == Status::Fixable) {
            found.status = Status::Blocked { because: why.clone() };
        }
        report.trouble = (mode == Mode::Fix).then_some(Trouble::Skipped(why));
    } else if mode == Mode::Fix && fixable {
        let attempt = run.fix(&start, false).or_else(|_| run.fix(&start, true));
        match attempt {
            Ok(done) => {
                report.outcomes = done.outcomes;
                report.fixed = (done.text != start.source.bytes()).then_some(done.text);
                report.source = Some(start.source);
                return report;
            }
            Err(failure) => report.trouble = Some(Trouble::Failed(failure)),
        }
    }
    report.outcomes = first.found.into_iter().map(|found| found.outcome(0, &start.origin, Vec::new())).collect();
    report.source = Some(start.source);
    report
}

/// A text on its way from the original to the result.
struct Text {
    source: SourceFile,
    tree: Tree,
    origin: Origin,
}

impl Text {
    fn new(source: SourceFile) -> Self {
        let origin = Origin::untouched(source.bytes().len());
        Self { tree: Tree::parse(source.code()), source, origin }
    }

    /// The text after `edits`, which are sorted and do not overlap.
    fn after(&self, edits: &[Edit]) -> Result<Self, String> {
        let source = SourceFile::new(edit::apply(self.source.bytes(), edits)).map_err(|refusal| refusal.to_string())?;
        Ok(Self { tree: Tree::parse(source.code()), source, origin: self.origin.after(edits) })
    }
}

/// A finding in its round.
struct Found {
    transform: &'static str,
    /// Index of the match that it comes from: findings of one match know of each other.
    group: usize,
    finding: Finding,
    status: Status,
}

impl Found {
    fn outcome(self, round: u8, origin: &Origin, touched: Vec<Range<usize>>) -> Outcome {
        let place = origin.range(&self.finding.range);
        Outcome { transform: self.transform, finding: self.finding, status: self.status, round, origin: place, touched }
    }

    fn fix(&self) -> Option<&Fix> {
        match &self.finding.repair {
            Repair::Fix(fix) if self.status == Status::Fixable => Some(fix),
            _ => None,
        }
    }

    /// What makes it the same finding in the next round: the transform, and where in the original it stood.
    fn identity(&self, origin: &Origin) -> Identity {
        (self.transform, origin.replaced(&self.finding.range).start, self.finding.message.clone())
    }
}

type Identity = (&'static str, usize, String);

/// What one look at a text gives.
#[derive(Default)]
struct Look {
    found: Vec<Found>,
    left: Vec<Left>,
    mistakes: Vec<(usize, String)>,
}

/// The end of the fix loop.
struct Done {
    outcomes: Vec<Outcome>,
    text: Vec<u8>,
}

/// One file's work: what does not change from round to round.
struct Run<'a> {
    kind: FileKind,
    settings: &'a Settings,
    selected: &'a [&'a Selected],
}

impl Run<'_> {
    /// The version that the result must run on: never older than what the original's own syntax needs.
    fn target(&self, start: &Text) -> PythonVersion {
        self.settings.target.max(PythonVersion::needed_by(&start.tree))
    }

    /// The place of a transform in the suite.
    fn rank(&self, id: &str) -> Option<usize> {
        self.settings.known.iter().position(|known| *known == id)
    }

    /// The selected transforms in the order of the suite, however they were given.
    fn in_order(&self) -> Vec<&Selected> {
        let mut selected = self.selected.to_vec();
        selected.sort_by_key(|selected| self.rank(selected.transform.meta().id));
        selected
    }

    /// All findings of a text, sorted by place, with the status that they have before anything is applied.
    fn look(&self, text: &Text, round: u8) -> Look {
        let mut look = Look::default();
        let suppressions = Suppressions::new(&text.tree, &text.source, &self.settings.known);
        let mut context: Option<Context<'_>> = None;
        let mut group = 0;
        let target = self.target(text);
        for selected in self.in_order() {
            let meta = selected.transform.meta();
            RUNNING.set(meta.id);
            let cx = match context.as_mut() {
                Some(cx) => {
                    cx.for_transform(meta);
                    cx
                }
                None => context.insert(Context::new(&text.source, &text.tree, self.kind, target, &self.settings.options, meta)),
            };
            for m in selected.query().matches(&text.tree) {
                group += 1;
                deadline::check_seldom();
                let mut findings = Findings::default();
                // The whole file is parsed, so no question goes beyond it.
                if selected.transform.check(&m, cx, &mut findings).is_err() {
                    continue;
                }
                for finding in findings.found {
                    let status = self.status(&finding, meta, text, &suppressions);
                    look.found.push(Found { transform: meta.id, group, finding, status });
                }
                if round == 0 {
                    look.left.extend(findings.left.into_iter().map(|(range, because)| Left {
                        transform: meta.id,
                        range,
                        because,
                    }));
                }
            }
            // A query that was stopped looks like one that is done.
            deadline::check();
        }
        RUNNING.set("the engine");
        look.found.sort_by_key(|found| (found.finding.range.start, self.rank(found.transform), found.finding.range.end));
        look.found.dedup_by(|b, a| a.transform == b.transform && a.finding.range == b.finding.range);
        look.left.sort_by_key(|left| left.range.start);
        look.mistakes = suppressions.mistakes;
        look
    }

    fn status(
        &self,
        finding: &Finding,
        meta: &'static super::transform::Meta,
        text: &Text,
        suppressions: &Suppressions,
    ) -> Status {
        if let Some(at) = suppressions.of(&finding.range, meta, &text.tree, &text.source) {
            return Status::Suppressed { at };
        }
        match &finding.repair {
            Repair::None { .. } => Status::Report,
            Repair::Fix(fix) if near_error(fix, &text.tree) => {
                Status::Blocked { because: "there is text nearby that the grammar does not know".to_string() }
            }
            Repair::Fix(Fix { tier: Tier::Unsafe { .. }, .. }) if !self.settings.unsafe_fixes => Status::NeedsUnsafe,
            Repair::Fix(_) => Status::Fixable,
        }
    }

    /// Round after round until nothing is left to apply. With `careful`, one fix at a time, each verified as if it were
    /// the last, and those that fail are barred: that is how the guilty one is found when the sum of all is wrong.
    fn fix(&self, start: &Text, careful: bool) -> Result<Done, String> {
        let target = self.target(start);
        let mut seen = HashSet::from([start.source.bytes().to_vec()]);
        let mut barred: HashMap<Identity, String> = HashMap::new();
        let mut lost: Vec<(Found, u8, Option<Range<usize>>, &'static str)> = Vec::new();
        let mut outcomes = Vec::new();
        let mut text: Option<Text> = None;
        let mut limit = usize::MAX;
        for count in 0_usize.. {
            let round = u8::try_from(count).unwrap_or(u8::MAX);
            let current = text.as_ref().unwrap_or(start);
            let mut found = self.look(current, round).found;
            if round == 0 {
                // With conflicts of whole fixes, a chain of n overlapping fixes needs n rounds.
                limit = 10 + found.len();
            }
            for candidate in &mut found {
                if let Some(check) = barred.get(&candidate.identity(&current.origin)) {
                    candidate.status = Status::Rejected { check: check.clone() };
                }
            }
            let (chosen, losers) = choose(&found, careful);
            if chosen.is_empty() {
                let superseded = lost.into_iter().filter(|(loser, _, place, _)| {
                    let again = |id: &str, origin: Option<&Range<usize>>| {
                        id == loser.transform && origin.map(|o| o.start) == place.as_ref().map(|p| p.start)
                    };
                    !outcomes.iter().any(|o: &Outcome| again(o.transform, o.origin.as_ref()))
                        && !found.iter().any(|f| again(f.transform, current.origin.range(&f.finding.range).as_ref()))
                });
                let superseded = superseded.map(|(loser, round, origin, by)| Outcome {
                    transform: loser.transform,
                    finding: loser.finding,
                    status: Status::Superseded { by },
                    round,
                    origin,
                    touched: Vec::new(),
                });
                let superseded: Vec<_> = superseded.collect();
                outcomes.extend(superseded);
                outcomes.extend(found.into_iter().map(|found| found.outcome(round, &current.origin, Vec::new())));
                outcomes.sort_by_key(|o| o.origin.as_ref().or(o.touched.first()).map_or(usize::MAX, |range| range.start));
                if let Some(end) = &text {
                    verify::whole(&start.source, &end.source, &end.origin, target)?;
                }
                let text = text.map_or_else(|| start.source.bytes().to_vec(), |text| text.source.bytes().to_vec());
                return Ok(Done { outcomes, text });
            }
            if count >= limit {
                return Err(format!("no end after {limit} rounds of {}", names(&found, &chosen)));
            }
            let (edits, touched) = merge(&found, &chosen, current);
            let next = current.after(&edits).and_then(|next| {
                verify::structure(&current.tree, &next.tree, &next.source)?;
                if careful {
                    verify::whole(&start.source, &next.source, &next.origin, target)?;
                }
                Ok(next)
            });
            let next = match next {
                Ok(next) => next,
                Err(check) if careful => {
                    barred.insert(found[chosen[0]].identity(&current.origin), check);
                    continue;
                }
                Err(check) => return Err(check),
            };
            if !seen.insert(next.source.bytes().to_vec()) {
                return Err(format!("{} undo each other", names(&found, &chosen)));
            }
            for (loser, winner) in losers {
                let (loser, by) = (&found[loser], found[winner].transform);
                let copy = Found { finding: loser.finding.clone(), status: Status::Superseded { by }, ..*loser };
                let place = current.origin.range(&loser.finding.range);
                if !lost.iter().any(|(other, _, origin, _)| other.transform == copy.transform && *origin == place) {
                    lost.push((copy, round, place, by));
                }
            }
            for (index, candidate) in found.into_iter().enumerate() {
                if let Some(position) = chosen.iter().position(|&one| one == index) {
                    let ranges = touched[position].iter().map(|range| current.origin.replaced(range)).collect();
                    let applied = Found { status: Status::Applied, ..candidate };
                    outcomes.push(applied.outcome(round, &current.origin, ranges));
                }
            }
            text = Some(next);
        }
        unreachable!("every round ends, changes the text, or bars a fix")
    }
}

fn names(found: &[Found], chosen: &[usize]) -> String {
    let mut names: Vec<&str> = chosen.iter().map(|&index| found[index].transform).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn near_error(fix: &Fix, tree: &Tree) -> bool {
    let mut errors = tree.errors().peekable();
    if errors.peek().is_none() {
        return false;
    }
    let around = tree.root().named_children().find(|top| top.start() <= fix.span.start && fix.span.end <= top.end());
    let around = around.map_or(fix.span.clone(), super::syntax::Node::range);
    errors.any(|error| error.start() <= around.end && around.start <= error.end())
}

/// Which fixes to apply in this round, and which lost against which. Earlier in the suite wins, then earlier in the text.
/// Fixes of one match were made knowing of each other: among them only edits can conflict.
fn choose(found: &[Found], one: bool) -> (Vec<usize>, Vec<(usize, usize)>) {
    let mut candidates: Vec<usize> = (0..found.len()).filter(|&index| found[index].fix().is_some()).collect();
    candidates.sort_by_key(|&index| found[index].group);
    if one {
        candidates.truncate(1);
    }
    let (mut chosen, mut losers): (Vec<usize>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    for index in candidates {
        deadline::check_seldom();
        let fix = found[index].fix().expect("only fixable findings are candidates");
        let winner = chosen.iter().copied().find(|&winner| {
            let other = found[winner].fix().expect("only fixable findings are chosen");
            let in_span = found[winner].group != found[index].group && meet(&fix.span, &other.span);
            in_span || fix.edits.iter().any(|a| other.edits.iter().any(|b| overlap(a, b)))
        });
        match winner {
            Some(winner) => losers.push((index, winner)),
            None => chosen.push(index),
        }
    }
    chosen.sort_unstable();
    (chosen, losers)
}

fn meet(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Insertions at one place do not overlap: they are concatenated. An insertion at the edge of a replaced range does not
/// overlap it either.
fn overlap(a: &Edit, b: &Edit) -> bool {
    match (a.range.is_empty(), b.range.is_empty()) {
        (true, true) => false,
        (true, false) => b.range.start < a.range.start && a.range.start < b.range.end,
        (false, true) => a.range.start < b.range.start && b.range.start < a.range.end,
        (false, false) => meet(&a.range, &b.range),
    }
}

/// The edits of all chosen fixes, sorted, with the imports that they need, and per fix the ranges that it touches.
fn merge(found: &[Found], chosen: &[usize], text: &Text) -> (Vec<Edit>, Vec<Vec<Range<usize>>>) {
    let mut edits = Vec::new();
    let mut touched: Vec<Vec<Range<usize>>> = Vec::new();
    let mut wanted: Vec<Import> = Vec::new();
    for &index in chosen {
        let fix = found[index].fix().expect("only fixable findings are chosen");
        edits.extend(fix.edits.iter().cloned());
        touched.push(fix.edits.iter().map(|edit| edit.range.clone()).collect());
        wanted.extend(&fix.imports);
    }
    wanted.sort();
    wanted.dedup();
    let added = imports::edits(&text.tree, &text.source, &wanted);
    for (place, &index) in touched.iter_mut().zip(chosen) {
        if !found[index].fix().expect("only fixable findings are chosen").imports.is_empty() {
            place.extend(added.iter().map(|edit| edit.range.clone()));
        }
        place.sort_by_key(|range| (range.start, range.end));
    }
    // Imports first: at one offset they stand above the statements that a fix puts there. The sort is stable, so
    // insertions at one offset keep the order of their findings.
    let mut all: Vec<Edit> = added.into_iter().chain(edits).map(|edit| edit.with_newlines_of(&text.source)).collect();
    all.sort_by_key(|edit| (edit.range.start, edit.range.end));
    (all, touched)
}

#[cfg(test)]
mod tests;
