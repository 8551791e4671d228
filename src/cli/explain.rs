//! `mlfix list` and `mlfix explain`.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use anyhow::{anyhow, bail};

use super::Plan;
use super::check::why;
use super::output::Output;
use crate::config::transform;
use crate::engine::driver::{self, Mode, Trouble};
use crate::engine::finding::{Certainty, Status};
use crate::engine::source::SourceFile;
use crate::report::place::{View, place};
use crate::report::terminal::{self, Color, Screen, Style, visible};
use crate::report::{full, page};
use crate::transforms::SUITE;
use crate::walk::{MAX_FILE_SIZE, kind_of};
use crate::write::{read, resolve_named};

/// Prints the suite.
pub(super) fn list(color: Color) -> u8 {
    let metas: Vec<_> = SUITE.iter().map(|transform| transform.meta()).collect();
    print(page::list(&metas, Screen::stdout(color)).as_bytes())
}

/// Prints the page of a transform, or what there is on a line.
pub(super) fn explain(what: &str, plan: &Plan) -> anyhow::Result<u8> {
    match (transform(what), what.rsplit_once(':')) {
        (Ok(transform), _) => Ok(print(page::page(transform.meta(), plan.stdout).as_bytes())),
        (Err(_), Some((path, line))) => match line.parse() {
            Ok(line @ 1..) => explain_line(Path::new(path), line, plan),
            _ => bail!("`{}` is no line: write FILE:LINE, with lines from 1", visible(what)),
        },
        (Err(error), None) if Path::new(what).exists() => bail!("which line? write {what}:LINE ({error})"),
        (Err(error), None) => Err(anyhow!(error)),
    }
}

fn print(text: &[u8]) -> u8 {
    let mut output = Output::default();
    output.put(text);
    output.exit_code(false).unwrap_or(0)
}

fn explain_line(path: &Path, line: usize, plan: &Plan) -> anyhow::Result<u8> {
    let name = terminal::path(path);
    let cannot = |error: &dyn std::fmt::Display| anyhow!("cannot read {name}: {error}");
    let (root, relative) = resolve_named(path).map_err(|error| cannot(&error))?;
    let real = root.real().join(&relative);
    let snapshot = read(&root, &relative, MAX_FILE_SIZE).map_err(|error| cannot(&error))?;
    let settings = plan.configs.settings(&real)?;
    let bytes = snapshot.bytes;
    let report = driver::run(bytes.clone(), kind_of(&real), &settings, Mode::Check);
    // A text without the words that any transform looks for was not even read as Python.
    let source = match (&report.source, trouble(report.trouble.as_ref())) {
        (Some(source), _) => source,
        (None, Some(why)) => bail!("cannot read {name}: {why}"),
        (None, None) => &SourceFile::new(bytes).map_err(|refusal| cannot(&refusal))?,
    };
    if line > source.line_count() {
        bail!("{name} has {} lines", source.line_count());
    }

    let mut out = Vec::new();
    let put = |text: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    };
    if let Some(why) = trouble(report.trouble.as_ref()) {
        put(&format!("{name} is never edited: {}\n", visible(why)), &mut out);
    }
    let is_here = |range: &Range<usize>| holds(source, range, line);
    let view = View::original(source);
    let mut anything = false;
    for outcome in &report.outcomes {
        if !outcome.origin.as_ref().is_some_and(is_here) {
            continue;
        }
        anything = true;
        full::write(&mut out, &name, &view, outcome, why(outcome), plan.stdout);
        if let Status::Suppressed { at } = outcome.status {
            put(&format!("Silenced by the comment in line {}.\n", place(source, at).line), &mut out);
        }
        if !outcome.finding.evidence.is_empty() {
            put(&plan.stdout.paint(Style::Bold, "The judgement rests on:"), &mut out);
            for note in &outcome.finding.evidence {
                let certainty = match note.certainty {
                    Certainty::Known => "known",
                    Certainty::Likely => "likely",
                };
                let at = place(source, note.range.start);
                put(&format!("- line {} ({certainty}): {}", at.line, visible(&note.text)), &mut out);
            }
            put("", &mut out);
        }
    }
    let left: Vec<_> = report.left.iter().filter(|left| is_here(&left.range)).collect();
    if !left.is_empty() {
        anything = true;
        put(&plan.stdout.paint(Style::Bold, "Considered and left alone:"), &mut out);
        for left in left {
            let at = place(source, left.range.start);
            put(&format!("- {} at {}:{}: {}", left.transform, at.line, at.column, visible(&left.because)), &mut out);
        }
    }
    if !anything {
        let mut text = format!("Nothing was found in line {line} of {name}, and nothing was considered there.");
        let mut others: Vec<usize> = report
            .outcomes
            .iter()
            .filter_map(|outcome| outcome.origin.as_ref())
            .map(|range| place(source, range.start).line)
            .collect();
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            let numbers: Vec<String> = others.iter().take(20).map(ToString::to_string).collect();
            write!(text, " There are findings in line {}.", numbers.join(", ")).expect("a string takes all");
        }
        put(&text, &mut out);
    }
    Ok(print(&out))
}

fn trouble(trouble: Option<&Trouble>) -> Option<&str> {
    match trouble {
        None => None,
        Some(Trouble::Skipped(why) | Trouble::Failed(why)) => Some(why),
    }
}

/// Whether any part of a range is in a line, counted from 1.
fn holds(source: &SourceFile, range: &Range<usize>, line: usize) -> bool {
    let last = range.end.saturating_sub(1).max(range.start);
    (place(source, range.start).line..=place(source, last).line).contains(&line)
}
