//! Edits change what they name and nothing else, and the way back to the original is known for every byte.

use mlfix::engine::edit::{Edit, apply};
use mlfix::engine::origin::Origin;
use mlfix::engine::source::SourceFile;

use crate::choice;

/// Applies up to three rounds of up to eight edits to a text.
pub fn edits(mut data: &[u8]) {
    let mut rounds = Vec::new();
    for _ in 0..=choice(&mut data, 3) {
        let raw: Vec<[usize; 3]> =
            (0..choice(&mut data, 9)).map(|_| [choice(&mut data, 24), choice(&mut data, 12), choice(&mut data, 7)]).collect();
        rounds.push(raw);
    }
    let original = data.to_vec();
    let mut text = original.clone();
    let mut origin = Origin::untouched(text.len());
    for round in rounds {
        let edits = placed(&round, &text);
        let after = apply(&text, &edits);
        assert_eq!(after, by_hand(&text, &edits), "another text");
        origin = origin.after(&edits);
        text = after;
        follows(&original, &text, &origin);
    }
    if let Ok(source) = SourceFile::new(original) {
        line_ends(&source);
    }
}

/// Sorted edits that do not overlap: bytes to skip, bytes to take out, and which text to put in.
fn placed(raw: &[[usize; 3]], text: &[u8]) -> Vec<Edit> {
    const TEXTS: [&str; 7] = ["", "x", "\n", "with f:\n", "\r\n", "    ", "é"];
    let mut at = 0;
    let mut edits = Vec::new();
    for &[skipped, length, new] in raw {
        let start = (at + skipped).min(text.len());
        let end = (start + length).min(text.len());
        edits.push(Edit::replace(start..end, TEXTS[new]));
        at = end;
    }
    edits
}

/// The same from the last edit to the first, one at a time.
fn by_hand(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut text = text.to_vec();
    for edit in edits.iter().rev() {
        text.splice(edit.range.clone(), edit.text.iter().copied());
    }
    text
}

/// A byte that stems from the original is the byte that stood there, in the same order; the changes explain the rest.
fn follows(original: &[u8], text: &[u8], origin: &Origin) {
    let mut last = None;
    for (now, byte) in text.iter().enumerate() {
        if let Some(place) = origin.range(&(now..now + 1)) {
            assert_eq!(original[place.start], *byte, "byte {now} stood at {}", place.start);
            assert!(last < Some(place.start), "bytes are out of order");
            last = Some(place.start);
        }
    }
    let mut rebuilt: Vec<u8> = Vec::new();
    let mut at = 0;
    for change in origin.changes(original.len(), text.len()) {
        rebuilt.extend(&original[at..change.original.start]);
        rebuilt.extend(&text[change.now]);
        at = change.original.end;
    }
    rebuilt.extend(&original[at..]);
    assert_eq!(rebuilt, text, "the changes make another text");
}

/// Text with the line ends of its place has no others, and is otherwise the same.
fn line_ends(source: &SourceFile) {
    for line in 0..source.line_count() {
        let at = source.line_range(line).start;
        let edit = Edit::insert(at, "a\nb\n").with_newlines_of(source);
        let newline = source.newline_at(at);
        assert_eq!(edit.text, format!("a{newline}b{newline}").into_bytes(), "other line ends");
    }
}
