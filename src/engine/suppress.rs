//! Comments that ask for silence: `# mlfix: ignore[id]`, `# mlfix: ignore-file`, `# noqa: B006`, `# pylint: disable=..`.

use std::ops::Range;

use super::source::SourceFile;
use super::syntax::{Node, Tree};
use super::transform::Meta;

/// What one comment silences.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Words {
    /// `# noqa` without codes.
    Everything,
    /// Ids of transforms, or codes of other tools for the same thing.
    Names(Vec<String>),
}

/// Where a comment's silence holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// Its own line and, for a comment that stands alone, the line below.
    Line { alone: bool },
    /// From the comment to the end of its block, as pylint reads a comment that stands alone.
    Rest(Range<usize>),
    /// The file.
    File,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Silence {
    at: usize,
    line: usize,
    words: Words,
    reach: Reach,
}

/// All such comments of one text. They are read anew in each round, so they travel with their lines.
#[derive(Debug, Default)]
pub struct Suppressions {
    silences: Vec<Silence>,
    /// Byte offset of a comment of ours that cannot be understood, and what is wrong with it.
    pub mistakes: Vec<(usize, String)>,
}

impl Suppressions {
    /// Reads the comments of a file. `known` are the ids of all transforms.
    pub fn new(tree: &Tree, source: &SourceFile, known: &[&str]) -> Self {
        let mut all = Self::default();
        let text = tree.code().as_bytes();
        // The letter is the word's rarest in code.
        if ![("mlfix:", 4), ("noqa", 2), ("pylint:", 1)].iter().any(|(word, rare)| holds_ignoring_case(text, word, *rare)) {
            return all;
        }
        for comment in tree.root().descendants().filter(|node| node.is("comment")) {
            all.read(comment, source, known);
        }
        all
    }

    fn read(&mut self, comment: Node<'_>, source: &SourceFile, known: &[&str]) {
        let (at, line) = (comment.start(), source.line(comment.start()));
        let alone = source.code()[source.line_start(at)..at].trim().is_empty();
        let mut add = |words, reach| self.silences.push(Silence { at, line, words, reach });
        // One comment may speak to several tools: `# mlfix: ignore[mutable-default]  # noqa: E501`.
        for part in comment.text().split('#').map(str::trim).filter(|part| !part.is_empty()) {
            if let Some(rest) = part.strip_prefix("mlfix:") {
                match our_words(rest.trim(), known) {
                    Ok(None) => add(Words::Everything, Reach::File),
                    Ok(Some(ids)) => add(Words::Names(ids), Reach::Line { alone }),
                    Err(mistake) => self.mistakes.push((at, mistake)),
                }
                return;
            }
            let lower = part.to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("ruff: noqa").or_else(|| lower.strip_prefix("flake8: noqa")) {
                if alone {
                    add(noqa_words(rest), Reach::File);
                }
            } else if let Some(rest) = lower.strip_prefix("noqa") {
                if rest.is_empty() || rest.starts_with([':', ' ', '\t']) {
                    add(noqa_words(rest), Reach::Line { alone: false });
                }
            } else if let Some(names) = lower.strip_prefix("pylint:").and_then(|rest| rest.trim().strip_prefix("disable")) {
                let names = names.trim_start().trim_start_matches('=').split([',', ';']).map(|name| name.trim().to_string());
                let end = comment.parent().map_or(at, Node::end);
                add(Words::Names(names.collect()), if alone { Reach::Rest(at..end) } else { Reach::Line { alone } });
            }
        }
    }

    /// The offset of the comment that silences a finding of this transform at `range`.
    pub fn of(&self, range: &Range<usize>, meta: &Meta, tree: &Tree, source: &SourceFile) -> Option<usize> {
        if self.silences.is_empty() {
            return None;
        }
        let first = source.line(range.start);
        let statement = tree.covering(range.clone()).statement();
        let header = statement.map_or(first, |statement| source.line(header_end(statement).saturating_sub(1)));
        let above = statement.map_or(first, |statement| source.line(statement.start()));
        let speaks = |silence: &&Silence| {
            let reaches = match &silence.reach {
                Reach::File => true,
                Reach::Rest(rest) => rest.contains(&range.start),
                Reach::Line { alone } => {
                    silence.line == first
                        || silence.line == header
                        || *alone && (silence.line + 1 == first || silence.line + 1 == above)
                }
            };
            reaches && silence.words.name(meta)
        };
        self.silences.iter().find(speaks).map(|silence| silence.at)
    }
}

impl Words {
    fn name(&self, meta: &Meta) -> bool {
        match self {
            Self::Everything => true,
            Self::Names(names) => {
                names.iter().any(|name| name == meta.id || meta.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name)))
            }
        }
    }
}

/// Offset behind the part of a statement that stands before its block, or behind the statement.
fn header_end(statement: Node<'_>) -> usize {
    let definition = statement.child("definition").unwrap_or(statement);
    let block = definition.child("body").or_else(|| definition.child("consequence"));
    block
        .and_then(|block| definition.children().take_while(|child| child.id() < block.id()).filter(|c| c.is(":")).last())
        .map_or(statement.end(), Node::end)
}

