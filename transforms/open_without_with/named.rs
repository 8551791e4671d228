//! `f = open(p)`, then uses of `f`.

use std::ops::Range;

use super::layout::{self, WIDTH};
use super::lifetime::{self, Birth, Ending, Lifetime, Refusal};
use super::{Verdict, comments, doubts, guarded, inline, inside, tier};
use crate::engine::edit::Edit;
use crate::engine::finding::Fix;
use crate::engine::reindent::Run;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;
use crate::semantics::handles::{Family, Opener, argument, positional};
use crate::semantics::scope::VariableId;

/// A statement `name = value`.
#[derive(Clone, Copy)]
pub(in crate::transforms) struct Opening<'t> {
    pub(in crate::transforms) statement: Node<'t>,
    pub(in crate::transforms) target: Node<'t>,
    pub(in crate::transforms) value: Node<'t>,
    /// The annotation of `name: T = value`.
    pub(in crate::transforms) annotation: Option<Node<'t>>,
}

/// The statement that binds a name, when it is `name = ..` and nothing more.
pub(in crate::transforms) fn opening(target: Node<'_>) -> Option<Opening<'_>> {
    let assignment = target.parent().filter(|parent| parent.is("assignment"))?;
    let statement = assignment.parent().filter(|parent| parent.is("expression_statement") && parent.is_statement())?;
    let value = assignment.child("right")?;
    let is_plain = assignment.child("left") == Some(target) && !value.is("assignment") && statement.only_child().is_some();
    is_plain.then_some(Opening { statement, target, value, annotation: assignment.child("type") })
}

/// The name that a statement gives to something that it opens.
pub(super) fn target_of_opening<'t>(cx: &Context<'t>, statement: Node<'t>) -> Option<Node<'t>> {
    let assignment = statement.only_child().filter(|child| child.is("assignment"))?;
    let found = opening(assignment.child("left").filter(|left| left.is("identifier"))?)?;
    calls(cx, found.value).is_some().then_some(found.target)
}

/// The calls that open, when every arm of an expression is one, in text order.
pub(super) fn calls<'t>(cx: &Context<'t>, value: Node<'t>) -> Option<Vec<Node<'t>>> {
    let mut pending = vec![value];
    let mut found = Vec::new();
    while let Some(node) = pending.pop() {
        let node = node.unparenthesized();
        if node.is("conditional_expression") {
            let arms: Vec<_> = node.named_children().collect();
            pending.extend([*arms.get(2)?, *arms.first()?]);
        } else {
            cx.facts().opener(node)?;
            found.push(node);
        }
    }
    Some(found)
}

pub(super) fn judge<'t>(cx: &Context<'t>, opener: &Opener<'t>, opening: &Opening<'t>) -> Verdict {
    let name = opening.target.text();
    let Some(calls) = calls(cx, opening.value) else {
        return Verdict::Left(format!("`{name}` is not always a file that is opened here"));
    };
    let Some(root) = cx.facts().scopes().variable_of(opening.target) else { return Verdict::Nothing };
    if let Some(verdict) = guarded::judge(cx, opener, opening, root) {
        return verdict;
    }
    if let Some(verdict) = inside::judge(cx, opener, opening, root) {
        return verdict;
    }
    let life = match lifetime::of(cx, Birth::at(opening.statement), root, true, opener.family) {
        Ok(life) => life,
        Err(Refusal::Left(because)) => return Verdict::Left(because),
        Err(Refusal::Report(because)) => return Verdict::report(format!("`{name}` may never be closed"), because),
    };
    // Have: name = open(..), and the statements that need it
    if life.ending == Ending::LastUse && calls.iter().any(|call| is_descriptor(cx, *call)) {
        return Verdict::Left("it is opened on a descriptor, which may belong to somebody else".to_string());
    }
    if let Ending::Finally { guard, close } = life.ending {
        return in_finally(cx, opener, opening, guard, close, life.doubts);
    }
    if lifetime::following(opening.statement).first().is_some_and(|next| life.ending == Ending::Closed(*next)) {
        return Verdict::Left("it is only created or truncated, and closed at once".to_string());
    }
    let message = match life.ending {
        Ending::Closed(_) => format!("`{name}` stays open when something raises before `{name}.close()`"),
        _ => format!("`{name}` is never closed"),
    };
    // One file per `with` is the rule; those opened one below the other share it.
    if let Some(leader) = leader(cx, opening.statement) {
        let group = group(cx, leader);
        if group.iter().any(|member| member.statement == opening.statement) && leader != opening.statement {
            return Verdict::Left(format!("the `with` of `{}` closes it, too", group[0].target.text()));
        }
    }
    let group = group(cx, opening.statement);
    let group = if group.is_empty() { vec![*opening] } else { group };
    let mut reasons: Vec<String> = doubts(cx, opener).into_iter().collect();
    reasons.extend(life.doubts.iter().cloned());
    if life.ending == Ending::LastUse
        && let Some(stream) = calls.iter().find_map(|call| written_through(cx, *call))
    {
        reasons.push(format!("what is still to be written to `{}` is written when the block ends", stream.text()));
    }
    if opener.family.is_file() {
        reasons.extend(calls.iter().find_map(|call| opened_again(cx, *call, &life)));
    }
    if opening.value.descendants().any(|node| node.is("line_continuation")) {
        return Verdict::report(message, "the call goes on behind a backslash".to_string());
    }
    match wrapped(cx, &group, &life, &mut reasons) {
        Ok((edits, span)) => {
            let title = format!("Open `{name}` in a `with` block");
            Verdict::Fix { message, fix: Fix { title, tier: tier(reasons), edits, imports: Vec::new(), span } }
        }
        Err(because) => Verdict::report(message, because),
    }
}

