//! Defaults that are created once and shared by all calls.
//!
//! Every parameter with a mutable default is one finding. It is judged in four steps: what the default is made of
//! ([`default`]), what the body does with it ([`uses`], [`purpose`]), who else looks at it ([`readers`], [`calls`]), and what
//! holds for the definitions that must stay alike ([`family`]).

mod annotation;
mod calls;
mod default;
mod family;
mod guard;
mod parameter;
mod purpose;
mod readers;
mod signature;
mod uses;

use std::ops::Range;

use crate::engine::edit::docstring;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::Code;
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, FileKind, Findings, Match, Meta, Opt, Transform, Widen};

use calls::Calls;
use default::{Default, Made};
use parameter::Parameter;
use readers::Reader;
use uses::Uses;

/// See the README beside this file.
pub struct MutableDefault;

static META: Meta = Meta {
    id: "mutable-default",
    summary: "creates a default once and shares it among all calls",
    why: "A default is created once, when the `def` runs, and every call that leaves the argument out gets the same object.",
    aliases: &["B006", "W0102", "dangerous-default-value"],
    // A default needs a `=`; what stands behind it may be any name.
    anchors: &[&["def", "lambda"], &["="]],
    options: &[Opt {
        name: "read-only",
        values: &["unsafe", "fix", "ignore"],
        doc: "What to do about a parameter that the function only reads: offer an unsafe fix, trust it as if it were changed, or say nothing.",
    }],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for MutableDefault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        signature::may_have_mutable_default(code)
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let function = m.get("function").unwrap_or_else(|| m.node("lambda"));
        // A stub that says None where its module has a list would lie.
        if cx.kind == FileKind::Stub {
            return Ok(());
        }
        for parameter in Parameter::all_of(function) {
            let range = parameter.node.range();
            match judge(cx, &parameter)? {
                Verdict::Nothing => {}
                Verdict::Leave(because) => out.leave(range, because),
                Verdict::Report(suspect, because) => out.push(suspect.finding(&parameter, Repair::None { because })),
                Verdict::Fix(mut suspect, tier) => {
                    let repair = repair(cx, &parameter, &mut suspect, tier);
                    out.push(suspect.finding(&parameter, repair));
                }
            }
        }
        Ok(())
    }
}

/// What is to be said about one parameter.
enum Verdict<'t> {
    Nothing,
    Leave(String),
    Report(Suspect<'t>, String),
    Fix(Suspect<'t>, Tier),
}

/// A parameter whose default all calls share.
struct Suspect<'t> {
    /// What they share: `one list`.
    what: String,
    evidence: Vec<Note>,
    /// Where the body changes the object.
    changed: Option<Node<'t>>,
    /// Where the object gets out.
    escapes: bool,
}

impl Suspect<'_> {
    fn finding(self, parameter: &Parameter<'_>, repair: Repair) -> Finding {
        let (name, function) = (parameter.name.text(), parameter.function_name());
        let effect = match (self.changed, self.escapes) {
            (Some(_), _) => ", and the function changes it",
            (None, true) => "",
            (None, false) => "; nothing changes it today",
        };
        let message = format!("All calls of `{function}` without `{name}` share {}{effect}", self.what);
        Finding { range: parameter.node.range(), message, evidence: self.evidence, repair }
    }

    fn note(&mut self, range: Range<usize>, text: impl Into<String>, certainty: Certainty) {
        self.evidence.push(Note { range, text: text.into(), certainty });
    }
}

/// The verdict on a parameter, and on those that must have the same signature: all of them are changed or none.
fn judge<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Ask<Verdict<'t>> {
    let (suspect, tier) = match judge_alone(cx, parameter)? {
        Verdict::Fix(suspect, tier) => (suspect, tier),
        other => return Ok(other),
    };
    cx.need(Widen::File)?;
    let mut tier = tier;
    for relative in family::relatives(cx, parameter) {
        let name = relative.function_name();
        match judge_alone(cx, &relative)? {
            Verdict::Nothing | Verdict::Fix(_, Tier::Safe) => {}
            Verdict::Fix(_, Tier::Unsafe { because }) => {
                if tier == Tier::Safe {
                    tier = Tier::unsafe_because(format!("`{name}` must change as well, and there {because}"));
                }
            }
            Verdict::Leave(because) | Verdict::Report(_, because) => {
                let because = format!("`{name}` must keep the same signature, and cannot change: {because}");
                return Ok(Verdict::Report(suspect, because));
            }
        }
    }
    Ok(Verdict::Fix(suspect, tier))
}

