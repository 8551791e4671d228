//! `mlfix -`: one text from standard input, as editors use it.

use std::io::Read as _;
use std::path::Path;

use anyhow::bail;

use super::check::{Page, Told, finish};
use super::output::{Output, say_all};
use super::{Format, Plan};
use crate::engine::driver::{self, Mode};
use crate::report::summary::Tally;
use crate::report::{json, patch};
use crate::walk::{MAX_FILE_SIZE, kind_of};
use crate::write::Cause;

/// Runs it. With `--fix` alone, standard output holds the text, fixed or as it came, and the findings are on standard error.
pub(super) fn run(plan: &Plan) -> anyhow::Result<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes) {
        bail!("cannot read standard input: {}", Cause(&error));
    }
    if bytes.len() as u64 > MAX_FILE_SIZE {
        bail!("cannot read standard input: more than {MAX_FILE_SIZE} bytes");
    }
    let shown = plan.stdin_filename.as_deref().unwrap_or(Path::new("-"));
    let parent = shown.parent().unwrap_or(Path::new("")).to_owned();
    // The file need not exist, and its folder neither.
    let folder = plan.working.join(parent);
    let folder = folder.canonicalize().unwrap_or(folder);
    let real = shown.file_name().map_or_else(|| folder.join("-"), |name| folder.join(name));

    let mut output = Output::default();
    let mut total = Tally::default();
    let prints_text = plan.fix && !plan.diff;
    if plan.configs.excludes(&real)? {
        total.skip("excluded", true);
        if prints_text {
            output.put(&bytes);
        }
        finish(plan, &total, &mut output, json::START);
        return Ok(output.exit_code(false).unwrap_or_else(|| total.exit_code(plan.deed(), plan.exit_zero)));
    }
    let settings = plan.configs.settings(&real)?;
    let original = prints_text.then(|| bytes.clone());
    let report = driver::run(bytes, kind_of(&real), &settings, plan.mode());
    total.add(Tally::of(&report, true, report.fixed.is_some()));

    let patch_name = patch::name(&real, &plan.working, &folder);
    let told = Told { shown, patch_name: &patch_name, new_text_is_in_place: prints_text && report.fixed.is_some() };
    let mut page = Page::default();
    page.tell(plan, &report, &told);
    say_all(&page.err);
    let mut separator = json::START;
    if plan.format == Format::Json && !page.out.is_empty() {
        page.out.splice(0..0, format!("{separator}\n").into_bytes());
        separator = "";
    }
    if let Some(original) = original {
        say_all(&page.out);
        output.put(report.fixed.as_ref().unwrap_or(&original));
    } else if plan.format == Format::Json && plan.mode() == Mode::Fix {
        say_all(&page.out);
    } else {
        output.put(&page.out);
    }
    finish(plan, &total, &mut output, separator);
    Ok(output.exit_code(false).unwrap_or_else(|| total.exit_code(plan.deed(), plan.exit_zero)))
}
