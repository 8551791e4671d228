//! The main command: look into files, and say, show or write what there is to fix.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::output::{Output, say, say_all};
use super::{Format, Plan};
use crate::cache::Cache;
use crate::config::meta;
use crate::engine::driver::{self, Report, Trouble};
use crate::engine::finding::{Outcome, Status};
use crate::engine::source::SourceFile;
use crate::report::patch::{self, Changes};
use crate::report::place::{View, lines, place};
use crate::report::progress::Progress;
use crate::report::summary::Tally;
use crate::report::terminal::{self, Screen, visible};
use crate::report::{concise, full, json};
use crate::walk::{self, Item, MAX_FILE_SIZE, in_order};
use crate::write::{Cause, Interrupt, ReadError, Root, Snapshot, read, sweep, write};

/// Runs it.
pub(super) fn run(plan: &Plan) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen()?;
    let found = walk::find(&plan.paths, &plan.configs, &interrupt)?;
    let mut output = Output::default();
    let mut total = Tally::default();
    for error in &found.errors {
        total.fail();
        say(&format!("error: {}", visible(error)));
    }
    for left_out in &found.left_out {
        total.skip(left_out.because, left_out.named);
        if plan.verbose || (left_out.named && !plan.quiet) {
            say(&format!("skipped {}: {}", terminal::path(&left_out.shown), left_out.because));
        }
    }

    let wants_bar = plan.stderr.terminal && !plan.quiet;
    let mut progress = Progress::new(found.items.len(), wants_bar);
    let mut separator = json::START;
    let mut written = BTreeSet::new();
    let take = |done: Done| {
        progress.step();
        total.add(done.tally);
        if let Some(folder) = done.written
            && written.insert(folder.real)
            // A stray of an earlier run is the only thing that is looked for, so a failure harms nobody.
            && let Ok(1..) = sweep(&folder.root, &folder.relative)
            && plan.verbose
        {
            say(&format!("removed temporary files of an earlier run in {}", terminal::path(&folder.relative)));
        }
        if done.out.is_empty() && done.err.is_empty() {
            return true;
        }
        progress.aside(|| {
            say_all(&done.err);
            if plan.format == Format::Json && !done.out.is_empty() {
                let start = std::mem::replace(&mut separator, ",");
                output.put(start.as_bytes()) && output.put(b"\n") && output.put(&done.out)
            } else {
                output.put(&done.out)
            }
        })
    };
    let cache = plan.cache.as_ref().and_then(|folder| Cache::new(folder.path.clone(), plan.verbose));
    in_order(&found.items, plan.jobs, || interrupt.is_set(), |item| one(plan, item, cache.as_ref()), take)?;
    progress.finish();
    if let Some(cache) = cache {
        keep(plan, cache);
    }

    if let Some(code) = interrupt.exit_code() {
        finish(plan, &total, &mut output, separator);
        say("interrupted: the files that are not mentioned were left as they were");
        return Ok(code);
    }
    finish(plan, &total, &mut output, separator);
    Ok(output.exit_code(plan.fix).unwrap_or_else(|| total.exit_code(plan.deed(), plan.exit_zero)))
}

/// Prints what comes after the last file.
pub(super) fn finish(plan: &Plan, total: &Tally, output: &mut Output, separator: &str) {
    let deed = plan.deed();
    if plan.format == Format::Json {
        let start = if separator == json::START { separator } else { "" };
        let end = json::end(&total.json(deed));
        let text = format!("{start}{end}");
        if plan.stdin && plan.mode() == driver::Mode::Fix {
            say_all(text.as_bytes());
        } else {
            output.put(text.as_bytes());
        }
    } else if plan.statistics {
        if plan.diff || (plan.stdin && plan.fix) {
            say_all(total.table().as_bytes());
        } else {
            output.put(total.table().as_bytes());
        }
    }
    if plan.quiet {
        return;
    }
    if plan.diff && plan.format != Format::Json && !plan.statistics {
        total.remaining_lines().iter().for_each(|line| say(line));
    }
    total.lines(deed).iter().for_each(|line| say(line));
}

/// What one file comes to.
#[derive(Default)]
struct Done {
    out: Vec<u8>,
    err: Vec<u8>,
    tally: Tally,
    written: Option<Folder>,
}

/// A folder in which a file was written.
struct Folder {
    root: Arc<Root>,
    relative: PathBuf,
    real: PathBuf,
}