fn judge_alone<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Ask<Verdict<'t>> {
    let default = default::read(cx, parameter);
    if let Default::Plain = default {
        return Ok(Verdict::Nothing);
    }
    cx.need(Widen::File)?;
    let uses = Uses::of(cx, parameter);
    let mut suspect = suspect(parameter, &default, &uses);
    let only_read = suspect.changed.is_none() && !suspect.escapes;
    let name = parameter.name.text();
    let made = match default {
        Default::Made(made) => made,
        Default::Object { what } | Default::Bound { because: what, certain: false }
            if suspect.changed.is_none() && !uses.is_kept() =>
        {
            return Ok(Verdict::Leave(format!("nothing here changes or keeps `{name}` ({what})")));
        }
        Default::Object { .. } => {
            let because = "the object has a name or a class of its own, and calls may be meant to share it";
            return Ok(Verdict::Report(suspect, because.to_string()));
        }
        Default::Bound { because, .. } => return Ok(Verdict::Report(suspect, because)),
        Default::Plain => return Ok(Verdict::Nothing),
    };
    // Have: a default that the body can create

    let signature_only = guard::is_signature_only(parameter);
    if only_read && !signature_only {
        if cx.option("read-only") == "ignore" {
            return Ok(Verdict::Leave(format!("`{name}` is only read")));
        }
        if made.size > LARGE {
            return Ok(Verdict::Leave(format!("`{name}` is only read, and a table of this size costs time in every call")));
        }
    }
    if parameter.function.is("lambda") {
        return Ok(Verdict::Report(suspect, "a lambda has no body in which the object could be created".to_string()));
    }
    let reader = readers::reader(cx, parameter);
    if let Some(Reader::Forbids(because, at)) = reader {
        suspect.note(at.range(), "who reads the signature", Certainty::Known);
        return Ok(Verdict::Report(suspect, because));
    }
    let scripted = readers::is_scripted(cx, parameter.function);
    if scripted && parameter.annotation.is_none() {
        let because = "TorchScript takes an unannotated parameter with default None for a tensor";
        return Ok(Verdict::Report(suspect, because.to_string()));
    }
    let doubts = doubts(cx, parameter, &made, &uses, reader, signature_only);
    for doubt in &doubts {
        if let Some(at) = &doubt.at {
            suspect.note(at.clone(), doubt.label, Certainty::Likely);
        }
    }
    let because: Vec<_> = doubts.into_iter().map(|doubt| doubt.because).collect();
    let tier = if because.is_empty() { Tier::Safe } else { Tier::unsafe_because(because.join("; besides, ")) };
    Ok(Verdict::Fix(suspect, tier))
}

/// Values in a display beyond which a parameter that is only read is left alone: a table of 500 entries took 0.1 us per call
/// as a default and 29 us as a guard.
const LARGE: usize = 40;

fn suspect<'t>(parameter: &Parameter<'t>, default: &Default, uses: &Uses<'t>) -> Suspect<'t> {
    let what = match default {
        Default::Made(made) => format!("one {}", made.what),
        Default::Object { what } => what.clone(),
        Default::Bound { .. } | Default::Plain => "one object".to_string(),
    };
    let changed = uses.first_mutation().map(|one| one.mention);
    let escape = uses.first_escape().map(|one| one.mention);
    let mut suspect = Suspect { what, evidence: Vec::new(), changed, escapes: escape.is_some() };
    let name = parameter.name.text();
    if let Some(changed) = changed {
        suspect.note(changed.range(), format!("`{name}` is changed here"), Certainty::Known);
    }
    if let Some(escape) = escape {
        suspect.note(escape.range(), format!("`{name}` gets out here"), Certainty::Known);
    }
    suspect
}

/// A reason why a fix is not safe.
struct Doubt {
    because: String,
    /// The place that shows it, and what to write there.
    at: Option<Range<usize>>,
    label: &'static str,
}

/// The reasons why the fix is not safe, the weightiest first, and no more than a reader wants to know.
fn doubts<'t>(
    cx: &Context<'t>,
    parameter: &Parameter<'t>,
    made: &Made,
    uses: &Uses<'t>,
    reader: Option<Reader<'t>>,
    signature_only: bool,
) -> Vec<Doubt> {
    let calls = Calls::of(cx, parameter);
    let is_alive = uses.first_mutation().is_some() || uses.first_escape().is_some();
    let state = is_alive.then(|| purpose::deliberate(cx, parameter, made, uses, &calls)).flatten();
    let state =
        state.map(|(because, node)| Doubt { because, at: Some(node.range()), label: "a sign that the sharing is meant" });
    let reservation =
        made.reservation.clone().map(|(because, range)| Doubt { because, at: Some(range), label: "evaluated in every call" });
    let read_by = match reader {
        Some(Reader::Doubtful(because, node)) => Some(Doubt { because, at: Some(node.range()), label: "looks at signatures" }),
        _ => None,
    };
    let hygiene = (!signature_only).then(|| hygiene(cx, uses)).flatten();
    let none = (!signature_only).then(|| meaning_of_none(cx, parameter, made, uses, &calls)).flatten();
    [state, reservation, read_by, hygiene, none].into_iter().flatten().take(2).collect()
}

