//! Loops that change the container they walk; they should walk a snapshot. See the README beside this file.

mod callee;
mod changes;
mod counted;
mod header;
mod loops;
mod namespaces;
mod own;
mod presence;
mod reach;
mod reasons;
mod verdict;
mod waiting;
mod words;

use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::Code;
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::semantics::scope::Resolution;
use crate::semantics::types::Kind;
use changes::{Change, Does};
use counted::{Shrinking, shrinking};
use header::{Walk, walks};
use loops::Loop;
use verdict::{Judgement, Verdict, judge};

/// See the README beside this file.
pub struct MutateWhileIterating;

static META: Meta = Meta {
    id: "mutate-while-iterating",
    summary: "adds to or removes from the container that a `for` walks",
    why: "A dict or set raises RuntimeError at the next step; a list silently skips the element behind every removed one.",
    aliases: &[
        "B909",
        "B038",
        "loop-iterator-mutation",
        "W4701",
        "modified-iterating-list",
        "E4702",
        "modified-iterating-dict",
        "E4703",
        "PLE4703",
        "modified-iterating-set",
    ],
    // Whatever changes a container may be spelled `d[k] = v`, without a word of its own: the words are looked at later.
    anchors: &[&["for"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for MutateWhileIterating {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        words::may_change_what_is_walked(code)
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let Some(a_loop) = Loop::of(m.node("loop")) else { return Ok(()) };
        cx.need(Widen::File)?;
        if let Some(shrinking) = shrinking(cx.facts(), &a_loop) {
            // Have: for i in range(len(xs)): .. del xs[i]
            out.push(under_an_index(cx, &a_loop, &shrinking));
        }
        let mut open = walks(cx.facts(), &a_loop);
        if open.is_empty() {
            leave_copies(cx, &a_loop, out);
        }
        while let Some(first) = open.first() {
            let walked = first.walked.clone();
            let (same, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|walk| walk.walked == walked);
            // Have: for .. in same container(s)
            consider(cx, &a_loop, &same, out);
            open = others;
        }
        Ok(())
    }
}

/// Elements move up under an index: a report.
fn under_an_index<'t>(cx: &Context<'t>, a_loop: &Loop<'t>, shrinking: &Shrinking<'t>) -> Finding {
    let list = shown(shrinking.list);
    Finding {
        range: a_loop.header.range(),
        message: format!("this index runs over `{list}` while line {} removes from it", line(cx, shrinking.removal)),
        evidence: vec![Note {
            range: shrinking.removal.range(),
            text: format!("the elements of `{list}` behind this one move up"),
            certainty: Certainty::Known,
        }],
        repair: Repair::None {
            because: "a snapshot would not help: keep the elements that stay in a new list, or run from the end".to_string(),
        },
    }
}

/// What the header walks is made from a container that the loop changes, but is not that container.
fn leave_copies<'t>(cx: &Context<'t>, a_loop: &Loop<'t>, out: &mut Findings) {
    let facts = cx.facts();
    let containers = a_loop.header.and_descendants().filter(|node| node.is_any(&["identifier", "attribute", "subscript"]));
    for place in containers.filter_map(|node| facts.place(node)) {
        if a_loop.parts().any(|part| !facts.mutations(&place, part).is_empty()) {
            let because = format!("the loop changes `{}`, but it walks something made from it", place.name);
            return out.leave(a_loop.header.range(), because);
        }
    }
}

/// One loop and one container that its header walks, once or more.
fn consider<'t>(cx: &Context<'t>, a_loop: &Loop<'t>, same: &[Walk<'t>], out: &mut Findings) {
    let judgement = judge(cx.facts(), a_loop, same);
    let repair = match &judgement.verdict {
        Verdict::Fine => return,
        Verdict::Leave(because) => return out.leave(same[0].site.range(), because.as_str()),
        Verdict::Report(because) => Repair::None { because: because.clone() },
        Verdict::Snapshot { .. } if has_outer_finding(cx, a_loop, same) => return,
        Verdict::Snapshot { but } => snapshot(cx, a_loop, same, but.clone()),
    };
    let evidence = notes(same, &judgement);
    out.push(Finding { range: same[0].site.range(), message: message(cx, same, &judgement), evidence, repair });
}