/// Keeps what was found for the next run.
fn keep(plan: &Plan, cache: Cache) {
    let Some(folder) = &plan.cache else { return };
    let Err(error) = cache.save() else { return };
    // Most users do not know that there is a cache, and nothing is wrong with what they see.
    if plan.verbose || (folder.named && !plan.quiet) {
        say(&format!("warning: cannot use the cache folder {}: {}", terminal::path(&folder.path), Cause(&error)));
    }
}

fn one(plan: &Plan, item: &Item, cache: Option<&Cache>) -> Done {
    catch_unwind(AssertUnwindSafe(|| work(plan, item, cache))).unwrap_or_else(|_| {
        let mut done = Done { tally: Tally { files: 1, ..Tally::default() }, ..Done::default() };
        done.tally.fail();
        done.complain("error", &item.shown, "mlfix made a mistake (a panic) and left the file as it was");
        done
    })
}

fn work(plan: &Plan, item: &Item, cache: Option<&Cache>) -> Done {
    let mut done = Done::default();
    let snapshot = match read(&item.root, &item.relative, MAX_FILE_SIZE) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            if let ReadError::TooLarge { .. } = error {
                done.tally.skip(&error.to_string(), item.named);
                if !plan.quiet {
                    done.complain("skipped", &item.shown, &error.to_string());
                }
            } else {
                done.tally.fail();
                done.complain("error: cannot read", &item.shown, &error.to_string());
            }
            return done;
        }
    };
    if !item.named && walk::says_generated(&snapshot.bytes) {
        done.tally.skip("generated", false);
        if plan.format == Format::Json {
            let entry = json::left_out(&item.shown.to_string_lossy(), "generated");
            done.out.extend_from_slice(entry.to_string().as_bytes());
        }
        if plan.verbose {
            done.complain("skipped", &item.shown, "generated");
        }
        return done;
    }
    let mut report = match cache {
        Some(cache) => cache.report(&item.root, &snapshot.bytes, item.kind, &item.settings, plan.mode()),
        None => driver::run(snapshot.bytes.clone(), item.kind, &item.settings, plan.mode()),
    };
    if plan.fix {
        put_in_place(item, &snapshot, &mut report, &mut done);
    }
    let changed = report.fixed.is_some();
    done.tally = Tally::of(&report, item.named, changed);
    // The name is looked for in all folders above, so it is asked for only where there is a patch.
    let has_patch = plan.diff && changed;
    let patch_name = if has_patch { patch::name(&item.real(), &plan.working, item.root.real()) } else { Vec::new() };
    let told = Told { shown: &item.shown, patch_name: &patch_name, new_text_is_in_place: plan.fix && changed };
    let mut page = Page::default();
    page.tell(plan, &report, &told);
    done.out.append(&mut page.out);
    done.err.append(&mut page.err);
    done
}

/// Writes the new text. When that fails, the report says so of each fix that was in it.
fn put_in_place(item: &Item, snapshot: &Snapshot, report: &mut Report, done: &mut Done) {
    let Some(new) = &report.fixed else { return };
    match write(&item.root, &item.relative, snapshot, new) {
        Ok(written) => {
            for notice in written.notices {
                done.complain("note:", &item.shown, &notice.to_string());
            }
            let folder = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
            done.written =
                Some(Folder { root: Arc::clone(&item.root), relative: folder(&item.relative), real: folder(&item.real()) });
        }
        Err(error) => {
            let cause = error.to_string();
            done.complain("error: cannot write", &item.shown, &cause);
            report.fixed = None;
            for outcome in &mut report.outcomes {
                if matches!(outcome.status, Status::Applied | Status::Superseded { .. }) {
                    outcome.status = Status::NotWritten { cause: cause.clone() };
                }
            }
        }
    }
}

impl Done {
    fn complain(&mut self, what: &str, shown: &Path, why: &str) {
        complain(&mut self.err, what, shown, why);
    }
}

fn complain(err: &mut Vec<u8>, what: &str, shown: &Path, why: &str) {
    err.extend_from_slice(format!("{what} {}: {}\n", terminal::path(shown), visible(why)).as_bytes());
}

/// How one file is called, and which of its texts the reader has.
pub(super) struct Told<'a> {
    pub(super) shown: &'a Path,
    /// Empty where there is no patch.
    pub(super) patch_name: &'a [u8],
    pub(super) new_text_is_in_place: bool,
}

