//! A report as bytes and back, for a later run on the same text.
//!
//! Numbers are LEB128, texts and lists begin with their length. Whatever the bytes, reading them gives a report or
//! nothing: offsets are held against the text that the report is about, ids against the suite.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::config::meta;
use crate::engine::driver::Report;
use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Left, Note, Outcome, Repair, Status, Tier};
use crate::engine::imports::Import;
use crate::engine::source::SourceFile;

/// The bytes of a report; empty when there is nothing in it. `None` when it is no pure function of the text: when
/// something went wrong, or something was fixed.
pub(super) fn encode(report: &Report) -> Option<Vec<u8>> {
    let Report { source, outcomes, left, mistakes, fixed, trouble } = report;
    if fixed.is_some() || trouble.is_some() {
        return None;
    }
    if outcomes.is_empty() && left.is_empty() && mistakes.is_empty() {
        return Some(Vec::new());
    }
    source.as_ref()?;
    let mut out = Writer(vec![u8::from(outcomes.is_empty() && mistakes.is_empty())]);
    out.list(outcomes, Writer::outcome)?;
    out.list(mistakes, |out, (at, what)| {
        out.number(*at);
        out.bytes(what.as_bytes());
        Some(())
    })?;
    out.list(left, |out, left| {
        out.bytes(left.transform.as_bytes());
        out.range(&left.range);
        out.bytes(left.because.as_bytes());
        Some(())
    })?;
    Some(out.0)
}

/// The report about `bytes` that was encoded. Without `with_left`, what was left alone may be missing.
pub(super) fn decode(encoded: &[u8], bytes: &[u8], with_left: bool) -> Option<Report> {
    let Some((&only_left, rest)) = encoded.split_first() else { return Some(Report::default()) };
    if only_left == 1 && !with_left {
        return Some(Report::default());
    }
    let mut reader = Reader { rest, most: bytes.len() };
    let outcomes = reader.list(Reader::outcome)?;
    let mistakes = reader.list(|reader| Some((reader.offset()?, reader.text()?)))?;
    let left = reader.list(|reader| Some(Left { transform: reader.id()?, range: reader.range()?, because: reader.text()? }))?;
    let source = Some(SourceFile::new(bytes.to_vec()).ok()?);
    reader.rest.is_empty().then_some(Report { source, outcomes, left, mistakes, fixed: None, trouble: None })
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn range(&mut self, range: &Range<usize>) {
        self.number(range.start);
        self.number(range.end);
    }

    fn list<T>(&mut self, items: &[T], mut put: impl FnMut(&mut Self, &T) -> Option<()>) -> Option<()> {
        self.number(items.len());
        items.iter().try_for_each(|item| put(self, item))
    }

    fn outcome(&mut self, outcome: &Outcome) -> Option<()> {
        let Outcome { transform, finding, status, round, origin, touched } = outcome;
        if *round != 0 || !touched.is_empty() {
            return None;
        }
        self.bytes(transform.as_bytes());
        match status {
            Status::Fixable => self.number(0),
            Status::NeedsUnsafe => self.number(1),
            Status::Report => self.number(2),
            Status::Suppressed { at } => {
                self.number(3);
                self.number(*at);
            }
            Status::Blocked { because } => {
                self.number(4);
                self.bytes(because.as_bytes());
            }
            Status::Applied | Status::Superseded { .. } | Status::Rejected { .. } | Status::NotWritten { .. } => return None,
        }
        self.range(origin.as_ref()?);
        let Finding { range, message, evidence, repair } = finding;
        self.range(range);
        self.bytes(message.as_bytes());
        self.list(evidence, |out, Note { range, text, certainty }| {
            out.range(range);
            out.bytes(text.as_bytes());
            out.number(usize::from(*certainty == Certainty::Known));
            Some(())
        })?;
        match repair {
            Repair::None { because } => {
                self.number(0);
                self.bytes(because.as_bytes());
            }
            Repair::Fix(Fix { title, tier, edits, imports, span }) => {
                match tier {
                    Tier::Safe => self.number(1),
                    Tier::Unsafe { because } => {
                        self.number(2);
                        self.bytes(because.as_bytes());
                    }
                }
                self.bytes(title.as_bytes());
                self.list(edits, |out, Edit { range, text }| {
                    out.range(range);
                    out.bytes(text);
                    Some(())
                })?;
                self.list(imports, |out, Import { module, name }| {
                    out.bytes(module.as_bytes());
                    out.bytes(name.as_bytes());
                    Some(())
                })?;
                self.range(span);
            }
        }
        Some(())
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// The greatest offset that there is in the text.
    most: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    fn offset(&mut self) -> Option<usize> {
        self.number().filter(|offset| *offset <= self.most)
    }

    fn range(&mut self) -> Option<Range<usize>> {
        let range = self.offset()?..self.offset()?;
        (range.start <= range.end).then_some(range)
    }

    fn id(&mut self) -> Option<&'static str> {
        meta(&self.text()?).map(|meta| meta.id)
    }

    fn list<T>(&mut self, mut get: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        // Each item takes a byte at least, so that a wrong count cannot ask for more memory than there are bytes.
        (count <= self.rest.len()).then(|| (0..count).map(|_| get(self)).collect())?
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let transform = self.id()?;
        let status = match self.number()? {
            0 => Status::Fixable,
            1 => Status::NeedsUnsafe,
            2 => Status::Report,
            3 => Status::Suppressed { at: self.offset()? },
            4 => Status::Blocked { because: self.text()? },
            _ => return None,
        };
        let origin = Some(self.range()?);
        let range = self.range()?;
        let message = self.text()?;
        let evidence = self.list(|reader| {
            let (range, text) = (reader.range()?, reader.text()?);
            let certainty = if reader.number()? == 1 { Certainty::Known } else { Certainty::Likely };
            Some(Note { range, text, certainty })
        })?;
        let repair = match self.number()? {
            0 => Repair::None { because: self.text()? },
            1 => self.fix(Tier::Safe)?,
            2 => {
                let because = self.text()?;
                self.fix(Tier::Unsafe { because })?
            }
            _ => return None,
        };
        let finding = Finding { range, message, evidence, repair };
        Some(Outcome { transform, finding, status, round: 0, origin, touched: Vec::new() })
    }

    fn fix(&mut self, tier: Tier) -> Option<Repair> {
        let title = self.text()?;
        let edits = self.list(|reader| Some(Edit { range: reader.range()?, text: reader.bytes()? }))?;
        let imports = self.list(|reader| Some(Import { module: lasting(&reader.text()?), name: lasting(&reader.text()?) }))?;
        Some(Repair::Fix(Fix { title, tier, edits, imports, span: self.range()? }))
    }
}

