//! Putting a `with` around statements.

use std::ops::Range;

use crate::engine::edit::Edit;
use crate::engine::reindent::Run;
use crate::engine::source::SourceFile;
use crate::engine::syntax::Node;

/// The lines of a statement that stands alone on them; `None` when it shares them or has a comment.
pub(super) fn own_lines(source: &SourceFile, statement: Node<'_>) -> Option<Range<usize>> {
    let run = Run::new(source, statement, statement)?;
    let end = source.line_end(statement.end().saturating_sub(1));
    let bare = source.code()[statement.end()..end].trim().is_empty();
    bare.then_some(run.lines.start..end)
}

/// What goes when the statements from `first` to `last` go: their lines, and the blank lines above them where there are
/// blank lines below, too.
pub(super) fn removal(source: &SourceFile, lines: Range<usize>) -> Range<usize> {
    let is_blank = |line: usize| source.code()[source.line_range(line)].trim().is_empty();
    let mut first = source.line(lines.start);
    let below = source.line(lines.end.saturating_sub(1)) + 1;
    if below >= source.line_count() || is_blank(below) || first > 0 && deeper_above(source, first, below) {
        while first > 0 && is_blank(first - 1) {
            first -= 1;
        }
    }
    source.line_range(first).start..lines.end
}

/// Whether the code below leaves the block of the line, so that no blank line is needed between.
fn deeper_above(source: &SourceFile, line: usize, below: usize) -> bool {
    source.indent(source.line_range(below).start).len() < source.indent(source.line_range(line).start).len()
}

/// Edits that are not inside one of the ranges that go as a whole.
pub(super) fn outside(edits: Vec<Edit>, gone: &[Range<usize>]) -> Vec<Edit> {
    let kept = |edit: &Edit| !gone.iter().any(|range| range.start <= edit.range.start && edit.range.start < range.end);
    edits.into_iter().filter(kept).collect()
}
