//! What a run comes to: counts, exit code, and the lines at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::tier;
use crate::config::rank;
use crate::engine::driver::{Report, Trouble};
use crate::engine::finding::Status;

/// Whether fixes are written, shown, or only announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Findings are reported.
    Check,
    /// A diff is shown.
    Show,
    /// Fixes are written, and perhaps shown too.
    Write,
}

/// Counts of one file or of many; [`add`](Self::add) puts two together.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Files and folders that were considered, by what they came to; each is in exactly one class: `clean`, `findings`,
    /// `changed` (or would be), `skipped`, `failed`. A folder counts where it was left out or could not be read.
    pub classes: BTreeMap<&'static str, usize>,
    /// Files that were read.
    pub files: usize,
    /// Files with findings that count.
    pub with_findings: usize,
    /// Files that were changed, or would be.
    pub changed: usize,
    /// How many findings there are, by transform, tier and status.
    pub findings: BTreeMap<(&'static str, &'static str, &'static str), usize>,
    /// Files and folders left out or not worked on, by reason.
    pub skipped: BTreeMap<String, usize>,
    /// How many of those stood on the command line.
    pub named_skipped: usize,
    /// What went wrong: files that could not be read or written, fixes that failed a check, crashes.
    pub errors: usize,
}

impl Tally {
    /// Counts what one file came to.
    pub fn of(report: &Report, named: bool, changed: bool) -> Self {
        let mut tally = Self { files: 1, changed: usize::from(changed), ..Self::default() };
        for outcome in &report.outcomes {
            let key = (outcome.transform, tier(&outcome.finding), outcome.status.name());
            *tally.findings.entry(key).or_default() += 1;
            // A result that fails verification is our own mistake, and so never passes in silence.
            tally.errors += usize::from(matches!(outcome.status, Status::Rejected { .. } | Status::NotWritten { .. }));
        }
        tally.with_findings = usize::from(tally.count(|status| status != "suppressed") > 0);
        let class = match &report.trouble {
            Some(Trouble::Skipped(reason)) => {
                tally.skip(reason, named);
                return tally;
            }
            Some(Trouble::Failed(_)) => {
                tally.errors += 1;
                "failed"
            }
            None if report.outcomes.iter().any(|outcome| matches!(outcome.status, Status::NotWritten { .. })) => "failed",
            None if changed => "changed",
            None if tally.with_findings > 0 => "findings",
            None => "clean",
        };
        tally.classes.insert(class, 1);
        tally
    }

    /// Counts a file or folder that was not worked on.
    pub fn skip(&mut self, reason: &str, named: bool) {
        *self.classes.entry("skipped").or_default() += 1;
        *self.skipped.entry(kind_of(reason)).or_default() += 1;
        self.named_skipped += usize::from(named);
    }

    /// Counts a file or folder that could not be read or worked on.
    pub fn fail(&mut self) {
        *self.classes.entry("failed").or_default() += 1;
        self.errors += 1;
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.with_findings += other.with_findings;
        self.changed += other.changed;
        self.named_skipped += other.named_skipped;
        self.errors += other.errors;
        for (class, count) in other.classes {
            *self.classes.entry(class).or_default() += count;
        }
        for (key, count) in other.findings {
            *self.findings.entry(key).or_default() += count;
        }
        for (key, count) in other.skipped {
            *self.skipped.entry(key).or_default() += count;
        }
    }

    /// 0: nothing remains; 1: findings remain; 2: something could not be done. Without Ctrl-C.
    pub fn exit_code(&self, deed: Deed, exit_zero: bool) -> u8 {
        if self.errors > 0 || self.named_skipped > 0 { 2 } else { u8::from(self.remaining(deed) > 0 && !exit_zero) }
    }

    fn count(&self, counts: impl Fn(&str) -> bool) -> usize {
        self.findings.iter().filter(|((_, _, status), _)| counts(status)).map(|(_, count)| count).sum()
    }

    fn remaining(&self, deed: Deed) -> usize {
        self.count(|status| match status {
            "suppressed" => false,
            "applied" | "superseded" => deed == Deed::Show,
            _ => true,
        })
    }

