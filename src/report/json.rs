//! One JSON object for the run, written file by file: `{"version":1,"files":[...],"summary":{...}}`.
//!
//! All ranges are byte offsets into the text that was read, lines and columns are from 1, columns count characters.

use std::ops::Range;

use serde_json::{Value, json};

use super::place::place;
use super::{because, tier};
use crate::engine::driver::{Report, Trouble};
use crate::engine::finding::{Certainty, Outcome};
use crate::engine::source::SourceFile;

/// The entry of a file that was found but not looked into.
pub fn left_out(path: &str, because: &str) -> Value {
    json!({ "path": path, "findings": [], "skipped": because, "failed": null, "changed": false })
}

/// What comes before the first file.
pub const START: &str = "{\"version\":1,\"files\":[";

/// What comes behind the last file.
pub fn end(summary: &Value) -> String {
    format!("\n],\"summary\":{summary}}}\n")
}

/// The entry of a file, `None` when there is nothing to say. `name` is lossy where the path is no UTF-8.
pub fn file(name: &str, report: &Report, patch: Option<&[u8]>, with_left: bool, changed: bool) -> Option<Value> {
    let left = if with_left { report.left.as_slice() } else { &[] };
    if report.outcomes.is_empty() && left.is_empty() && report.mistakes.is_empty() && report.trouble.is_none() {
        return None;
    }
    let source = report.source.as_ref();
    let mut entry = json!({
        "path": name,
        "findings": report.outcomes.iter().map(|outcome| finding(source, outcome)).collect::<Vec<_>>(),
    });
    if with_left {
        let left = left.iter().map(|left| {
            let mut entry = json!({ "transform": left.transform });
            position(&mut entry, source, Some(&left.range));
            entry["because"] = json!(left.because);
            entry
        });
        entry["left"] = left.collect();
    }
    let mistakes = report.mistakes.iter().map(|(offset, message)| {
        let mut entry = json!({ "message": message });
        entry["line"] = json!(source.map(|source| place(source, *offset).line));
        entry
    });
    entry["mistakes"] = mistakes.collect();
    let (skipped, failed) = match &report.trouble {
        None => (None, None),
        Some(Trouble::Skipped(reason)) => (Some(reason), None),
        Some(Trouble::Failed(reason)) => (None, Some(reason)),
    };
    entry["skipped"] = json!(skipped);
    entry["failed"] = json!(failed);
    entry["changed"] = json!(changed);
    if let Some(patch) = patch {
        // JSON has no bytes; a patch that is no UTF-8 can only be had from `--diff` alone.
        entry["patch"] = json!(std::str::from_utf8(patch).ok());
    }
    Some(entry)
}

fn finding(source: Option<&SourceFile>, outcome: &Outcome) -> Value {
    let finding = &outcome.finding;
    let mut entry = json!({
        "transform": outcome.transform,
        "status": outcome.status.name(),
        "tier": tier(finding),
    });
    position(&mut entry, source, outcome.origin.as_ref());
    entry["message"] = json!(finding.message);
    entry["because"] = json!(because(finding));
    entry["title"] = match &finding.repair {
        crate::engine::finding::Repair::Fix(fix) => json!(fix.title),
        crate::engine::finding::Repair::None { .. } => Value::Null,
    };
    // The evidence of a later round stands in a text that nobody has.
    let evidence = finding.evidence.iter().map(|note| {
        let mut entry = json!({ "text": note.text });
        entry["certainty"] = json!(match note.certainty {
            Certainty::Likely => "likely",
            Certainty::Known => "known",
        });
        position(&mut entry, source, (outcome.round == 0).then_some(&note.range));
        entry
    });
    entry["evidence"] = evidence.collect();
    entry["round"] = json!(outcome.round);
    let edits = outcome.touched.iter().map(|range| {
        let lines = source.map(|source| {
            let last = range.end.saturating_sub(1).max(range.start);
            [place(source, range.start).line, place(source, last).line]
        });
        json!({ "start": range.start, "end": range.end, "lines": lines })
    });
    entry["edits"] = edits.collect();
    entry
}

fn position(entry: &mut Value, source: Option<&SourceFile>, range: Option<&Range<usize>>) {
    let places = source.zip(range).map(|(source, range)| (place(source, range.start), place(source, range.end)));
    entry["range"] = json!(range.map(|range| [range.start, range.end]));
    entry["line"] = json!(places.map(|(start, _)| start.line));
    entry["column"] = json!(places.map(|(start, _)| start.column));
    entry["end_line"] = json!(places.map(|(_, end)| end.line));
    entry["end_column"] = json!(places.map(|(_, end)| end.column));
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engine::finding::{Left, Status};

    #[test]
    fn a_file_has_all_that_is_known() {
        let mut report = samples::report(vec![Status::Applied, Status::Report]);
        report.left = vec![Left { transform: "mutable-default", range: 0..6, because: "no default".into() }];
        let entry = file("a.py", &report, Some(b"patch"), true, true).expect("something");
        assert_eq!(entry["findings"][0]["status"], "applied");
        assert_eq!(entry["findings"][0]["tier"], "safe");
        assert_eq!((entry["findings"][0]["line"].clone(), entry["findings"][0]["end_column"].clone()), (json!(4), json!(19)));
        assert_eq!(entry["findings"][0]["edits"], json!([{ "start": 28, "end": 30, "lines": [4, 4] }]));
        assert_eq!(entry["findings"][0]["evidence"][0]["certainty"], "known");
        assert_eq!(entry["findings"][1]["title"], Value::Null);
        assert_eq!(entry["left"][0]["because"], "no default");
        assert_eq!((entry["patch"].clone(), entry["changed"].clone()), (json!("patch"), json!(true)));

        let mut report = samples::report(vec![]);
        assert_eq!(file("a.py", &report, None, true, false), None);
        report.trouble = Some(Trouble::Skipped("syntax error at line 1".into()));
        let entry = file("a.py", &report, None, false, false).expect("something");
        assert_eq!(entry["skipped"], "syntax error at line 1");
        assert_eq!(entry.get("left"), None);
    }
}
