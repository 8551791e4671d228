//! What many records come to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::record::{Class, Record, Status};

/// Counts of many repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many repositories came to what.
    pub statuses: BTreeMap<Status, usize>,
    /// How many failed for what kind of reason.
    pub classes: BTreeMap<Class, usize>,
    /// By transform.
    pub transforms: BTreeMap<String, OfTransform>,
    /// Files that would be changed.
    pub files: usize,
}

/// Counts of one transform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfTransform {
    /// Safe fixes.
    pub safe: usize,
    /// Fixes that are right in the common case.
    pub risky: usize,
    /// Findings that stay.
    pub left: usize,
    /// Repositories that it changes.
    pub repositories: usize,
}

impl Sum {
    /// Counts one more repository.
    pub fn add(&mut self, record: &Record) {
        self.add_status(record.status, record.class);
        self.files += record.changes().len();
        for step in &record.steps {
            let sum = self.transforms.entry(step.transform.clone()).or_default();
            sum.safe += step.safe;
            sum.risky += step.risky;
            sum.repositories += 1;
        }
        for (transform, findings) in &record.findings {
            self.transforms.entry(transform.clone()).or_default().left += findings.left;
        }
    }

    /// Counts one of which only this is known.
    pub fn add_status(&mut self, status: Status, class: Option<Class>) {
        *self.statuses.entry(status).or_default() += 1;
        if let Some(class) = class {
            *self.classes.entry(class).or_default() += 1;
        }
    }

    /// How many repositories were counted.
    pub fn all(&self) -> usize {
        self.statuses.values().sum()
    }

    /// One sentence.
    pub fn line(&self) -> String {
        let of = |status| self.statuses.get(&status).copied().unwrap_or(0);
        let mut parts = Vec::new();
        let fixes: usize = self.transforms.values().map(|sum| sum.safe + sum.risky).sum();
        if of(Status::Changes) > 0 {
            let fixes = match fixes {
                0 => String::new(),
                fixes => format!(" ({} in {})", count(fixes, "fix", "fixes"), count(self.files, "file", "files")),
            };
            parts.push(format!("{} with changes{fixes}", of(Status::Changes)));
        }
        parts.push(format!("{} clean", of(Status::Clean)));
        if of(Status::OptedOut) > 0 {
            parts.push(format!("{} opted out", of(Status::OptedOut)));
        }
        if of(Status::Failed) > 0 {
            let mut classes = String::new();
            for (class, count) in &self.classes {
                let separator = if classes.is_empty() { "" } else { ", " };
                write!(classes, "{separator}{count} {}", class.name()).expect("a string takes all");
            }
            parts.push(format!("{} failed ({classes})", of(Status::Failed)));
        }
        format!("{}: {}.", count(self.all(), "repository", "repositories"), parts.join(", "))
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