    /// The lines at the end of a run.
    pub fn lines(&self, deed: Deed) -> Vec<String> {
        let of = |wanted: &'static str| self.count(|status| status == wanted);
        let (fixable, needs_unsafe, applied) = (of("fixable"), of("needs-unsafe"), of("applied"));
        let (blocked, failed) = (of("blocked"), of("rejected") + of("not-written"));
        let mut kinds = Vec::new();
        let mut kind = |count: usize, what: &str| {
            if count > 0 {
                kinds.push(format!("{count} {what}"));
            }
        };
        kind(fixable, "fixable with `--fix`");
        kind(needs_unsafe, "fixable with `--unsafe-fixes`");
        kind(of("report"), "without a fix");
        kind(blocked, "in broken code");
        kind(failed, "whose fix failed");
        kind(of("suppressed"), "silenced by a comment");
        let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };

        let mut lines = Vec::new();
        let all = self.count(|status| status != "suppressed");
        match deed {
            Deed::Check if all == 0 => lines.push(format!("No findings in {}{kinds}.", files(self.files))),
            Deed::Check => {
                let where_ = format!("{} of {}", self.with_findings, files(self.files));
                lines.push(format!("{} in {where_}{kinds}.", findings(all)));
            }
            Deed::Show | Deed::Write => {
                let verb = if deed == Deed::Show { "Would fix" } else { "Fixed" };
                let rest = fixable + needs_unsafe + of("report") + blocked + failed;
                let where_ = format!("{} of {}", self.changed, files(self.files));
                if applied == 0 && rest == 0 {
                    lines.push(format!("Nothing to fix in {}{kinds}.", files(self.files)));
                } else {
                    let remain = if rest == 1 { "remains" } else { "remain" };
                    lines.push(format!("{verb} {} in {where_}; {rest} {remain}{kinds}.", findings(applied)));
                }
            }
        }
        if !self.skipped.is_empty() {
            let parts: Vec<String> = self.skipped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            lines.push(format!("Skipped: {}.", parts.join(", ")));
        }
        lines
    }

    /// What remains, one line for each transform: for runs whose standard output holds a patch.
    pub fn remaining_lines(&self) -> Vec<String> {
        let mut lines: BTreeMap<usize, (&str, Vec<String>)> = BTreeMap::new();
        for ((transform, _, status), count) in &self.findings {
            let what = match *status {
                "needs-unsafe" => "more with `--unsafe-fixes`",
                "report" => "without a fix",
                "blocked" => "in broken code",
                "rejected" | "not-written" => "whose fix failed",
                "fixable" => "not fixed",
                _ => continue,
            };
            let (_, parts) = lines.entry(rank(transform)).or_insert((transform, Vec::new()));
            parts.push(format!("{count} {what}"));
        }
        lines.into_values().map(|(transform, parts)| format!("{transform}: {}", parts.join(", "))).collect()
    }

    /// The table of `--statistics`.
    pub fn table(&self) -> String {
        let mut rows: Vec<_> = self.findings.iter().collect();
        rows.sort_by_key(|((transform, tier, status), _)| (rank(transform), *tier, *status));
        let width = rows.iter().map(|((transform, ..), _)| transform.len()).max().unwrap_or(0);
        rows.into_iter().fold(String::new(), |mut table, ((transform, tier, status), count)| {
            writeln!(table, "{count:>6}  {transform:width$}  {tier:6}  {status}").expect("a string takes all");
            table
        })
    }

    /// The same for programs.
    pub fn json(&self, deed: Deed) -> Value {
        let statistics = self.findings.iter().map(|((transform, tier, status), count)| {
            json!({ "transform": transform, "tier": tier, "status": status, "count": count })
        });
        let of = |wanted: &'static str| self.count(|status| status == wanted);
        let class = |name: &str| self.classes.get(name).copied().unwrap_or(0);
        json!({
            "considered": self.classes.values().sum::<usize>(),
            "classes": {
                "clean": class("clean"),
                "findings": class("findings"),
                "changed": class("changed"),
                "skipped": class("skipped"),
                "failed": class("failed"),
            },
            "files": self.files,
            "files_with_findings": self.with_findings,
            "files_changed": self.changed,
            "findings": self.count(|status| status != "suppressed"),
            "remaining": self.remaining(deed),
            "fixable": of("fixable"),
            "needs_unsafe": of("needs-unsafe"),
            "fixed": of("applied"),
            "suppressed": of("suppressed"),
            "skipped": self.skipped,
            "errors": self.errors,
            "statistics": statistics.collect::<Vec<_>>(),
        })
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn findings(count: usize) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}