/// The text for as long as the program runs. Each is kept once: they are the modules and names that fixes import.
fn lasting(text: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return known;
    }
    let lasting: &'static str = Box::leak(text.into());
    known.insert(lasting);
    lasting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::driver::Trouble;
    use crate::report::samples;

    fn sample() -> Report {
        let suppressed = Status::Suppressed { at: 7 };
        let blocked = Status::Blocked { because: "syntax error at line 3".into() };
        let mut report = samples::report(vec![Status::Fixable, Status::NeedsUnsafe, Status::Report, suppressed, blocked]);
        report.left = vec![Left { transform: "mutable-default", range: 3..70, because: "größe".into() }];
        report.mistakes = vec![(5, "unknown id".into())];
        if let Repair::Fix(fix) = &mut report.outcomes[0].finding.repair {
            fix.imports = vec![Import { module: "typing", name: "Optional" }];
        }
        report
    }

    /// All of a report that can differ.
    fn parts(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
        let bytes = report.source.as_ref().map(|source| source.bytes().to_vec());
        (bytes, report.outcomes.clone(), report.left.clone(), report.mistakes.clone())
    }

    #[test]
    fn what_goes_in_comes_out() {
        let report = sample();
        let encoded = encode(&report).expect("a plain report");
        let decoded = decode(&encoded, samples::TEXT.as_bytes(), true).expect("right");
        assert_eq!(parts(&decoded), parts(&report));
        assert_eq!(encode(&samples::report(vec![])).as_deref(), Some(&b""[..]));

        let only_left = Report { outcomes: vec![], mistakes: vec![], ..sample() };
        let encoded = encode(&only_left).expect("a plain report");
        let decoded = |with_left| decode(&encoded, samples::TEXT.as_bytes(), with_left).expect("right");
        assert_eq!(parts(&decoded(true)), parts(&only_left));
        assert_eq!(parts(&decoded(false)), parts(&Report::default()));
    }

    #[test]
    fn what_is_no_function_of_the_text_stays_out() {
        for status in [Status::Applied, Status::Rejected { check: String::new() }] {
            assert_eq!(encode(&samples::report(vec![status])), None);
        }
        for trouble in [Trouble::Skipped("too slow".into()), Trouble::Failed("panic".into())] {
            assert_eq!(encode(&Report { trouble: Some(trouble), ..Report::default() }), None);
        }
    }

    #[test]
    fn damaged_bytes_give_nothing_or_a_report_within_the_text() {
        let encoded = encode(&sample()).expect("a plain report");
        let text = samples::TEXT.as_bytes();
        for end in 1..encoded.len() {
            assert!(decode(&encoded[..end], text, true).is_none(), "{end}");
        }
        for at in 0..encoded.len() {
            for change in [1, 0x80, 0xff] {
                let mut damaged = encoded.clone();
                damaged[at] ^= change;
                let Some(report) = decode(&damaged, text, true) else { continue };
                for outcome in &report.outcomes {
                    let range = &outcome.finding.range;
                    assert!(range.start <= range.end && range.end <= text.len());
                }
            }
        }
        assert!(decode(&encoded, &text[..30], true).is_none(), "the text is too short for these offsets");
    }
}
