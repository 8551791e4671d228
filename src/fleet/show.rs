//! Records for people, and for spreadsheets.

use std::fmt::Write as _;

use super::record::{Class, Record, RepoPath, Status};
use super::sum::{Sum, count};
use crate::report::terminal::{Screen, Style, visible, visible_bytes};

/// How records are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Look {
    /// A table for a terminal
    #[default]
    Text,
    /// A table for a page of text
    Markdown,
    /// A row for each repository
    Csv,
    /// A page for a browser, with all differences
    Html,
}

const HEAD: &[&str] = &["repository", "status", "fixes", "unsafe", "files", "left", "why"];

/// Shows records one after the other, so that their number costs no memory.
pub struct Show {
    look: Look,
    screen: Screen,
    /// How wide the names of repositories are.
    width: usize,
    sum: Sum,
}

impl Show {
    /// `width` is the number of letters of the longest name.
    pub fn new(look: Look, screen: Screen, width: usize) -> Self {
        Self { look, screen, width, sum: Sum::default() }
    }

    /// What comes before the first.
    pub fn start(&self) -> String {
        match self.look {
            Look::Text => self.screen.paint(Style::Bold, &self.columns(HEAD)) + "\n",
            Look::Markdown => format!("| {} |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n", HEAD.join(" | ")),
            Look::Csv => format!("{},branch,commit\n", HEAD.join(",")),
            Look::Html => PAGE.to_owned(),
        }
    }

    /// One repository.
    pub fn one(&mut self, record: &Record) -> String {
        self.sum.add(record);
        let cells = cells(record);
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        match self.look {
            Look::Text => self.columns(&cells) + "\n",
            Look::Markdown => {
                let cells: Vec<String> = cells.iter().map(|cell| visible(cell).replace('|', "\\|")).collect();
                format!("| {} |\n", cells.join(" | "))
            }
            Look::Csv => {
                let of = |text: &Option<String>| text.clone().unwrap_or_default();
                let (branch, sha) = (of(&record.base_ref), of(&record.base_sha));
                let cells: Vec<String> = cells.into_iter().chain([branch.as_str(), &sha]).map(field).collect();
                cells.join(",") + "\n"
            }
            Look::Html => html(record, &cells),
        }
    }

    /// What comes after the last.
    pub fn end(&self) -> String {
        let mut out = String::new();
        let mut rows = vec![["transform", "fixes", "unsafe", "repositories", "left"].map(str::to_owned)];
        rows.extend(self.sum.transforms.iter().map(|(id, sum)| {
            let [safe, risky] = [sum.safe, sum.risky].map(|count| count.to_string());
            [id.clone(), safe, risky, sum.repositories.to_string(), sum.left.to_string()]
        }));
        let mut put = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("a string takes all");
        match self.look {
            Look::Csv => {}
            Look::Text | Look::Markdown if rows.len() == 1 => put(format_args!("\n{}", self.sum.line())),
            Look::Text => {
                put(format_args!(""));
                let width = rows.iter().map(|row| row[0].len()).max().unwrap_or(0);
                for [id, safe, risky, repositories, left] in &rows {
                    put(format_args!("{id:width$}  {safe:>5}  {risky:>6}  {repositories:>12}  {left:>5}"));
                }
                put(format_args!("\n{}", self.sum.line()));
            }
            Look::Markdown => {
                put(format_args!("\n| {} |\n| --- | ---: | ---: | ---: | ---: |", rows[0].join(" | ")));
                rows[1..].iter().for_each(|row| put(format_args!("| {} |", row.join(" | "))));
                put(format_args!("\n{}", self.sum.line()));
            }
            Look::Html => {
                put(format_args!("</table>\n<table>\n<tr><th>{}</tr>", rows[0].join("<th>")));
                rows[1..].iter().for_each(|row| put(format_args!("<tr><td>{}</tr>", row.join("<td class=n>"))));
                put(format_args!("</table>\n<p>{}</p>", escaped(&self.sum.line())));
            }
        }
        out
    }

    fn columns(&self, cells: &[&str]) -> String {
        let [repo, status, safe, risky, files, left, why] = cells else { return cells.join("  ") };
        let width = self.width.max(HEAD[0].len());
        let line =
            format!("{:width$}  {status:9}  {safe:>5}  {risky:>6}  {files:>5}  {left:>5}  {}", visible(repo), visible(why));
        line.trim_end().to_owned()
    }
}