/// What to say when the same path is opened once more while this file is open today, and one of the two writes: what the
/// other finds there depends on when this one is closed.
fn opened_again<'t>(cx: &Context<'t>, call: Node<'t>, life: &Lifetime<'t>) -> Option<String> {
    let path_of = |call: Node<'t>| positional(call, 0).or_else(|| argument(call, "file"));
    let path = path_of(call)?.text();
    let owner = cx.facts().owner(call);
    let end = if life.ending == Ending::LastUse { owner.end() } else { life.last.end() };
    let text = cx.source.code();
    if !text[owner.start()..call.start()].contains(path) && !text[call.end()..end.max(call.end())].contains(path) {
        return None;
    }
    let is_reading = |call: Node<'t>| cx.facts().opener(call).is_some_and(|opener| inline::is_reading(&opener));
    let others = owner.descendants().filter(|node| node.is("call") && *node != call && node.end() <= end);
    // Have: with open(p) as f: .., which is closed by now
    let is_over = |node: Node<'t>| {
        let mut around = node.ancestors().filter(|around| around.is("with_statement"));
        node.end() <= call.start() && around.any(|with| !with.contains(call))
    };
    let same = others.filter(|node| !is_over(*node)).filter(|other| path_of(*other).is_some_and(|other| other.text() == path));
    let again = same.filter(|other| cx.facts().opener(*other).is_some()).find(|other| !is_reading(call) || !is_reading(*other));
    again.map(|other| {
        let number = cx.source.line(other.start()) + 1;
        format!("line {number} opens `{}`, too, and may do so while this is open today", super::short(path))
    })
}

/// Whether a call opens a descriptor instead of a path.
pub(super) fn is_descriptor<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    if argument(call, "closefd").is_some() {
        return true;
    }
    let Some(first) = positional(call, 0) else { return false };
    match first.kind() {
        "integer" => true,
        "call" => first.child("function").is_some_and(|f| {
            f.child("attribute").is_some_and(|name| name.text() == "fileno") || cx.facts().is_name(f, "os.open")
        }),
        "identifier" | "attribute" => {
            let name = first.child("attribute").unwrap_or(first).text();
            let is_named_so = ["fd", "fileno", "fno"].contains(&name) || name.ends_with("_fd") || name.starts_with("fd_");
            let bound = cx.facts().scopes().variable_of(first).is_some_and(|id| {
                let variable = cx.facts().scopes().variable(id);
                variable.bindings.iter().any(|binding| {
                    let statement = binding.node.statement().map_or("", Node::text);
                    ["os.open(", "mkstemp(", "pipe(", ".fileno("].iter().any(|call| statement.contains(call))
                })
            });
            is_named_so || bound
        }
        _ => false,
    }
}

