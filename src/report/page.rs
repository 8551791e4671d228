//! The documentation of a transform, for a terminal.

use std::fmt::Write as _;

use super::terminal::{Screen, Style};
use crate::engine::finding::Tiers;
use crate::engine::transform::Meta;

/// The README of a transform as Markdown: what only its test reads is left out of the code fences, headings and code
/// stand out where there is colour, and the options of the configuration file are listed at the end.
pub fn page(meta: &Meta, screen: Screen) -> String {
    let mut out = String::new();
    let mut in_fence = false;
    for line in meta.docs.lines() {
        let fence = line.trim_start().strip_prefix("```");
        if let Some(info) = fence {
            in_fence = !in_fence;
            let language = info.split_whitespace().next().unwrap_or_default();
            let indent = &line[..line.len() - line.trim_start().len()];
            out.push_str(&screen.paint(Style::Dim, &format!("{indent}```{language}")));
        } else if !in_fence && line.starts_with('#') {
            out.push_str(&screen.paint(Style::Bold, line));
        } else if in_fence {
            out.push_str(&screen.paint(Style::Cyan, line));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    let mut put = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("a string takes all");
    if !meta.options.is_empty() {
        put(format_args!("\n{}\n", screen.paint(Style::Bold, "## Options")));
        put(format_args!("Under `[tool.mlfix.{}]` of `pyproject.toml`:\n", meta.id));
        for option in meta.options {
            let (default, others) = option.values.split_first().unwrap_or((&"", &[]));
            put(format_args!("- `{} = \"{default}\"` (or {}): {}", option.name, others.join(", "), option.doc));
        }
    }
    if !meta.aliases.is_empty() {
        put(format_args!("\nAlso known as: {}", meta.aliases.join(", ")));
    }
    out
}

/// One line for each transform: id, the most that its fixes may claim, what it looks for, codes of other tools.
pub fn list(metas: &[&Meta], screen: Screen) -> String {
    let width = |text: fn(&Meta) -> usize| metas.iter().map(|meta| text(meta)).max().unwrap_or(0);
    let ids = width(|meta| meta.id.len());
    let summaries = width(|meta| meta.summary.len());
    metas.iter().fold(String::new(), |mut out, meta| {
        let id = screen.paint(Style::Bold, &format!("{:ids$}", meta.id));
        let (tier, codes) = (most(meta), meta.aliases.join(", "));
        writeln!(out, "{id}  {tier:6}  {:summaries$}  {codes}", meta.summary).expect("a string takes all");
        out
    })
}

/// The most that the fixes of a transform may claim.
fn most(meta: &Meta) -> &'static str {
    match meta.tier {
        Some(Tiers::Safe) => "safe",
        Some(Tiers::Unsafe) => "unsafe",
        None => "report",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::transform::Opt;

    #[test]
    fn what_only_the_test_reads_is_left_out() {
        let meta = Meta {
            id: "x-y",
            summary: "Finds x",
            why: "",
            aliases: &["X1"],
            anchors: &[],
            options: &[Opt { name: "deep", values: &["false", "true"], doc: "Look deeper." }],
            tier: None,
            query: "",
            docs: "# x-y\nText.\n## Case\n```python safe run target=3.9\n# no heading\n```\n",
        };
        assert_eq!(
            page(&meta, Screen::default()),
            "# x-y\nText.\n## Case\n```python\n# no heading\n```\n\n## Options\n\nUnder `[tool.mlfix.x-y]` of `pyproject.toml`:\n\n\
             - `deep = \"false\"` (or true): Look deeper.\n\nAlso known as: X1\n"
        );
        let colour = Screen { color: true, terminal: true };
        assert!(page(&meta, colour).starts_with("\x1b[1m# x-y\x1b[0m\n"));
        assert_eq!(list(&[&meta], Screen::default()), "x-y  report  X1  Finds x\n");
    }
}