/// `None` for `ignore-file`, else the ids between the brackets.
fn our_words(text: &str, known: &[&str]) -> Result<Option<Vec<String>>, String> {
    if text.split_whitespace().next() == Some("ignore-file") {
        return Ok(None);
    }
    let ids = text
        .strip_prefix("ignore[")
        .and_then(|rest| rest.split_once(']'))
        .map(|(ids, _)| ids.split(',').map(|id| id.trim().to_string()).filter(|id| !id.is_empty()).collect::<Vec<_>>())
        .filter(|ids| !ids.is_empty())
        .ok_or("write `# mlfix: ignore[id] reason`, with the id of a transform, or `# mlfix: ignore-file`")?;
    match ids.iter().find(|id| !known.contains(&id.as_str())) {
        Some(unknown) => Err(format!("`{unknown}` is no transform; `mlfix list` names them all")),
        None => Ok(Some(ids)),
    }
}

fn noqa_words(rest: &str) -> Words {
    match rest.trim_start().strip_prefix(':') {
        // Codes end at the first word that is none, as in flake8: `# noqa: B006 shared on purpose`.
        Some(codes) => Words::Names(
            codes
                .split([',', ' ', '\t'])
                .filter(|code| !code.is_empty())
                .take_while(|code| {
                    code.ends_with(|c: char| c.is_ascii_digit()) && code.starts_with(|c: char| c.is_ascii_alphabetic())
                })
                .map(str::to_string)
                .collect(),
        ),
        None => Words::Everything,
    }
}

/// Whether a word stands in the text, in whatever case. `rare` is the index of the letter to look for.
fn holds_ignoring_case(text: &[u8], word: &str, rare: usize) -> bool {
    let word = word.as_bytes();
    memchr::memchr2_iter(word[rare], word[rare].to_ascii_uppercase(), text)
        .filter_map(|at| at.checked_sub(rare))
        .any(|start| text[start..].get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    static META: Meta = Meta {
        id: "mutable-default",
        summary: "",
        why: "",
        aliases: &["B006", "dangerous-default-value"],
        anchors: &[],
        options: &[],
        tier: None,
        query: "",
        docs: "",
    };

    /// Whether a finding at the first `[]` of the text is silenced.
    #[track_caller]
    fn silenced(text: &str) -> bool {
        let source = SourceFile::new(text.into()).expect("text");
        let tree = Tree::parse(source.code());
        let at = text.find("[]").expect("a list");
        let all = Suppressions::new(&tree, &source, &["mutable-default"]);
        all.of(&(at..at + 2), &META, &tree, &source).is_some()
    }

    #[test]
    fn comments_speak_for_their_line_the_header_and_the_line_below() {
        assert!(silenced("def f(a=[]):  # mlfix: ignore[mutable-default] shared\n    pass\n"));
        assert!(silenced("def f(\n    a=[],\n    b=1,\n):  # noqa: B006\n    pass\n"));
        assert!(silenced("# mlfix: ignore[mutable-default]\ndef f(\n    b,\n    a=[],\n): pass\n"));
        assert!(silenced("def f(\n    # mlfix: ignore[mutable-default] why\n    a=[],\n): pass\n"));
        assert!(!silenced("def f(\n    a=[],\n    b=1,  # noqa: B006\n): pass\n"));
        assert!(!silenced("# noqa: B006\ndef f(a=[]): pass\n"));
        assert!(!silenced("def f(a=[]):\n    pass  # noqa\n"));
    }

    #[test]
    fn other_tools_words_are_understood() {
        for comment in ["# noqa", "# NOQA:B006", "# noqa: E501,B006", "# noqa: E501 B006", "# type: ignore  # noqa: B006"] {
            assert!(silenced(&format!("def f(a=[]): pass  {comment}\n")), "{comment}");
        }
        for comment in ["# noqa: E501", "# noqa: B006x", "# noqa: E501 not for B006", "# mlfix: ignore[b]", "# nope"] {
            assert!(!silenced(&format!("def f(a=[]): pass  {comment}\n")), "{comment}");
        }
        assert!(silenced("# ruff: noqa: B006\nx = 1\ndef f(a=[]): pass\n"));
        assert!(silenced("x = 1\ndef f(a=[]): pass\n# mlfix: ignore-file\n"));
        assert!(silenced("# pylint: disable=dangerous-default-value\nx = 1\ndef f(a=[]): pass\n"));
        assert!(silenced("def f(a=[]): pass  # pylint: disable=W0102,dangerous-default-value\n"));
        assert!(!silenced("def f(a=[]): pass\n# pylint: disable=dangerous-default-value\n"));
    }

    #[test]
    fn mistakes_are_named() {
        let mistakes = |text: &str| {
            let source = SourceFile::new(text.into()).expect("text");
            Suppressions::new(&Tree::parse(source.code()), &source, &["mutable-default"]).mistakes
        };
        assert!(mistakes("x = 1  # mlfix: ignore\n")[0].1.contains("ignore[id]"));
        assert!(mistakes("x = 1  # mlfix: ignore[mutable]\n")[0].1.contains("`mutable` is no transform"));
        assert!(mistakes("x = 1  # mlfix: ignore[mutable-default] why\n").is_empty());
    }
}
