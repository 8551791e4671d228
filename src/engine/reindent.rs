//! Moving a run of statements one level deeper, byte for byte the same otherwise.

use std::ops::Range;

use super::edit::Edit;
use super::source::SourceFile;
use super::syntax::Node;

/// Statements of one block that follow each other and share no line with other code.
#[derive(Clone, Debug)]
pub struct Run<'t> {
    /// The first statement.
    pub first: Node<'t>,
    /// The last statement; may be the first.
    pub last: Node<'t>,
    /// Half-open range of the whole lines that the statements stand on, line ends included. Comments behind the last
    /// statement that are indented deeper belong to what is nested in it.
    pub lines: Range<usize>,
}

impl<'t> Run<'t> {
    /// The run from `first` to `last`, two statements of one block.
    ///
    /// `None` when they are not, or when other code stands on the first or the last line: `x = 1; y = 2` where only one
    /// is meant, `if a: b()`, also where a backslash takes the rest to a line of its own. A `;` between two statements of the run is no hindrance.
    pub fn new(source: &SourceFile, first: Node<'t>, last: Node<'t>) -> Option<Self> {
        // The cases of a `match` stand in a block, and nothing else may.
        let one_block = first.is_statement() && !first.is("case_clause") && first.parent() == last.parent() && first <= last;
        let code = source.code();
        let start = source.line_start(first.start()).max(source.start());
        let end = source.line_end(last.end().saturating_sub(1).max(last.start()));
        let behind = code[last.end()..end.max(last.end())].trim_start_matches([';', ' ', '\t', '\x0c']);
        let alone = code[start..first.start()].trim().is_empty() && (behind.trim().is_empty() || behind.starts_with('#'));
        if !one_block || !alone || is_continued(first, &code[..start]) {
            return None;
        }
        let base = source.indent(first.start());
        let mut lines = start..end;
        let mut line = source.line(end.saturating_sub(1)) + 1;
        while line < source.line_count() {
            let range = source.line_range(line);
            let text = &code[range.clone()];
            let indent = source.indent(range.start);
            if text.trim_start().starts_with('#') && indent.len() > base.len() && indent.starts_with(base) {
                lines.end = range.end;
            } else if !text.trim().is_empty() {
                break;
            }
            line += 1;
        }
        Some(Self { first, last, lines })
    }

    /// The same run with more lines: comments and blank lines right before or behind its statements.
    #[must_use]
    pub fn with_lines(self, lines: Range<usize>) -> Self {
        Self { lines: self.lines.start.min(lines.start)..self.lines.end.max(lines.end), ..self }
    }

    /// The white space before its statements.
    pub fn indent(&self, source: &'t SourceFile) -> &'t str {
        source.indent(self.first.start())
    }

    /// By what one level goes deeper here: as something nested in the run does, else as its own block does, else as the
    /// first block of the file does, else a tab or four spaces. Tabs and spaces are not mixed where they are not yet, and
    /// more than eight columns are no level: such a block stands below a header of several lines.
    pub fn unit(&self, source: &SourceFile) -> String {
        let base = source.indent(self.first.start());
        let inside = self.statements().flat_map(Node::descendants).find_map(|block| step(source, block));
        let own = || self.first.parent().and_then(|block| step(source, block));
        let any = || self.first.tree().of_kind("block").find_map(|block| step(source, block));
        let fits = |unit: &&str| {
            if unit.len() > 8 {
                return false;
            }
            let plain = |c: char| base.chars().all(|b| b == c) && unit.chars().all(|u| u == c);
            plain(' ') || plain('\t') || base.contains(' ') && base.contains('\t')
        };
        let unit = inside.filter(fits).or_else(|| own().filter(fits)).or_else(|| any().filter(fits));
        unit.unwrap_or(if base.contains('\t') { "\t" } else { "    " }).to_string()
    }

    /// One insertion per line that moves: `unit` before everything but blank lines.
    ///
    /// What stands between the quotes of a string stays, f-strings' replacement fields included (`{x = }` shows its own
    /// white space), and so does a comment between statements that stands further left than they do.
    /// Continuation lines move with their statement.
    pub fn deeper(&self, source: &SourceFile, unit: &str) -> Vec<Edit> {
        self.line_starts(source).into_iter().map(|at| Edit::insert(at, unit)).collect()
    }

    /// Offsets at which the lines that move begin.
    fn line_starts(&self, source: &SourceFile) -> Vec<usize> {
        let code = source.code();
        let base = source.indent(self.first.start());
        let strings = self.strings();
        let left_out = self.stray_comments(source, base);
        let numbers = source.line(self.lines.start)..=source.line(self.lines.end.saturating_sub(1));
        let starts = numbers.filter_map(|number| {
            let line = source.line_range(number);
            let start = line.start.max(source.start());
            let text = &code[start..line.end];
            let within = strings.partition_point(|string| string.start < start);
            let in_string = within > 0 && start < strings[within - 1].end;
            let white = text.len() - text.trim_start_matches([' ', '\t', '\x0c']).len();
            // Python counts the indent from the last form feed on.
            let behind_feed = start + text[..white].rfind('\x0c').map_or(0, |at| at + 1);
            let is_fixed = in_string || text.trim().is_empty() || left_out.contains(&(start + white));
            (!is_fixed).then_some(behind_feed)
        });
        starts.collect()
    }

    /// The statements on the lines of the run, and the comments between them.
    fn statements(&self) -> impl Iterator<Item = Node<'t>> {
        let Range { start, end } = self.lines;
        let above = std::iter::successors(Some(self.first), |node| node.previous_sibling());
        let first = above.take_while(|node| start < node.end()).last();
        std::iter::successors(first, |node| node.next_sibling()).take_while(move |node| node.start() < end)
    }

