//! What goes and what stays when a `with` takes the place of lines that closed or released something.

use std::ops::Range;

use super::edit::Edit;
use super::reindent::Run;
use super::source::SourceFile;
use super::syntax::Node;

/// The lines of a statement that stands alone on them; `None` when it shares them or has a comment.
pub fn own_lines(source: &SourceFile, statement: Node<'_>) -> Option<Range<usize>> {
    let run = Run::new(source, statement, statement)?;
    let end = source.line_end(statement.end().saturating_sub(1));
    let bare = source.code()[statement.end()..end].trim().is_empty();
    bare.then_some(run.lines.start..end)
}

/// What goes when these lines go: with blank lines above them where blank lines, the end of the block or the end of the
/// file come below.
pub fn removal(source: &SourceFile, lines: Range<usize>) -> Range<usize> {
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
pub fn outside(edits: Vec<Edit>, gone: &[Range<usize>]) -> Vec<Edit> {
    let kept = |edit: &Edit| !gone.iter().any(|range| range.start <= edit.range.start && edit.range.start < range.end);
    edits.into_iter().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::edit::apply;
    use crate::engine::syntax::Tree;

    /// The text without the statement `x` and what goes with it.
    #[track_caller]
    fn without(text: &str) -> String {
        let source = SourceFile::new(text.into()).expect("text");
        let tree = Tree::parse(source.code());
        let statement = tree.root().descendants().find(|node| node.is_statement() && node.text() == "x").expect("x");
        match own_lines(&source, statement) {
            Some(lines) => {
                let edit = Edit::replace(removal(&source, lines), "");
                String::from_utf8(apply(source.bytes(), &[edit])).expect("text")
            }
            None => "refused".to_string(),
        }
    }

    #[test]
    fn blank_lines_go_where_nothing_needs_them() {
        assert_eq!(without("a\nx\nb\n"), "a\nb\n");
        assert_eq!(without("a\n\nx\nb\n"), "a\n\nb\n");
        assert_eq!(without("a\n\nx\n\nb\n"), "a\n\nb\n");
        assert_eq!(without("a\n\nx\n"), "a\n");
        assert_eq!(without("if c:\n    a\n\n    x\nb\n"), "if c:\n    a\nb\n");
    }

    #[test]
    fn shared_lines_do_not_go() {
        assert_eq!(without("a; x\n"), "refused");
        assert_eq!(without("x  # why\n"), "refused");
    }

    #[test]
    fn edits_in_what_goes_are_dropped() {
        let edits = vec![Edit::insert(0, "a"), Edit::insert(3, "b"), Edit::insert(5, "c")];
        assert_eq!(outside(edits, &[3..5]), [Edit::insert(0, "a"), Edit::insert(5, "c")]);
    }
}