/// The buffer or file that an archive or a compressed file writes to, when it is given one instead of a path.
fn written_through<'t>(cx: &Context<'t>, call: Node<'t>) -> Option<Node<'t>> {
    let mode = positional(call, 1).or_else(|| argument(call, "mode"))?;
    let stream = argument(call, "fileobj").or_else(|| positional(call, 0)).or_else(|| argument(call, "file"))?;
    let id = cx.facts().scopes().variable_of(stream).filter(|_| mode.text().contains(['w', 'a', 'x']))?;
    let is_stream = |value: Node<'t>| {
        let name = cx.facts().called_name(value).map(|name| name.join("."));
        name.is_some_and(|name| ["io.BytesIO", "io.StringIO"].contains(&name.as_str())) || cx.facts().opener(value).is_some()
    };
    let bindings = &cx.facts().scopes().variable(id).bindings;
    bindings.iter().filter_map(|binding| binding.value).any(|value| is_stream(value.unparenthesized())).then_some(stream)
}

/// The first of the openings that stand directly above a statement, and the statement itself, without other code between.
fn leader<'t>(cx: &Context<'t>, statement: Node<'t>) -> Option<Node<'t>> {
    let above = std::iter::successors(Some(statement), |node| node.previous_sibling());
    let above = above.filter(|node| node.is_named() && !node.is("comment"));
    let mut candidates: Vec<_> = above.take_while(|sibling| plain(cx, *sibling).is_some()).collect();
    candidates.reverse();
    // An opening that joins the group of one above leads none itself.
    let mut led = Vec::new();
    for candidate in candidates {
        if led.contains(&candidate) {
            continue;
        }
        let members: Vec<_> = group(cx, candidate).iter().map(|member| member.statement).collect();
        if members.contains(&statement) {
            return Some(candidate);
        }
        led.extend(members);
    }
    None
}

/// An opening without comment and annotation: on one line, or where a `with` may have brackets, on several.
fn plain<'t>(cx: &Context<'t>, statement: Node<'t>) -> Option<Opening<'t>> {
    let opening = opening(target_of_opening(cx, statement)?)?;
    let is_long = |node: Node<'t>| cx.source.line(node.start()) != cx.source.line(node.end());
    let is_fixed = |part: Node<'t>| part.is_any(&["comment", "line_continuation"]) || part.is("string") && is_long(part);
    let movable = || cx.target.has_parenthesized_with() && !statement.descendants().any(is_fixed);
    let fits = !is_long(statement) || movable();
    let bare = wrap::own_lines(cx.source, statement).is_some();
    let is_database = cx.facts().opener(opening.value).is_some_and(|opener| opener.family == Family::Database);
    (fits && bare && !is_database && opening.annotation.is_none() && opening.value.is("call")).then_some(opening)
}

/// The openings that share a `with` with `first`, itself included: they follow each other and end together.
/// Empty when there is only one.
fn group<'t>(cx: &Context<'t>, first: Node<'t>) -> Vec<Opening<'t>> {
    let Some(opening) = plain(cx, first) else { return Vec::new() };
    let Some(life) = life_of(cx, &opening) else { return Vec::new() };
    let mut members = vec![opening];
    for sibling in lifetime::following(first) {
        let Some(next) = plain(cx, sibling) else { break };
        let above = members[members.len() - 1].statement.end();
        if cx.source.code()[above..sibling.start()].contains('#') {
            break;
        }
        let Some(other) = life_of(cx, &next) else { break };
        let closes_together = match (life.ending, other.ending) {
            (Ending::Closed(_), Ending::Closed(_)) => {
                other.last <= life.last
                    && lifetime::following(first)
                        .iter()
                        .filter(|between| other.last < **between && **between <= life.last)
                        .all(|between| lifetime::closes(cx, *between).is_some())
            }
            (Ending::LastUse, Ending::LastUse) => other.last <= life.last,
            _ => false,
        };
        let names: Vec<&str> = members.iter().map(|member| member.target.text()).collect();
        let is_apart = !next.value.descendants().any(|node| node.is("identifier") && names.contains(&node.text()));
        let same_doubts = life.doubts.is_empty() && other.doubts.is_empty();
        if !closes_together || !is_apart || !same_doubts || names.contains(&next.target.text()) {
            break;
        }
        members.push(next);
    }
    let is_wide = is_wide(&header(cx, &members), cx.source.indent(first.start()));
    if members.len() < 2 || is_wide && !cx.target.has_parenthesized_with() { Vec::new() } else { members }
}