/// All there is to say about one repository, except the differences.
pub fn details(record: &Record) -> String {
    let mut out = String::new();
    let mut put = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("a string takes all");
    put(format_args!("{}", visible(&record.repo)));
    if let (Some(branch), Some(sha)) = (&record.base_ref, &record.base_sha) {
        put(format_args!("  at {} {}", visible(branch), &sha[..sha.len().min(12)]));
    }
    let why = why(record);
    let separator = if why.is_empty() { "" } else { ": " };
    put(format_args!("  {}{separator}{}", record.status.name(), visible(&why)));
    if record.files > 0 {
        put(format_args!("  {} looked at", count(record.files, "Python file", "Python files")));
    }
    for (because, number) in &record.left_out {
        put(format_args!("  {} left out: {}", count(*number, "file", "files"), visible(because)));
    }
    for (id, findings) in &record.findings {
        put(format_args!("  {id}: {} fixed, {} left", findings.fixed, findings.left));
    }
    for step in &record.steps {
        put(format_args!("\n  {}: {} safe, {} unsafe", step.transform, step.safe, step.risky));
        for edit in &step.edits {
            put(format_args!("    {}", shown(&edit.path)));
        }
    }
    out
}

fn shown(path: &RepoPath) -> String {
    visible_bytes(&path.0)
}

fn cells(record: &Record) -> [String; 7] {
    let sum = |of: fn(&super::record::Step) -> usize| record.steps.iter().map(of).sum::<usize>().to_string();
    let left: usize = record.findings.values().map(|findings| findings.left).sum();
    [
        record.repo.clone(),
        record.status.name().to_owned(),
        sum(|step| step.safe),
        sum(|step| step.risky),
        record.changes().len().to_string(),
        left.to_string(),
        why(record),
    ]
}

fn why(record: &Record) -> String {
    let class = record.class.map(Class::name);
    [class, record.because.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// A field as RFC 4180 has it. What a spreadsheet would take for a formula is preceded by a quote.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

const PAGE: &str = "<!doctype html>
<meta charset=utf-8>
<title>mlfix</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color-scheme: light dark }
table { border-collapse: collapse; margin: 1em 0 }
th, td { text-align: left; padding: .2em .8em; border-bottom: 1px solid #8884; vertical-align: top }
.n { text-align: right } .failed { color: #c33 } summary { cursor: pointer }
pre { overflow-x: auto; font-size: 13px } ins { color: #282; text-decoration: none } del { color: #c33; text-decoration: none }
</style>
<table>
<tr><th>repository<th>status<th>fixes<th>unsafe<th>files<th>left<th>why</tr>
";

fn html(record: &Record, cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    let [repo, status, numbers @ .., why] = &cells[..] else { return String::new() };
    let class = if record.status == Status::Failed { " class=failed" } else { "" };
    let mut out = format!("<tr><td>{repo}<td{class}>{status}<td class=n>{}<td>{why}</tr>\n", numbers.join("<td class=n>"));
    for step in &record.steps {
        let summary = format!("{}: {} safe, {} unsafe", step.transform, step.safe, step.risky);
        write!(out, "<tr><td colspan=7><details><summary>{}</summary><pre>", escaped(&summary)).expect("a string takes all");
        for line in step.edits.iter().flat_map(|edit| edit.diff.split_inclusive(|&byte| byte == b'\n')) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let text = escaped(&visible_bytes(line));
            match line.first() {
                Some(b'+') => writeln!(out, "<ins>{text}</ins>"),
                Some(b'-') => writeln!(out, "<del>{text}</del>"),
                _ => writeln!(out, "{text}"),
            }
            .expect("a string takes all");
        }
        out.push_str("</pre></details></tr>\n");
    }
    out
}

fn escaped(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A patch as a person sees it.
pub fn painted(diff: &[u8], screen: Screen) -> Vec<u8> {
    if !screen.terminal && !screen.color {
        return diff.to_vec();
    }
    let mut out = Vec::new();
    for line in diff.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = visible_bytes(line);
        let text = match line {
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => screen.paint(Style::Bold, &text),
            [b'@', ..] => screen.paint(Style::Cyan, &text),
            [b'+', ..] => screen.paint(Style::Green, &text),
            [b'-', ..] => screen.paint(Style::Red, &text),
            _ => text,
        };
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing_and_a_browser_neither() {
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(field("=cmd()"), "'=cmd()");
        assert_eq!(escaped("<script>\u{1b}"), "&lt;script&gt;\\x1b");
    }
}
