//! `path:line:column: id message [*]`, one line for each finding.

use super::place::{View, place};
use super::terminal::visible;
use crate::engine::finding::{Outcome, Status};

/// Writes one line. `[*]` marks what the same command with `--fix` would fix. `name` is fit for a terminal.
pub fn write(out: &mut Vec<u8>, name: &str, view: &View<'_>, outcome: &Outcome) {
    let mark = if outcome.status == Status::Fixable { " [*]" } else { "" };
    let message = visible(&outcome.finding.message);
    let place = match &outcome.origin {
        Some(origin) => {
            let place = place(view.source(), view.near(origin));
            format!("{}:{}", place.line, place.column)
        }
        None => "1:1".to_owned(),
    };
    out.extend_from_slice(format!("{name}:{place}: {} {message}{mark}\n", outcome.transform).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn one_line_says_it_all() {
        let source = samples::source();
        let view = View::original(&source);
        let mut out = Vec::new();
        write(&mut out, "a.py", &view, &samples::outcome(Status::Fixable));
        write(&mut out, "a.py", &view, &samples::outcome(Status::NeedsUnsafe));
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "a.py:4:17: mutable-default The default of `seen` is one list shared by all calls [*]\n\
             a.py:4:17: mutable-default The default of `seen` is one list shared by all calls\n"
        );
    }
}