    /// Ranges of the outermost strings, in text order.
    fn strings(&self) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for string in self.statements().flat_map(Node::and_descendants).filter(|node| node.is("string")) {
            if found.last().is_none_or(|outer| outer.end <= string.start()) {
                found.push(string.range());
            }
        }
        found
    }

    /// Where comments between statements stand that are not indented as far as the run.
    fn stray_comments(&self, source: &SourceFile, base: &str) -> Vec<usize> {
        let comments = self.statements().flat_map(Node::and_descendants).filter(|node| node.is("comment"));
        let strays = comments.filter(|comment| {
            let in_expression = comment.parent().is_some_and(|parent| {
                !parent.is_any(&["module", "block", "decorated_definition"])
                    && !["_statement", "_clause", "_definition"].iter().any(|end| parent.kind().ends_with(end))
                    || parent.is_any(&["expression_statement", "import_from_statement", "return_statement"])
            });
            !in_expression && !source.indent(comment.start()).starts_with(base)
        });
        strays.map(Node::start).collect()
    }
}

/// Whether a text ends with a backslash that takes what follows to the same logical line.
fn is_continued(first: Node<'_>, text: &str) -> bool {
    let Some(text) = text.trim_end_matches(['\r', '\n']).strip_suffix('\\') else { return false };
    !first.tree().root().descendants().any(|node| node.is("comment") && (node.start()..node.end()).contains(&text.len()))
}