/// Nothing is repaired where nothing changes the object.
fn hygiene<'t>(cx: &Context<'t>, uses: &Uses<'t>) -> Option<Doubt> {
    if uses.first_mutation().is_some() || uses.is_kept() || cx.option("read-only") == "fix" {
        return None;
    }
    let because = match uses.first_escape() {
        Some(_) => "the function only passes it on",
        None => "nothing changes it today and the fix is hygiene only",
    };
    Some(Doubt { because: because.to_string(), at: None, label: "" })
}

/// Why a None that is passed today may mean something else than the default.
fn meaning_of_none<'t>(
    cx: &Context<'t>,
    parameter: &Parameter<'t>,
    made: &Made,
    uses: &Uses<'t>,
    calls: &Calls<'t>,
) -> Option<Doubt> {
    let name = parameter.name.text();
    let doubt = |because: String, at: Range<usize>, label| Some(Doubt { because, at: Some(at), label });
    let annotation = parameter.annotation.filter(|annotation| annotation::admits_none(*annotation));
    if let Some(annotation) = annotation.filter(|_| !made.is_empty) {
        let because = format!("the annotation of `{name}` admits None beside a default that is not empty");
        return doubt(because, annotation.range(), "None is an argument of its own");
    }
    // Where the body makes the same object of None already, None and the default are one and the same.
    if guard::existing(parameter).is_none() {
        if let Some(call) = calls.passing_none(cx) {
            return doubt(format!("the file passes None for `{name}`"), call.range(), "None is passed here");
        }
        if let Some(one) = uses::reached_by_none(cx, parameter.function, uses) {
            return doubt(uses::fate_of_none(one), one.mention.range(), "None gets here without an error");
        }
    }
    let scopes = cx.facts().scopes();
    if scopes.scope_opened_by(parameter.function).is_some_and(|scope| scopes.is_dynamic(scope)) {
        let because = "the function looks at its own variables by name".to_string();
        return Some(Doubt { because, at: None, label: "" });
    }
    let inner = uses.all.iter().filter_map(|one| one.inside);
    let rebound = inner.into_iter().find_map(|inner| uses.rebound.iter().find(|binding| binding.start() > inner.end()))?;
    let because = format!("type checkers take `{name}` for None in the nested function, because it is bound again below");
    doubt(because, rebound.range(), "bound again")
}

/// What else has to follow by hand: a docstring that states the default, a subclass elsewhere.
fn follow_up(parameter: &Parameter<'_>, widened: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    let name = parameter.name.text();
    let mut note = |range, text: &str| {
        notes.push(Note { range, text: text.to_string(), certainty: Certainty::Likely });
    };
    let public = parameter.function.child("name").is_some_and(|name| !name.text().starts_with('_'));
    if let (true, Some(annotation), Some(_)) = (widened && public, parameter.annotation, parameter.class()) {
        note(annotation.range(), "a subclass elsewhere that declares the parameter has to follow");
    }
    let states_default = |text: &str| {
        let mut lines = text.lines().skip_while(|line| !line.contains(name)).take(4);
        lines.any(|line| line.to_lowercase().contains("default"))
    };
    if let Some(text) = docstring(parameter.function).filter(|text| states_default(text.text())) {
        note(text.range(), "the docstring may state the default");
    }
    notes
}

fn repair<'t>(cx: &Context<'t>, parameter: &Parameter<'t>, suspect: &mut Suspect<'t>, tier: Tier) -> Repair {
    let scripted = readers::is_scripted(cx, parameter.function);
    let no_fix = |because: &str| Repair::None { because: because.to_string() };
    let Some((mut edits, imports)) = annotation::widen(cx, parameter, scripted) else {
        return no_fix("`Optional` means something else in this file, and the annotation has to admit None");
    };
    let Some(guard) = guard::edits(cx, parameter) else { return no_fix("the function has no body") };
    suspect.evidence.extend(follow_up(parameter, !edits.is_empty()));
    edits.extend(guard);
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let what = suspect.what.strip_prefix("one ").unwrap_or(&suspect.what);
    let title = if guard::is_signature_only(parameter) {
        "Let the default be None, as the implementations have to".to_string()
    } else {
        format!("Create the {what} in each call")
    };
    Repair::Fix(Fix { title, tier, edits, imports, span: parameter.function.range() })
}
