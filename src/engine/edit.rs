//! Edits, and the Python-aware verbs that make them.

use std::ops::Range;

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
}