fn life_of<'t>(cx: &Context<'t>, opening: &Opening<'t>) -> Option<Lifetime<'t>> {
    let opener = cx.facts().opener(opening.value)?;
    let id = cx.facts().scopes().variable_of(opening.target)?;
    let life = lifetime::of(cx, Birth::at(opening.statement), id, true, opener.family).ok()?;
    (!is_descriptor(cx, opening.value)).then_some(life)
}

/// `with open(a) as x, open(b) as y:`.
fn header<'t>(cx: &Context<'t>, members: &[Opening<'t>]) -> Vec<u8> {
    let mut out = b"with ".to_vec();
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.extend(b", ");
        }
        out.extend(item(cx, member));
    }
    out.push(b':');
    out
}

/// Whether a header needs lines of its own for its items.
fn is_wide(header: &[u8], indent: &str) -> bool {
    header.contains(&b'\n') || header.len() + indent.len() > WIDTH
}

/// `open(a) as x` on lines of its own, which begin with `indent`.
fn item_below<'t>(cx: &Context<'t>, opening: &Opening<'t>, indent: &str, unit: &str) -> Vec<u8> {
    let (lead, tail) = super::enclosure(cx, opening.value);
    let behind = format!("{tail} as {},", opening.target.text());
    let value = layout::moved(cx, opening.value, None, indent.len() + unit.len() + lead.len(), behind.len());
    let mut lines = value.split_inclusive(|&byte| byte == b'\n');
    let mut out = [indent.as_bytes(), unit.as_bytes(), lead.as_bytes(), lines.next().unwrap_or_default()].concat();
    let hangs = out.trim_ascii_end().ends_with(b"(");
    for line in lines {
        out.extend_from_slice(if hangs { unit.as_bytes() } else { b"" });
        out.extend_from_slice(line);
    }
    out.extend_from_slice(behind.as_bytes());
    out
}

fn item<'t>(cx: &Context<'t>, opening: &Opening<'t>) -> Vec<u8> {
    let (lead, tail) = super::enclosure(cx, opening.value);
    let value = &cx.source.bytes()[opening.value.range()];
    [lead.as_bytes(), value, tail.as_bytes(), b" as ", opening.target.text().as_bytes()].concat()
}

