//! A pull request on paper: what `--dry-run` prints.

use std::fmt::Write as _;

use crate::fleet::draft::Draft;
use crate::report::terminal::visible;

/// Branch, commits, title and text.
pub(super) fn shown(draft: &Draft) -> String {
    let mut out = format!("Branch: {} (into {})\n", draft.branch, visible(&draft.base));
    for (name, message) in &draft.commits {
        put(&mut out, format_args!("\nCommit {name}\n"));
        let indented = message.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
        out.extend(indented);
    }
    put(&mut out, format_args!("\nTitle: {}\n\n{}", draft.text.title, draft.text.body));
    out
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a string takes all");
}
