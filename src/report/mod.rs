//! Findings for people and for programs.
//!
//! Everything is written into memory, one file at a time, and printed in the order of the files. What comes from the files
//! (names, source lines, messages that quote them) goes to a person's eyes only through [`terminal::visible`].

pub mod concise;
pub mod full;
pub mod json;
pub mod page;
pub mod patch;
pub mod place;
pub mod progress;
pub mod summary;
pub mod terminal;

use crate::engine::finding::{Finding, Outcome, Repair, Status, Tier};

/// `safe`, `unsafe`, or `report` for a finding without fix.
pub fn tier(finding: &Finding) -> &'static str {
    match &finding.repair {
        Repair::Fix(fix) => fix.tier.name(),
        Repair::None { .. } => "report",
    }
}

/// Why the fix is unsafe, or why there is none.
pub fn because(finding: &Finding) -> Option<&str> {
    match &finding.repair {
        Repair::Fix(fix) => match &fix.tier {
            Tier::Unsafe { because } => Some(because),
            Tier::Safe => None,
        },
        Repair::None { because } => Some(because),
    }
}

/// What the reader can do about a finding that remains: one sentence without full stop.
pub fn advice(outcome: &Outcome) -> String {
    let Repair::Fix(fix) = &outcome.finding.repair else {
        return format!("not fixed: {}", because(&outcome.finding).unwrap_or_default());
    };
    let title = &fix.title;
    match (&outcome.status, because(&outcome.finding)) {
        (Status::Blocked { because }, _) => format!("{title}: not fixed, because {because}"),
        (Status::Rejected { check }, _) => format!("{title}: the fix was dropped, because the result failed a check: {check}"),
        (Status::NotWritten { cause }, _) => format!("{title}: the fix was not written: {cause}"),
        (Status::NeedsUnsafe, Some(because)) => format!("{title}: needs `--unsafe-fixes`, because {because}"),
        (Status::NeedsUnsafe, None) => format!("{title}: needs `--unsafe-fixes`"),
        (Status::Report, _) => format!("{title}: not fixed"),
        (_, Some(because)) => format!("{title}: unsafe, because {because}"),
        (_, None) => format!("{title}: safe, `--fix` applies it"),
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Reports made by hand.

    use crate::engine::driver::Report;
    use crate::engine::edit::Edit;
    use crate::engine::finding::{Certainty, Finding, Fix, Note, Outcome, Repair, Status, Tier};
    use crate::engine::source::SourceFile;

    pub(crate) const TEXT: &str = "import os\n\n\ndef add(x, seen=[]):\n\tseen.append(x)  # größe\n\treturn seen\n";

    /// One finding about `seen=[]` in [`TEXT`], with the given status.
    pub(crate) fn outcome(status: Status) -> Outcome {
        let default = TEXT.find("[]").expect("there");
        let append = TEXT.find("seen.append").expect("there");
        let repair = if status == Status::Report {
            Repair::None { because: "the decorator `register` reads the signature".into() }
        } else {
            let tier = match status {
                Status::NeedsUnsafe => Tier::unsafe_because("`seen` may be meant as a cache"),
                _ => Tier::Safe,
            };
            let edits = vec![Edit::replace(default..default + 2, "None")];
            Repair::Fix(Fix { title: "Create the list inside the function".into(), tier, edits, imports: vec![], span: 0..1 })
        };
        let text = "changed here".to_owned();
        let evidence = vec![Note { range: append..append + 14, text, certainty: Certainty::Known }];
        let range = default..default + 2;
        let touched = if status == Status::Applied { vec![range.clone()] } else { vec![] };
        let message = "The default of `seen` is one list shared by all calls".into();
        let finding = Finding { range: range.clone(), message, evidence, repair };
        Outcome { transform: "mutable-default", finding, status, round: 0, origin: Some(range), touched }
    }

    pub(crate) fn source() -> SourceFile {
        SourceFile::new(TEXT.into()).expect("readable")
    }

    pub(crate) fn report(statuses: Vec<Status>) -> Report {
        let applied = statuses.contains(&Status::Applied);
        let fixed = applied.then(|| TEXT.replace("[]", "None").into_bytes());
        let outcomes = statuses.into_iter().map(outcome).collect();
        Report { source: Some(source()), outcomes, fixed, ..Report::default() }
    }
}