/// What kinds of files have in common: the reason without the place in the file.
pub(crate) fn kind_of(reason: &str) -> String {
    if reason.starts_with("byte ") || reason.contains("encoding") {
        return "in an encoding that cannot be edited".to_owned();
    }
    let end = [" at ", " on ", ":", ";", ",", " ("].iter().filter_map(|mark| reason.find(mark)).min();
    reason[..end.unwrap_or(reason.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn tally(statuses: Vec<Status>) -> Tally {
        let report = samples::report(statuses);
        Tally::of(&report, false, report.fixed.is_some())
    }

    #[test]
    fn exit_codes() {
        let rejected = || Status::Rejected { check: "a check".into() };
        for (statuses, check, show, write) in [
            (vec![], 0, 0, 0),
            (vec![Status::Suppressed { at: 0 }], 0, 0, 0),
            (vec![Status::Report], 1, 1, 1),
            (vec![Status::Fixable], 1, 1, 1),
            (vec![Status::Applied], 0, 1, 0),
            (vec![Status::Applied, Status::NeedsUnsafe], 1, 1, 1),
            (vec![Status::Applied, rejected()], 2, 2, 2),
            (vec![Status::NotWritten { cause: "full".into() }], 2, 2, 2),
        ] {
            let tally = tally(statuses.clone());
            let codes = [Deed::Check, Deed::Show, Deed::Write].map(|deed| tally.exit_code(deed, false));
            assert_eq!(codes, [check, show, write], "{statuses:?}");
            assert_eq!(tally.exit_code(Deed::Write, true), if write == 1 { 0 } else { write });
        }
        for (trouble, named, code) in [
            (Trouble::Skipped("syntax error at line 3".into()), false, 0),
            (Trouble::Skipped("syntax error at line 3".into()), true, 2),
            (Trouble::Failed("a panic".into()), false, 2),
        ] {
            let mut report = samples::report(vec![]);
            report.trouble = Some(trouble);
            assert_eq!(Tally::of(&report, named, false).exit_code(Deed::Check, true), code);
        }
    }

    #[test]
    fn the_summary_counts_each_finding_once() {
        let mut all = Tally::default();
        assert_eq!(all.lines(Deed::Check), ["No findings in 0 files."]);
        all.add(tally(vec![Status::Fixable, Status::NeedsUnsafe, Status::Report, Status::Suppressed { at: 0 }]));
        all.add(tally(vec![]));
        all.skip("generated", false);
        all.skip("syntax error at line 3", false);
        all.skip("syntax error at line 7", false);
        all.skip("byte 5 is not valid utf-8; convert the file or declare its encoding", false);
        assert_eq!(
            all.lines(Deed::Check),
            [
                "3 findings in 1 of 2 files: 1 fixable with `--fix`, 1 fixable with `--unsafe-fixes`, 1 without a fix, 1 silenced by a comment.",
                "Skipped: 1 generated, 1 in an encoding that cannot be edited, 2 syntax error."
            ]
        );
        let fixed = tally(vec![Status::Applied, Status::NeedsUnsafe]);
        assert_eq!(fixed.lines(Deed::Write), ["Fixed 1 finding in 1 of 1 file; 1 remains: 1 fixable with `--unsafe-fixes`."]);
        assert_eq!(
            fixed.lines(Deed::Show),
            ["Would fix 1 finding in 1 of 1 file; 1 remains: 1 fixable with `--unsafe-fixes`."]
        );
        assert_eq!(fixed.remaining_lines(), ["mutable-default: 1 more with `--unsafe-fixes`"]);
        assert_eq!(fixed.table(), "     1  mutable-default  safe    applied\n     1  mutable-default  unsafe  needs-unsafe\n");
        assert_eq!(fixed.json(Deed::Show)["remaining"], 2);
    }
}