/// The edits of a `with` around what follows the openings, and the run of statements that they speak of.
fn wrapped<'t>(
    cx: &Context<'t>,
    group: &[Opening<'t>],
    life: &Lifetime<'t>,
    reasons: &mut Vec<String>,
) -> Result<(Vec<Edit>, Range<usize>), String> {
    let source = cx.source;
    let (first, end) = (group[0], group[group.len() - 1]);
    let shares = || "it shares its line with other code".to_string();
    let opened = Run::new(source, first.statement, end.statement).ok_or_else(shares)?;
    let ids: Vec<VariableId> = group.iter().filter_map(|member| cx.facts().scopes().variable_of(member.target)).collect();
    let body: Vec<Node<'t>> =
        lifetime::following(end.statement).into_iter().filter(|statement| *statement <= life.last).collect();
    // The closes that end the region go: nothing but other closes stands behind them.
    let is_close = |statement: &&Node<'t>| lifetime::closes(cx, **statement).is_some();
    let tail = if matches!(life.ending, Ending::Closed(_)) { body.iter().rev().take_while(is_close).count() } else { 0 };
    let closing = &body[body.len() - tail..];
    let gone: Vec<Node<'t>> =
        closing.iter().copied().filter(|s| lifetime::closes(cx, *s).is_some_and(|id| ids.contains(&id))).collect();
    let stays: Vec<Node<'t>> = body.iter().copied().filter(|statement| !gone.contains(statement)).collect();
    let (Some(&body_first), Some(&body_last)) = (stays.first(), stays.last()) else { return Err(shares()) };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut edits = Vec::new();
    for close in &gone {
        let run = Run::new(source, *close, *close).ok_or_else(shares)?;
        let end = source.line_end(close.end().saturating_sub(1));
        let behind = source.code()[close.end()..end].trim();
        if behind.is_empty() {
            let comment_above = comments::about_closing(cx, run.lines.start);
            if comment_above {
                reasons.push("the comment above speaks of the close, which goes".to_string());
            }
            // Lines that go together go as one, with the blank lines around them.
            match ranges.last_mut() {
                Some(above) if above.end == run.lines.start => above.end = end,
                _ => ranges.push(run.lines.start..end),
            }
        } else {
            // Only the statement goes; its comment stays.
            let comment = close.end()
                + (source.code()[close.end()..].len()
                    - source.code()[close.end()..].trim_start_matches([' ', '\t', ';']).len());
            reasons.push("the comment behind the close speaks of a line that goes".to_string());
            edits.push(Edit::replace(close.start()..comment, ""));
        }
    }
    let ranges: Vec<Range<usize>> = ranges.into_iter().map(|lines| wrap::removal(source, lines)).collect();
    let run = Run::new(source, body_first, body_last).ok_or_else(shares)?;
    let last_line = source.line_end(life.last.end().saturating_sub(1));
    let until = if gone.is_empty() { run.lines.end } else { last_line.max(run.lines.end) };
    let run = run.with_lines(opened.lines.end..until);
    let unit = run.unit(source);
    let header_line = opened.lines.start..opened.lines.end;
    let ahead = gone.first().map_or(0..0, |close| comments::on_what_follows(cx, *close, life.last));
    let stays = |edit: &Edit| header_line.contains(&edit.range.start) || ahead.contains(&edit.range.start);
    edits.extend(wrap::outside(run.deeper(source, &unit), &ranges).into_iter().filter(|edit| !stays(edit)));
    edits.extend(ranges.iter().map(|range| Edit::replace(range.clone(), "")));
    edits.extend(blank_lines(cx, opened.lines.end).map(|range| Edit::replace(range, "")));
    edits.extend(opening_edits(cx, group, &run, &unit));
    reasons.extend(about_management(cx, first.statement, body_first.start()));
    if comments::behind(cx, first.statement).is_some_and(|comment| comment.contains("pragma")) {
        reasons.push("the pragma on this line would speak of the whole block".to_string());
    }
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    Ok((edits, first.statement.start()..life.last.end()))
}

/// The header of the `with`, in place of the openings.
pub(super) fn opening_edits<'t>(cx: &Context<'t>, group: &[Opening<'t>], run: &Run<'t>, unit: &str) -> Vec<Edit> {
    let source = cx.source;
    let first = &group[0];
    if group.len() > 1 {
        let end = group[group.len() - 1].statement;
        let mut text = header(cx, group);
        let indent = run.indent(source);
        if is_wide(&text, indent) {
            text = b"with (\n".to_vec();
            for member in group {
                text.extend([&item_below(cx, member, indent, unit)[..], b"\n"].concat());
            }
            text.extend([indent.as_bytes(), b"):"].concat());
        }
        return vec![Edit::replace(first.statement.start()..end.end(), text)];
    }
    let value = first.value;
    let name = first.target.text();
    let bare = value.is("conditional_expression");
    let (before, behind) = super::enclosure(cx, value);
    let mut lead = format!("with {before}");
    if let Some(annotation) = first.annotation {
        // The declaration keeps the type for whoever checks it.
        let text = &cx.source.code()[annotation.range()];
        lead = format!("{name}: {text}\n{}{lead}", run.indent(source));
    }
    let tail = format!("{behind} as {name}:");
    if cx.source.code()[value.range()].contains('\n') && !bare {
        let text = layout::head(cx, value, run.indent(source), unit, "with ".len() + before.len(), tail.len());
        return vec![Edit::replace(first.statement.range(), [lead.as_bytes(), &text, tail.as_bytes()].concat())];
    }
    vec![Edit::replace(first.statement.start()..value.start(), lead), Edit::replace(value.end()..first.statement.end(), tail)]
}

/// The blank lines that stand first in the new block.
pub(super) fn blank_lines(cx: &Context<'_>, start: usize) -> Option<Range<usize>> {
    let mut end = start;
    while end < cx.source.bytes().len() && cx.source.code()[end..cx.source.line_end(end)].trim().is_empty() {
        end = cx.source.line_end(end);
    }
    (end > start).then_some(start..end)
}

/// What to say when a comment between the opening and `until` explains why there is no `with`.
pub(super) fn about_management(cx: &Context<'_>, opening: Node<'_>, until: usize) -> Option<String> {
    let line = comments::on_management(cx, opening, until)? + 1;
    Some(format!("the comment in line {line} speaks of how the file is closed"))
}