/// By how much the statements of a block stand deeper than the line of the statement that holds it.
fn step<'s>(source: &'s SourceFile, block: Node<'_>) -> Option<&'s str> {
    let first = block.named_children().next().filter(|_| block.is("block"))?;
    let line = source.line_start(first.start());
    let alone = source.code()[line..first.start()].trim().is_empty();
    let header = block.parent()?;
    let inner = source.indent(first.start()).strip_prefix(source.indent(header.start()))?;
    (alone && !inner.is_empty()).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::edit::apply;
    use crate::engine::syntax::Tree;

    /// The text after the statements `range` of the first function's body have moved deeper.
    #[track_caller]
    fn moved(text: &str, range: Range<usize>) -> String {
        let source = SourceFile::new(text.into()).expect("text");
        let tree = Tree::parse(source.code());
        assert_eq!(tree.errors().count(), 0, "{text}");
        let block = tree.root().descendants().find(|node| node.is("block")).unwrap_or(tree.root());
        let statements: Vec<_> = block.named_children().collect();
        match Run::new(&source, statements[range.start], statements[range.end - 1]) {
            Some(run) => {
                let edits: Vec<_> = run.deeper(&source, &run.unit(&source));
                String::from_utf8(apply(source.bytes(), &edits)).expect("text")
            }
            None => "refused".to_string(),
        }
    }

    #[test]
    fn lines_move_as_they_are() {
        assert_eq!(moved("def f():\n  a\n\n  \n  b\n  c\n", 0..2), "def f():\n    a\n\n  \n    b\n  c\n");
        assert_eq!(moved("def f():\r\n\ta(1,\r\n2)\r\n\tb\r\n", 0..1), "def f():\r\n\t\ta(1,\r\n\t2)\r\n\tb\r\n");
        assert_eq!(moved("x = 1\nif a:\n\tb\n", 0..1), "x = 1\nif a:\n\t\tb\n");
        assert_eq!(moved("def f():\n    a = 1 + \\\n 2\n", 0..1), "def f():\n        a = 1 + \\\n     2\n");
        assert_eq!(
            moved("def f():\n    @d\n    def g(): pass\n    x", 0..2),
            "def f():\n        @d\n        def g(): pass\n        x"
        );
        assert_eq!(moved("def f():\n\x0c    a\n    b\n", 0..2), "def f():\n\x0c        a\n        b\n");
        assert_eq!(moved("\u{feff}a\nb\n", 0..2), "\u{feff}    a\n    b\n");
        // A comment ends where its line does.
        assert_eq!(moved("def f():\n    # \\\n    a\n", 0..1), "def f():\n    # \\\n        a\n");
    }

    #[test]
    fn strings_stay() {
        let text = "def f():\n    a = '''\n    x\n'''\n    b\n";
        assert_eq!(moved(text, 0..2), "def f():\n        a = '''\n    x\n'''\n        b\n");
        let text = "def f():\n    a = 'x\\\n    y'\n    b\n";
        assert_eq!(moved(text, 0..2), "def f():\n        a = 'x\\\n    y'\n        b\n");
        let text = "def f():\n    a = f'''{\n    x = }{'''q\n    '''}\n'''\n    b\n";
        assert_eq!(moved(text, 0..2), text.replace("    a =", "        a =").replace("    b", "        b"));
        let text = "def f():\n    a = ('x'\n    'y')\n";
        assert_eq!(moved(text, 0..1), "def f():\n        a = ('x'\n        'y')\n");
    }

    #[test]
    fn comments_move_with_their_block() {
        let text = "def f():\n    # above\n    a\n# left\n    # between\n    b(  # in\n # it\n    )\n    # below\n";
        let moved_text = "def f():\n    # above\n        a\n# left\n        # between\n        b(  # in\n     # it\n        )\n    # below\n";
        assert_eq!(moved(text, 0..2), moved_text);
        let text = "def f():\n    if a:\n        b\n        # nested\n\n    # below\n    c\n";
        let moved_text = "def f():\n        if a:\n            b\n            # nested\n\n    # below\n    c\n";
        assert_eq!(moved(text, 0..1), moved_text);
    }

    #[test]
    fn units_are_those_of_the_place() {
        assert_eq!(moved("def f():\n    if a:\n      b\n", 0..1), "def f():\n      if a:\n        b\n");
        assert_eq!(moved("if a:\n    b\n    if c:\n    \td\n", 0..1), "if a:\n        b\n    if c:\n    \td\n");
        assert_eq!(moved("x = 1\n", 0..1), "    x = 1\n");
        let text = "if a and\\\n   b:\n            c\n";
        assert_eq!(moved(text, 0..1), text.replace("            c", "                c"));
    }

    #[test]
    fn shared_lines_are_refused() {
        assert_eq!(moved("def f():\n    a; b\n    c\n", 0..1), "refused");
        assert_eq!(moved("def f():\n    a; b\n    c\n", 1..2), "refused");
        assert_eq!(moved("def f():\n    a; b\n    c\n", 0..2), "def f():\n        a; b\n    c\n");
        assert_eq!(moved("def f():\n    a;  # x\n    c\n", 0..1), "def f():\n        a;  # x\n    c\n");
        assert_eq!(moved("def f(): a\n", 0..1), "refused");
        assert_eq!(moved("def f(): \\\n    a; b\n", 0..2), "refused");
        assert_eq!(moved("match a:\n    case 1:\n        b\n", 0..1), "refused");
        assert_eq!(moved("def f():\n    a; \\\n    b\n", 1..2), "refused");
    }
}
