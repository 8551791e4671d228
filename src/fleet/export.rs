//! The changes of a repository as files that any git can take, for forges that mlfix does not speak to.

use std::fmt::Write as _;

use super::record::{Record, Step};
use super::sum::count;
use crate::config::meta;

/// All changes as one patch for `git apply`, in which a file that two transforms change stands twice.
pub fn patch(record: &Record) -> Vec<u8> {
    record.steps.iter().flat_map(|step| &step.edits).flat_map(|edit| &edit.diff).copied().collect()
}

/// One mail for each transform, for `git am --keep-cr`, which makes a commit of each. `author` is `Name <address>`.
pub fn mbox(record: &Record, author: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let count = record.steps.len();
    for (index, step) in record.steps.iter().enumerate() {
        let (subject, body) = message(step);
        let number = index + 1;
        // The date of a mail in a box is no date; git-format-patch(1) always writes this one.
        let head = format!(
            "From {} Mon Sep 17 00:00:00 2001\nFrom: {author}\nSubject: [PATCH {number}/{count}] {subject}\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n---\n\n",
            record.base_sha.as_deref().unwrap_or_default()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend(step.edits.iter().flat_map(|edit| &edit.diff));
        out.extend_from_slice(b"-- \nmlfix\n\n");
    }
    out
}

/// Subject and body of a commit that holds one step.
pub fn message(step: &Step) -> (String, String) {
    let id = &step.transform;
    let files = count(step.edits.len(), "file", "files");
    let subject = format!("mlfix: {id} in {files}");
    let mut body = String::new();
    if let Some(meta) = meta(id) {
        writeln!(body, "Repairs code that {}.\n\n{}\n", lower(meta.summary), meta.why).expect("a string takes all");
    }
    let fixes = match (step.safe, step.risky) {
        (safe, 0) => format!("{}, safe: every run that was right before gives the same result.", count(safe, "fix", "fixes")),
        (safe, risky) => format!(
            "{safe} safe and {risky} unsafe: an unsafe fix is right in the common case, and somebody who knows the code should \
             look at it."
        ),
    };
    body.push_str(&fixes);
    (subject, body)
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
