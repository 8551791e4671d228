//! Each finding with the lines that it is about: what is so, why it matters, what to do.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::advice;
use super::place::{Excerpt, View};
use super::terminal::{Screen, visible};
use crate::engine::finding::{Certainty, Outcome, Repair};

/// Evidence further away than this many lines is told without its lines.
const NEAR: usize = 60;

/// Writes one finding and an empty line. `name` is fit for a terminal; `why` is the transform's.
pub fn write(out: &mut Vec<u8>, name: &str, view: &View<'_>, outcome: &Outcome, why: &str, screen: Screen) {
    let finding = &outcome.finding;
    let message = visible(&finding.message);
    let advice = advice(outcome);
    let advice = visible(&advice);
    let title = Level::WARNING.primary_title(message).id(outcome.transform);
    let place = outcome.origin.as_ref().and_then(|origin| view.range(origin));
    let evidence = evidence(view, outcome, place.as_ref());
    let excerpt;
    let group = match &place {
        Some(place) => {
            let mut ranges: Vec<_> = evidence.iter().map(|(range, _)| range.clone()).collect();
            ranges.push(place.clone());
            excerpt = Excerpt::new(view.source(), &ranges);
            let notes =
                evidence.iter().map(|(range, text)| AnnotationKind::Context.span(excerpt.range(range)).label(text.as_str()));
            title.element(
                Snippet::source(excerpt.text.as_str())
                    .line_start(excerpt.first_line)
                    .path(name)
                    .annotation(AnnotationKind::Primary.span(excerpt.range(place)))
                    .annotations(notes),
            )
        }
        None => match &outcome.origin {
            Some(origin) => {
                let at = super::place::place(view.source(), view.near(origin));
                title.element(Origin::path(name).line(at.line).char_column(at.column))
            }
            None => title.element(Origin::path(name)),
        },
    };
    let group = if why.is_empty() { group } else { group.element(Level::NOTE.message(why)) };
    let level = if matches!(finding.repair, Repair::Fix(_)) { Level::HELP } else { Level::NOTE };
    let group = group.element(level.message(advice));
    let renderer = if screen.color { Renderer::styled() } else { Renderer::plain() };
    out.extend_from_slice(renderer.decor_style(DecorStyle::Ascii).render(&[group]).as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// The evidence that can be shown in place: that of the original text, in lines that are still there and not far off.
fn evidence(view: &View<'_>, outcome: &Outcome, place: Option<&Range<usize>>) -> Vec<(Range<usize>, String)> {
    let Some(place) = place.filter(|_| outcome.round == 0) else { return Vec::new() };
    let line = view.source().line(place.start);
    let notes = outcome.finding.evidence.iter().filter_map(|note| Some((view.range(&note.range)?, note)));
    notes
        .filter(|(range, _)| view.source().line(range.start).abs_diff(line) <= NEAR)
        .map(|(range, note)| {
            let doubt = if note.certainty == Certainty::Likely { "likely: " } else { "" };
            (range, format!("{doubt}{}", visible(&note.text)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engine::finding::Status;
    use crate::engine::source::SourceFile;

    const WHY: &str = "A default is created once, when `def` runs.";

    fn shown(view: &View<'_>, status: Status) -> String {
        let mut out = Vec::new();
        write(&mut out, "a.py", view, &samples::outcome(status), WHY, Screen::default());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_frame_has_the_lines_the_reason_and_the_remedy() {
        let source = samples::source();
        insta::assert_snapshot!(shown(&View::original(&source), Status::NeedsUnsafe), @r"
        warning[mutable-default]: The default of `seen` is one list shared by all calls
         --> a.py:4:17
          |
        4 | def add(x, seen=[]):
          |                 ^^
        5 |     seen.append(x)  # größe
          |     -------------- changed here
          |
          = note: A default is created once, when `def` runs.
          = help: Create the list inside the function: needs `--unsafe-fixes`, because `seen` may be meant as a cache
        ");
        insta::assert_snapshot!(shown(&View::original(&source), Status::Report), @r"
        warning[mutable-default]: The default of `seen` is one list shared by all calls
         --> a.py:4:17
          |
        4 | def add(x, seen=[]):
          |                 ^^
        5 |     seen.append(x)  # größe
          |     -------------- changed here
          |
          = note: A default is created once, when `def` runs.
          = note: not fixed: the decorator `register` reads the signature
        ");
    }

    #[test]
    fn after_a_rewrite_the_frame_is_of_the_new_text() {
        let source = samples::source();
        let new = SourceFile::new(format!("import sys\n{}", samples::TEXT).into_bytes()).expect("readable");
        let text = shown(&View::rewritten(&source, &new), Status::Fixable);
        assert!(text.contains("a.py:5:17") && text.contains("5 | def add"), "{text}");
        let new = SourceFile::new(samples::TEXT.replace("seen=[]", "seen=None").into_bytes()).expect("readable");
        let text = shown(&View::rewritten(&source, &new), Status::Fixable);
        assert!(text.contains("a.py:4:1") && !text.contains("def add"), "{text}");
    }
}
