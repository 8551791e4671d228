//! The changes of a repository as files that any git can take, for forges that mlfix does not speak to.

use super::body::commit_message;
use super::record::Record;

/// All changes as one patch for `git apply`, in which a file that two transforms change stands twice.
pub fn patch(record: &Record) -> Vec<u8> {
    record.steps.iter().flat_map(|step| &step.edits).flat_map(|edit| &edit.diff).copied().collect()
}

/// One mail for each transform, for `git am --keep-cr`, which makes a commit of each. `author` is `Name <address>`.
pub fn mbox(record: &Record, author: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let count = record.steps.len();
    for (index, step) in record.steps.iter().enumerate() {
        let message = commit_message(step, &record.version);
        let (subject, body) = message.split_once('\n').unwrap_or((&message, ""));
        let number = index + 1;
        // The date of a mail in a box is no date; git-format-patch(1) always writes this one.
        let head = format!(
            "From {} Mon Sep 17 00:00:00 2001\nFrom: {author}\nSubject: [PATCH {number}/{count}] {subject}\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n{}\n---\n\n",
            record.base_sha.as_deref().unwrap_or_default(),
            body.trim()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend(step.edits.iter().flat_map(|edit| &edit.diff));
        out.extend_from_slice(b"-- \nmlfix\n\n");
    }
    out
}
