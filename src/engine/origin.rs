//! Where a place of the text after some rounds of fixes stood in the original.

use std::ops::Range;

use super::edit::Edit;

/// A run of bytes that no edit has replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    now: usize,
    original: usize,
    length: usize,
}

/// The runs of the current text that stem from the original, in order. All offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    runs: Vec<Run>,
}

impl Origin {
    /// The map of a text of this length that nobody has edited.
    pub fn untouched(length: usize) -> Self {
        Self { runs: vec![Run { now: 0, original: 0, length }] }
    }

    /// The map after `edits`, which are sorted and do not overlap.
    #[must_use]
    pub fn after(&self, edits: &[Edit]) -> Self {
        let mut runs = Vec::with_capacity(self.runs.len() + edits.len());
        let mut shift = 0_isize;
        let mut edits = edits.iter().peekable();
        for run in &self.runs {
            let (mut at, end) = (run.now, run.now + run.length);
            let mut keep = |from: usize, to: usize, shift: isize| {
                if from < to {
                    runs.push(Run {
                        now: from.checked_add_signed(shift).expect("edits do not delete what stands before the text"),
                        original: run.original + (from - run.now),
                        length: to - from,
                    });
                }
            };
            while let Some(edit) = edits.peek() {
                if edit.range.start >= end && !(edit.range.start == end && edit.range.is_empty()) {
                    break;
                }
                keep(at, edit.range.start.clamp(at, end), shift);
                at = at.max(edit.range.end.min(end));
                if edit.range.end > end {
                    break;
                }
                shift += edit.text.len().cast_signed() - edit.range.len().cast_signed();
                edits.next();
            }
            keep(at, end, shift);
        }
        Self { runs }
    }

    /// The place in the original; none when the byte at the start was put there by a fix.
    pub fn range(&self, now: &Range<usize>) -> Option<Range<usize>> {
        let run = self.runs.iter().find(|run| run.now <= now.start && now.start < run.now + run.length)?;
        let start = run.original + (now.start - run.now);
        Some(start..self.boundary(now.end).max(start))
    }

    /// The place in the original that an edit of the current text replaces: what is left there of the original.
    pub fn replaced(&self, now: &Range<usize>) -> Range<usize> {
        let start = self.boundary(now.start);
        start..self.boundary(now.end).max(start)
    }

    /// A position between two bytes.
    fn boundary(&self, now: usize) -> usize {
        let after = self.runs.partition_point(|run| run.now <= now);
        after.checked_sub(1).map_or(0, |index| {
            let run = self.runs[index];
            run.original + (now - run.now).min(run.length)
        })
    }

    /// The places where the two texts differ, in order: the range of the original and what stands there now.
    pub fn changes(&self, original_length: usize, length: usize) -> Vec<Change> {
        let end = Run { now: length, original: original_length, length: 0 };
        let (mut now, mut original) = (0, 0);
        let mut changes = Vec::new();
        for run in self.runs.iter().chain([&end]) {
            let change = Change { original: original..run.original, now: now..run.now };
            if !(change.original.is_empty() && change.now.is_empty()) {
                changes.push(change);
            }
            (now, original) = (run.now + run.length, run.original + run.length);
        }
        changes
    }
}

/// One place where the text differs from the original: half-open byte ranges, of which one may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What stood there.
    pub original: Range<usize>,
    /// What stands there.
    pub now: Range<usize>,
}

impl Change {
    /// What went and what came, apart.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        let (gone, come) = (self.original.end, self.now.start);
        let removed = Self { original: self.original, now: come..come };
        let added = Self { original: gone..gone, now: self.now };
        [removed, added].into_iter().filter(|part| !(part.original.is_empty() && part.now.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_followed_through_edits() {
        // 0123456789 -> 01ab56789 -> XX01ab5678 9 deleted
        let origin = Origin::untouched(10).after(&[Edit::replace(2..5, "ab")]);
        assert_eq!(origin.range(&(4..6)), Some(5..7));
        assert_eq!(origin.range(&(2..4)), None);
        assert_eq!(origin.replaced(&(1..5)), 1..6);
        let origin = origin.after(&[Edit::insert(0, "XX"), Edit::replace(8..9, "")]);
        assert_eq!(origin.range(&(6..8)), Some(5..7));
        assert_eq!(origin.range(&(0..1)), None);
        assert_eq!(origin.replaced(&(0..0)), 0..0);
        let changes = origin.changes(10, 10).into_iter().map(|c| (c.original, c.now)).collect::<Vec<_>>();
        assert_eq!(changes, [(0..0, 0..2), (2..5, 4..6), (9..10, 10..10)]);
    }

    #[test]
    fn an_edit_may_span_earlier_edits() {
        let origin = Origin::untouched(6).after(&[Edit::insert(3, "new")]).after(&[Edit::replace(2..7, "-")]);
        assert_eq!(origin.range(&(3..4)), Some(4..5));
        assert_eq!(origin.changes(6, 5), [Change { original: 2..4, now: 2..3 }]);
    }
}