/// What is said about one file.
#[derive(Default)]
pub(super) struct Page {
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
}

impl Page {
    /// Says everything that the user wants to know about one file.
    pub(super) fn tell(&mut self, plan: &Plan, report: &Report, told: &Told<'_>) {
        match &report.trouble {
            None => {}
            Some(Trouble::Skipped(_)) if plan.quiet => {}
            Some(Trouble::Skipped(why)) => complain(&mut self.err, "skipped", told.shown, why),
            Some(Trouble::Failed(why)) => complain(&mut self.err, "error:", told.shown, why),
        }
        for outcome in &report.outcomes {
            if let Status::Rejected { check } = &outcome.status {
                let why = format!("a fix of {} was dropped, because the result failed a check: {check}", outcome.transform);
                complain(&mut self.err, "error:", told.shown, &why);
            }
        }
        if let Some(source) = report.source.as_ref().filter(|_| !plan.quiet) {
            for (offset, mistake) in &report.mistakes {
                let line = place(source, *offset).line;
                let text = format!("warning: {}:{line}: {}\n", terminal::path(told.shown), visible(mistake));
                self.err.extend_from_slice(text.as_bytes());
            }
        }
        let new = report.fixed.as_deref().filter(|_| plan.diff);
        let changes = report.source.as_ref().zip(new).map(|(source, new)| Changes::between(source.bytes(), new));
        if plan.format == Format::Json {
            let mut patch = Vec::new();
            if let Some(changes) = &changes {
                changes.write(told.patch_name, &mut patch);
            }
            let patch = changes.is_some().then_some(patch.as_slice());
            let shown = told.shown.to_string_lossy();
            if let Some(entry) = json::file(&shown, report, patch, plan.verbose, report.fixed.is_some()) {
                self.out.extend_from_slice(entry.to_string().as_bytes());
            }
            return;
        }
        if let Some(changes) = &changes {
            if plan.stdout.terminal || plan.stdout.color {
                let behind = |lines| {
                    if plan.format == Format::Full && plan.stdout.terminal { ids(report, &lines) } else { String::new() }
                };
                changes.show(told.patch_name, plan.stdout, behind, &mut self.out);
            } else {
                changes.write(told.patch_name, &mut self.out);
            }
        }
        if plan.statistics {
            return;
        }
        // The patch has standard output for itself; single findings beside it are for those who ask.
        if !plan.diff {
            let mut out = std::mem::take(&mut self.out);
            findings(&mut out, plan.format, report, told, plan.stdout);
            self.out = out;
        } else if plan.verbose {
            findings(&mut self.err, plan.format, report, told, plan.stderr);
        }
    }
}

/// Writes the findings that remain.
pub(super) fn findings(out: &mut Vec<u8>, format: Format, report: &Report, told: &Told<'_>, screen: Screen) {
    let Some(source) = &report.source else { return };
    let mut remaining = report.outcomes.iter().filter(|outcome| outcome.status.remains()).peekable();
    if remaining.peek().is_none() {
        return;
    }
    let new = report.fixed.as_ref().filter(|_| told.new_text_is_in_place);
    let new = new.and_then(|new| SourceFile::new(new.clone()).ok());
    let view = new.as_ref().map_or_else(|| View::original(source), |new| View::rewritten(source, new));
    let name = terminal::path(told.shown);
    for outcome in remaining {
        match format {
            Format::Concise => concise::write(out, &name, &view, outcome),
            _ => full::write(out, &name, &view, outcome, why(outcome), screen),
        }
    }
}

pub(super) fn why(outcome: &Outcome) -> &'static str {
    meta(outcome.transform).map_or("", |meta| meta.why)
}

/// The transforms whose fixes changed any of these lines of the original text.
fn ids(report: &Report, changed: &std::ops::Range<usize>) -> String {
    let Some(source) = &report.source else { return String::new() };
    let touches = |outcome: &&Outcome| {
        outcome.touched.iter().any(|range| {
            let (first, last) = lines(source.bytes(), range);
            // Lines that were only added stand before the line with this number.
            first <= changed.end && changed.start <= last
        })
    };
    let ids: BTreeSet<&str> = report.outcomes.iter().filter(touches).map(|outcome| outcome.transform).collect();
    ids.into_iter().collect::<Vec<_>>().join(", ")
}