/// `f = open(p)`, `try: ..`, `finally: f.close()`.
fn in_finally<'t>(
    cx: &Context<'t>,
    opener: &Opener<'t>,
    opening: &Opening<'t>,
    guard: Node<'t>,
    close: Node<'t>,
    more: Vec<String>,
) -> Verdict {
    let source = cx.source;
    let name = opening.target.text();
    let message = format!("`{name}` is closed by hand");
    let clause = close.parent().and_then(Node::parent);
    let Some(clause) = clause.filter(|clause| clause.is("finally_clause")) else { return Verdict::Nothing };
    let is_alone = close.parent().is_some_and(|block| block.only_child() == Some(close))
        && !clause.descendants().any(|node| node.is("comment"))
        && comments::behind(cx, close).is_none();
    if !is_alone {
        return Verdict::Left(format!("the `finally` closes `{name}`, and does more than that"));
    }
    let shares = || Verdict::report(message.clone(), "it shares its line with other code");
    let (Some(header), Some(whole)) = (Run::new(source, opening.statement, opening.statement), Run::new(source, guard, guard))
    else {
        return shares();
    };
    let clause_lines = source.line_start(clause.start())..source.line_end(close.end().saturating_sub(1));
    let has_more = guard.children().any(|child| child.is_any(&["except_clause", "else_clause"]));
    let between: Vec<Node<'t>> =
        lifetime::following(opening.statement).into_iter().filter(|statement| *statement < guard).collect();
    let mut edits = Vec::new();
    let unit;
    if has_more {
        // The handlers run before the file is closed: the whole `try` goes in, without its `finally`.
        let first = between.first().copied().unwrap_or(guard);
        let Some(run) = Run::new(source, first, guard) else { return shares() };
        let run = run.with_lines(header.lines.end..clause_lines.start);
        unit = run.unit(source);
        edits.extend(wrap::outside(run.deeper(source, &unit), &[clause_lines.start..whole.lines.end]));
        edits.push(Edit::replace(wrap::removal(source, clause_lines.clone()), ""));
        edits.extend(opening_edits(cx, &[*opening], &run, &unit));
    } else {
        let (Some(body), Some(colon)) = (guard.child("body"), guard.child_of_kind(":")) else { return Verdict::Nothing };
        let header_end = source.line_end(colon.start());
        let is_bare = source.code()[colon.end()..header_end].trim().is_empty();
        let Some(first) = body.named_children().next().filter(|_| is_bare) else { return shares() };
        let (base, inner) = (source.indent(guard.start()), source.indent(first.start()));
        let Some(step) = inner.strip_prefix(base) else { return shares() };
        unit = step.to_string();
        // The statements between move to where the body of the `try` stands already; blank lines before it go.
        let mut from = source.line_start(guard.start());
        if let (Some(&first), Some(&last)) = (between.first(), between.last()) {
            let Some(run) = Run::new(source, first, last) else { return shares() };
            let run = run.with_lines(header.lines.end..from);
            edits.extend(run.deeper(source, &unit));
        } else if source.code()[header.lines.end..from].trim().is_empty() {
            from = header.lines.end;
        } else {
            let Some(run) = Run::new(source, guard, guard) else { return shares() };
            let run = run.with_lines(header.lines.end..from);
            let moved = run.deeper(source, &unit);
            edits.extend(moved.into_iter().filter(|edit| edit.range.start < from));
        }
        edits.push(Edit::replace(from..header_end, ""));
        edits.push(Edit::replace(wrap::removal(source, clause_lines.clone()), ""));
        edits.extend(opening_edits(cx, &[*opening], &header, &unit));
    }
    let mut reasons: Vec<String> = doubts(cx, opener).into_iter().collect();
    reasons.extend(more);
    let body = guard.child("body").and_then(|body| body.named_children().next());
    reasons.extend(about_management(cx, opening.statement, body.map_or(guard.start(), Node::start)));
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let title = format!("Open `{name}` in a `with` block instead");
    let span = opening.statement.start()..guard.end();
    Verdict::Fix { message, fix: Fix { title, tier: tier(reasons), edits, imports: Vec::new(), span } }
}
