//! Where something stands in the text that the reader has in front of them.

use std::ops::Range;

use similar::DiffOp;

use super::patch::Changes;
use crate::engine::source::{Encoding, SourceFile};

/// A line and a column, both from 1; columns count characters, as editors do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters. A byte order mark is no character.
    pub column: usize,
}

/// The place of a byte offset.
pub fn place(source: &SourceFile, offset: usize) -> Place {
    let offset = offset.min(source.bytes().len());
    let line = source.line(offset);
    let start = source.line_range(line).start.max(source.start()).min(offset);
    Place { line: line + 1, column: source.code()[start..offset].chars().count() + 1 }
}

/// A text, and where ranges of the original text stand in it.
///
/// After a file was written the reader has the new text, but findings are known by their place in the original.
pub struct View<'a> {
    source: &'a SourceFile,
    moved: Option<(&'a SourceFile, Vec<DiffOp>)>,
}

impl<'a> View<'a> {
    /// The reader has the original text.
    pub fn original(source: &'a SourceFile) -> Self {
        Self { source, moved: None }
    }

    /// The reader has the new text.
    pub fn rewritten(original: &'a SourceFile, new: &'a SourceFile) -> Self {
        let changes = Changes::between(original.bytes(), new.bytes());
        Self { source: new, moved: Some((original, changes.into_ops())) }
    }

    /// The text that the reader has.
    pub fn source(&self) -> &'a SourceFile {
        self.source
    }

    /// Where a range of the original stands, if none of its lines was changed.
    pub fn range(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let Some((original, ops)) = &self.moved else { return Some(range.clone()) };
        let (first, last) = lines(original.bytes(), range);
        ops.iter().find_map(|op| match *op {
            DiffOp::Equal { old_index, new_index, len } if old_index <= first && last < old_index + len => {
                let old = line_offset(original.bytes(), first);
                let new = line_offset(self.source.bytes(), new_index + (first - old_index));
                Some(range.start - old + new..range.end - old + new)
            }
            _ => None,
        })
    }

    /// The offset in the reader's text that is nearest to where a range of the original began.
    pub fn near(&self, range: &Range<usize>) -> usize {
        if let Some(found) = self.range(range) {
            return found.start;
        }
        let Some((original, ops)) = &self.moved else { return range.start };
        let (first, _) = lines(original.bytes(), range);
        let holds = |op: &&DiffOp| op.old_range().contains(&first);
        let line = ops.iter().find(holds).map_or(0, |op| match op {
            DiffOp::Equal { .. } => op.new_range().start + (first - op.old_range().start),
            _ => op.new_range().start,
        });
        line_offset(self.source.bytes(), line)
    }
}

/// The first and the last line of a range, from 0, where lines end at a line feed as in a patch.
pub fn lines(bytes: &[u8], range: &Range<usize>) -> (usize, usize) {
    let feeds = |end: usize| memchr::memchr_iter(b'\n', &bytes[..end.min(bytes.len())]).count();
    (feeds(range.start), feeds(range.end.saturating_sub(1).max(range.start)))
}

fn line_offset(bytes: &[u8], line: usize) -> usize {
    match line.checked_sub(1) {
        None => 0,
        Some(feed) => memchr::memchr_iter(b'\n', bytes).nth(feed).map_or(bytes.len(), |at| at + 1),
    }
}

/// Lines of a file as text for a person, with the way from byte offsets of the file to those of the text.
pub struct Excerpt {
    /// Lines that end with a line feed; nothing in it has an effect on a terminal.
    pub text: String,
    /// Number of the first line, from 1.
    pub first_line: usize,
    /// For each byte of the file from `start`: where it is in the text.
    offsets: Vec<u32>,
    start: usize,
}