/// Whether a loop around this one walks the same container and is repaired together with this one.
fn has_outer_finding<'t>(cx: &Context<'t>, a_loop: &Loop<'t>, same: &[Walk<'t>]) -> bool {
    a_loop.outer().any(|outer| {
        let outer_walks: Vec<_> = walks(cx.facts(), &outer).into_iter().filter(|walk| walk.walked == same[0].walked).collect();
        !outer_walks.is_empty()
            && matches!(judge(cx.facts(), &outer, &outer_walks).verdict, Verdict::Snapshot { .. } | Verdict::Report(_))
    })
}

/// Wraps every walk of the container in this header, and in the headers of loops inside that meet its changes too.
fn snapshot<'t>(cx: &Context<'t>, a_loop: &Loop<'t>, same: &[Walk<'t>], mut but: Vec<String>) -> Repair {
    let scope = cx.facts().scopes().scope_of(same[0].site);
    match cx.facts().scopes().lookup("list", scope) {
        Resolution::Builtin => {}
        Resolution::Unknown => but.push("a star import may have brought another `list`".to_string()),
        Resolution::Variable(_) => {
            return Repair::None { because: "`list` is something else here; walk a copy made in another way".to_string() };
        }
    }
    let mut sites: Vec<_> = same.iter().map(|walk| walk.site).collect();
    for inner in a_loop.inner() {
        let inner_walks: Vec<_> = walks(cx.facts(), &inner).into_iter().filter(|walk| walk.walked == same[0].walked).collect();
        if inner_walks.is_empty() {
            continue;
        }
        if let Verdict::Snapshot { but: more } = judge(cx.facts(), &inner, &inner_walks).verdict {
            sites.extend(inner_walks.iter().map(|walk| walk.site));
            but.extend(more.into_iter().filter(|reason| !but.contains(reason)).collect::<Vec<_>>());
        }
    }
    let span = a_loop.span();
    let start = sites.iter().map(|site| site.start()).fold(span.start, usize::min);
    Repair::Fix(Fix {
        title: format!("Walk a snapshot: `list({})`", shown(same[0].site)),
        tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
        edits: sites.iter().flat_map(|site| [Edit::insert(site.start(), "list("), Edit::insert(site.end(), ")")]).collect(),
        imports: Vec::new(),
        span: start..span.end,
    })
}

/// What is so: "this loop walks `jobs` while line 5 removes from it".
fn message<'t>(cx: &Context<'t>, same: &[Walk<'t>], judgement: &Judgement<'t>) -> String {
    let container = shown(same[0].container);
    let Some(change) = judgement.changes.first() else {
        return format!("this loop walks `{container}` while other tasks run");
    };
    let line = line(cx, change.node);
    let verb = verb(change.does);
    match change.through {
        Some(function) => format!("this loop walks `{container}` while `{function}`, called on line {line}, {verb} it"),
        None => format!("this loop walks `{container}` while line {line} {verb} it"),
    }
}

/// The number of the line that a node starts on, from 1.
fn line(cx: &Context<'_>, node: Node<'_>) -> usize {
    cx.source.line(node.start()) + 1
}

fn verb(does: Does) -> &'static str {
    match does {
        Does::RemovesOwn | Does::RemovesAt | Does::RemovesOther => "removes from",
        Does::Empties => "empties",
        Does::Stores | Does::Adds | Does::Grows => "adds to",
        Does::Reads => "reads, and so may add to,",
        Does::Replaces | Does::Reorders => "changes",
    }
}

/// What the judgement rests on: the kind of the container, then each change.
fn notes<'t>(same: &[Walk<'t>], judgement: &Judgement<'t>) -> Vec<Note> {
    let container = shown(same[0].container);
    let kind = judgement.evidence.map(|evidence| Note {
        range: evidence.shown_by.range(),
        text: format!("this shows that `{container}` is {}", noun(evidence.kind)),
        certainty: evidence.certainty,
    });
    let change = |change: &Change<'t>| Note {
        range: change.node.range(),
        text: match change.through {
            Some(function) => format!("`{function}` {} `{container}`", verb(change.does)),
            None => format!("this {} `{container}`", verb(change.does)),
        },
        certainty: Certainty::Known,
    };
    kind.into_iter().chain(judgement.changes.iter().map(change)).collect()
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Dict => "a dict",
        Kind::DefaultDict => "a defaultdict",
        Kind::List => "a list",
        Kind::Set => "a set",
        Kind::Deque => "a deque",
        _ => "something else",
    }
}

/// The text of an expression for a message: on one line, and not long.
fn shown(node: Node<'_>) -> String {
    let text = node.text().split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > 40 { "...".to_string() } else { text }
}
