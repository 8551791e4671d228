//! A pull request on paper: what `--dry-run` prints.

use crate::fleet::publish::Draft;
use crate::report::terminal::visible;

/// Branch, commits, title and text.
pub(super) fn shown(draft: &Draft) -> String {
    let mut out = format!("Branch: {} (into {})\n", draft.branch, visible(&draft.base));
    for (name, message) in &draft.commits {
        out.push_str(&format!("\nCommit {name}\n\n"));
        let indented = message.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
        out.extend(indented);
    }
    out.push_str(&format!("\nTitle: {}\n\n{}\n", draft.text.title, draft.text.body));
    out
}