impl Excerpt {
    /// The lines that hold any of the ranges, and all lines between them. No range: the first line.
    pub fn new(source: &SourceFile, ranges: &[Range<usize>]) -> Self {
        let end = source.bytes().len();
        let low = ranges.iter().map(|range| range.start).min().unwrap_or(0).min(end);
        let high = ranges.iter().map(|range| range.end.saturating_sub(1).max(range.start)).max().unwrap_or(0).min(end);
        let first = source.line(low);
        let span = source.line_range(first).start..source.line_end(high);
        let mut text = String::with_capacity(span.len() + 8);
        let mut offsets = Vec::with_capacity(span.len() + 1);
        let start = span.start;
        for (at, c) in source.code()[span].char_indices() {
            offsets.extend(std::iter::repeat_n(text.len() as u32, c.len_utf8()));
            match shown(source, start + at, c) {
                Some(c) if super::terminal::has_effect(c) && c != '\n' => text.push_str(&super::terminal::spelled(c)),
                Some(c) => text.push(c),
                None => {}
            }
        }
        offsets.push(text.len() as u32);
        Self { text, first_line: first + 1, offsets, start }
    }

    /// A range of the file in the text, cut off at its ends.
    pub fn range(&self, range: &Range<usize>) -> Range<usize> {
        let offset = |at: usize| self.offsets[at.saturating_sub(self.start).min(self.offsets.len() - 1)] as usize;
        offset(range.start)..offset(range.end).max(offset(range.start))
    }
}

/// The character at an offset as a person should see it; none for those that only belong to the file's form.
fn shown(source: &SourceFile, offset: usize, c: char) -> Option<char> {
    let byte = source.bytes()[offset];
    match source.encoding() {
        _ if c == '\r' && source.bytes().get(offset + 1) == Some(&b'\n') => None,
        Encoding::Utf8 { bom: true } if offset == 0 => None,
        Encoding::SingleByte(name) if !byte.is_ascii() => {
            // Latin-1 is the beginning of Unicode; the other tables are not worth their size here.
            let latin = matches!(name.as_str(), "latin-1" | "latin1" | "l1" | "latin" | "iso-8859-1" | "iso8859-1");
            Some(if latin { char::from(byte) } else { char::REPLACEMENT_CHARACTER })
        }
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> SourceFile {
        SourceFile::new(bytes.to_vec()).expect("readable")
    }

    #[test]
    fn columns_count_characters() {
        let source = file("a = 'é😀' + b\nc".as_bytes());
        let at = source.code().find('b').expect("there");
        assert_eq!(place(&source, at), Place { line: 1, column: 12 });
        assert_eq!(place(&source, source.bytes().len()), Place { line: 2, column: 2 });
        assert_eq!(place(&file(b"\xef\xbb\xbfx"), 3), Place { line: 1, column: 1 });
        assert_eq!(place(&file(b"# coding: latin-1\n'\xe9' x"), 22), Place { line: 2, column: 5 });
        assert_eq!(place(&file(b""), 0), Place { line: 1, column: 1 });
    }

    #[test]
    fn an_excerpt_shows_what_is_there_and_nothing_else() {
        let source = file(b"# coding: latin-1\r\ns = '\xe9\x1b' + t\r\nlast");
        let t = source.code().find('t').expect("there") + 17;
        let at = source.code().rfind("t\r").expect("there");
        assert!(t > 0);
        let excerpt = Excerpt::new(&source, &[at..at + 1]);
        assert_eq!((excerpt.text.as_str(), excerpt.first_line), ("s = 'é\\x1b' + t\n", 2));
        assert_eq!(&excerpt.text[excerpt.range(&(at..at + 1))], "t");
        assert_eq!(Excerpt::new(&file(b"\xef\xbb\xbfx = 1\n"), &[]).text, "x = 1\n");
        assert_eq!(Excerpt::new(&file(b""), std::slice::from_ref(&(0..0))).text, "");
    }

    #[test]
    fn places_move_with_their_lines() {
        let old = file(b"a\nb\nc\nd\n");
        let new = file(b"a\nx\ny\nc\nd\n");
        let view = View::rewritten(&old, &new);
        assert_eq!(view.range(&(4..5)), Some(6..7));
        assert_eq!(view.range(&(2..3)), None);
        assert_eq!(view.near(&(2..3)), 2);
        assert_eq!(view.near(&(6..7)), 8);
        assert_eq!(View::original(&old).range(&(2..3)), Some(2..3));
    }
}
