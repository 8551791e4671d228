//! Edits, and the Python-aware verbs that make them.

use std::ops::Range;

use super::source::SourceFile;

/// Bytes out, bytes in.
///
/// Text copied from the file is copied as bytes, because the file may be in a single-byte encoding. A bare `\n` in
/// `text` becomes the line end that the file uses where the edit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Half-open byte range that is replaced; empty for an insertion.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub text: Vec<u8>,
}

impl Edit {
    /// Replaces `range` by `text`.
    pub fn replace(range: Range<usize>, text: impl Into<Vec<u8>>) -> Self {
        Self { range, text: text.into() }
    }

    /// Puts `text` before the byte at `offset`.
    pub fn insert(offset: usize, text: impl Into<Vec<u8>>) -> Self {
        Self { range: offset..offset, text: text.into() }
    }

    /// The same edit with the line ends of the place where it stands.
    #[must_use]
    pub fn with_newlines_of(self, source: &SourceFile) -> Self {
        let newline = source.newline_at(self.range.start);
        if newline == "\n" || !self.text.contains(&b'\n') {
            return self;
        }
        let mut text = Vec::with_capacity(self.text.len() + 16);
        for line in self.text.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(body) => {
                    text.extend(body.strip_suffix(b"\r").unwrap_or(body));
                    text.extend(newline.as_bytes());
                }
                None => text.extend(line),
            }
        }
        Self { text, ..self }
    }
}

/// The bytes after `edits`, which are sorted and do not overlap.
pub fn apply(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        out.extend(&bytes[at..edit.range.start]);
        out.extend(&edit.text);
        at = edit.range.end;
    }
    out.extend(&bytes[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insertions_take_the_line_end_of_their_place() {
        let source = SourceFile::new(b"a\r\nb\nc".to_vec()).expect("text");
        let text = |at: usize| Edit::insert(at, "x\ny\r\nz").with_newlines_of(&source).text;
        assert_eq!(text(0), b"x\r\ny\r\nz");
        assert_eq!(text(3), b"x\ny\r\nz");
    }

    #[test]
    fn edits_are_applied_in_order() {
        let edits = [Edit::insert(0, "<"), Edit::replace(1..3, "-"), Edit::insert(4, "("), Edit::insert(4, ")")];
        assert_eq!(apply(b"abcd", &edits), b"<a-d()");
    }
}
