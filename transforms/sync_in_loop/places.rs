//! Where statements go that stand in front of a loop, or behind it.

use crate::engine::edit::Edit;
use crate::engine::source::SourceFile;
use crate::engine::syntax::Node;

/// Puts whole lines in front of a statement, above the comments that stand directly above it.
pub(in crate::transforms) fn before(source: &SourceFile, statement: Node<'_>, lines: &str) -> Edit {
    let column = source.indent(statement.start());
    let mut line = source.line(statement.start());
    while line > 0 {
        let above = &source.code()[source.line_range(line - 1)];
        let is_comment =
            above.trim_start().starts_with('#') && above.strip_prefix(column).is_some_and(|rest| rest.starts_with('#'));
        if !is_comment {
            break;
        }
        line -= 1;
    }
    Edit::insert(source.line_range(line).start, lines)
}

/// Puts whole lines behind a compound statement, below the comments that belong to its body.
///
/// Loops of an earlier round that read collected values stay above.
pub(super) fn behind(source: &SourceFile, statement: Node<'_>, lines: &str) -> Edit {
    let mut statement = statement;
    while let Some(following) = next_statement(statement).filter(|following| reads_collected(*following)) {
        statement = following;
    }
    let column = source.indent(statement.start()).len();
    let mut last = source.line(statement.end());
    if source.line_start(statement.end()) == statement.end() && last > 0 {
        last -= 1;
    }
    let mut line = last + 1;
    while line < source.line_count() {
        let text = &source.code()[source.line_range(line)];
        let indent = text.len() - text.trim_start().len();
        if text.trim().is_empty() {
        } else if text.trim_start().starts_with('#') && indent > column {
            last = line;
        } else {
            break;
        }
        line += 1;
    }
    let end = source.line_range(last).end;
    if source.code()[..end].ends_with('\n') {
        Edit::insert(end, lines)
    } else {
        Edit::insert(end, format!("\n{}", lines.strip_suffix('\n').unwrap_or(lines)))
    }
}

/// What an earlier round put there: `for value in loss_values: total += value.item()`,
/// `losses.extend(value.item() for value in loss_values)`, `if loss_values: losses.extend(..)`.
fn reads_collected(statement: Node<'_>) -> bool {
    let is_list = |name: Node<'_>| name.is("identifier") && name.text().ends_with("_values");
    let is_short = statement.text().lines().count() <= 2;
    if statement.is("if_statement") {
        return is_short && statement.child("condition").is_some_and(is_list) && statement.text().contains(".tolist()");
    }
    let header = statement.and_descendants().find(|node| node.is_any(&["for_statement", "for_in_clause"]));
    let reads = [".item()", "float(", "int(", "bool("].iter().any(|word| statement.text().contains(word));
    is_short
        && reads
        && statement.is_any(&["for_statement", "expression_statement"])
        && header.and_then(|header| header.child("right")).is_some_and(is_list)
}

fn next_statement(node: Node<'_>) -> Option<Node<'_>> {
    std::iter::successors(node.next_sibling(), |node| node.next_sibling()).find(|node| node.is_statement())
}
