//! What people read: the title and the text of a pull request, and the messages of its commits.
//!
//! The words are ours: what a transform looks for, why it matters, and a case of its documentation. Of the repository there
//! are only paths, in code spans, so that nothing in a file name can call a person or close an issue. The text ends with a
//! comment that nobody sees and that holds all that mlfix needs to find its way back.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};
use xxhash_rust::xxh3::xxh3_64;

use super::record::{RepoPath, Step};
use crate::config::meta;

/// The most that GitHub takes for a title, in characters.
const MAX_TITLE: usize = 255;
/// The most that GitHub takes for a text, in bytes to be sure.
const MAX_BODY: usize = 65_535;
/// More paths than this nobody reads.
const MAX_PATHS: usize = 100;
/// A longer case is no example any more.
const MAX_EXAMPLE: usize = 60;

/// So many lines are shown around what an example changes.
const CONTEXT: usize = 3;

const MARK: &str = "<!-- mlfix:v1 ";
const MARK_END: &str = " -->";

/// What a pull request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// One line of at most 255 characters.
    pub title: String,
    /// Markdown, without the hidden state.
    pub body: String,
}

impl Text {
    /// The text for these steps. `version` is that of the mlfix that made them.
    pub fn new(steps: &[Step], campaign: &str, version: &str) -> Self {
        let mut body = String::new();
        let commits = if steps.len() == 1 {
            "in one commit".to_owned()
        } else {
            format!("in {} commits that can be reverted one by one", steps.len())
        };
        let files = paths(steps);
        put(&mut body, format_args!("This changes {}, {commits}.\n", count(files.len(), "file")));
        for step in steps {
            section(&mut body, step);
        }
        verify(&mut body, steps);
        decline(&mut body, steps);
        put(&mut body, format_args!("\n---\nMade by mlfix {}, campaign {}.", plain(version), code(campaign)));
        Self { title: title(steps), body }
    }

    /// A number that is the same for the same text, however the forge ends its lines.
    pub fn hash(&self) -> String {
        hash(&self.title, &self.body)
    }
}

fn hash(title: &str, body: &str) -> String {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{:016x}", xxh3_64(format!("{}\n{}", words(title), words(body)).as_bytes()))
}

/// What mlfix must know again when it comes back; it stands at the end of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The campaign.
    pub campaign: String,
    /// The commit that was pushed.
    pub head: String,
    /// The commit that it stands on.
    pub base: String,
    /// What is changed: a hash of the steps.
    pub change: String,
    /// The hash of title and text as they were written.
    pub text: String,
    /// Why mlfix itself closed it. What people close has no such word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

impl State {
    /// The text with the state behind it, cut to what forges take. The state is never cut.
    pub fn sign(&self, body: &str) -> String {
        let json = serde_json::to_vec(self).expect("texts are JSON");
        let mark = format!("\n\n{MARK}{}{MARK_END}", STANDARD.encode(json));
        let body = cut(body, MAX_BODY.saturating_sub(mark.len()));
        format!("{body}{mark}")
    }

    /// The state at the end of a text that mlfix wrote.
    pub fn of(body: &str) -> Option<Self> {
        let (_, rest) = body.rsplit_once(MARK)?;
        let (encoded, _) = rest.split_once(MARK_END.trim_end())?;
        serde_json::from_slice(&STANDARD.decode(encoded.trim()).ok()?).ok()
    }

    /// The text without the state.
    pub fn without(body: &str) -> &str {
        body.rsplit_once(MARK).map_or(body, |(visible, _)| visible).trim_end()
    }

    /// Whether title and text are still as mlfix wrote them.
    pub fn is_untouched(&self, title: &str, body: &str) -> bool {
        hash(title, Self::without(body)) == self.text
    }
}

/// A hash of what the steps change; it does not depend on where the branch stands.
pub fn change(steps: &[Step]) -> String {
    let mut text = Vec::new();
    for step in steps {
        text.extend_from_slice(step.transform.as_bytes());
        for edit in &step.edits {
            for part in [edit.path.0.as_slice(), edit.blob_before.as_bytes(), edit.blob_after.as_bytes(), edit.mode.as_bytes()]
            {
                text.push(0);
                text.extend_from_slice(part);
            }
        }
        text.push(b'\n');
    }
    format!("{:016x}", xxh3_64(&text))
}

/// The message of the commit of one step.
pub fn commit_message(step: &Step, version: &str) -> String {
    let id = plain(&step.transform);
    let mut message = format!("Fix {id} in {}\n", count(step.edits.len(), "file"));
    if let Some(meta) = meta(&step.transform) {
        let _ = write!(message, "\n{}\n", wrapped(&format!("This is about code that {}. {}", meta.summary, meta.why)));
    }
    let _ = write!(message, "\n{}\n", wrapped(&promise(step)));
    let _ = write!(message, "\nMade by mlfix {}.\n", plain(version));
    message
}

/// Shown where mlfix closes a pull request of its own because there is nothing left to change.
pub const SUPERSEDED: &str = "There is nothing left to change here, so mlfix closes this pull request and deletes its branch.";
/// Shown where a person ends a campaign.
pub const ENDED: &str = "This campaign has ended, so mlfix closes this pull request and deletes its branch.";

fn title(steps: &[Step]) -> String {
    let ids: Vec<String> = steps.iter().map(|step| plain(&step.transform)).collect();
    let ids = match ids.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, rest @ ..] => format!("{first} and {} more patterns", rest.len()),
    };
    let title = format!("Fix {ids} in {}", count(paths(steps).len(), "file"));
    if title.chars().count() <= MAX_TITLE {
        return title;
    }
    title.chars().take(MAX_TITLE - 1).chain(['…']).collect()
}

fn section(body: &mut String, step: &Step) {
    let id = plain(&step.transform);
    put(body, format_args!("### {id}: {}\n", count(step.safe + step.risky, "fix")));
    let meta = meta(&step.transform);
    if let Some(meta) = meta {
        put(body, format_args!("mlfix looks for code that {}. {}\n", meta.summary, meta.why));
    }
    put(body, format_args!("{}\n", promise(step)));
    let files: Vec<String> = step.edits.iter().take(MAX_PATHS).map(|edit| code_path(&edit.path)).collect();
    let more = step.edits.len().saturating_sub(MAX_PATHS);
    let more = if more > 0 { format!(" and {}", count(more, "other")) } else { String::new() };
    put(body, format_args!("Changed: {}{more}\n", files.join(", ")));
    if let Some(example) = meta.and_then(|meta| example(meta.docs, step.safe == 0)) {
        put(body, format_args!("<details><summary>An example, from the documentation of {id}</summary>\n"));
        put(body, format_args!("```diff\n{example}```\n\n</details>\n"));
    }
}

/// What may be relied on.
fn promise(step: &Step) -> String {
    let safe = "every run that was right before gives the same result";
    let risky = "right in the common case, but that is not proven";
    match (step.safe, step.risky) {
        (1, 0) => format!("The fix is safe: {safe}."),
        (_, 0) => format!("All fixes are safe: {safe}."),
        (0, 1) => format!("The fix is {risky}: please read it closely."),
        (0, _) => format!("The fixes are {risky}: please read them closely."),
        (sure, rest) => {
            let is = |number: usize| if number == 1 { "is" } else { "are" };
            format!("{sure} of the fixes {} safe: {safe}. {rest} {} {risky}: please read the diff closely.", is(sure), is(rest))
        }
    }
}

fn verify(body: &mut String, steps: &[Step]) {
    let ids: Vec<String> = steps.iter().map(|step| plain(&step.transform)).collect();
    let flag = if steps.iter().any(|step| step.risky > 0) { " --unsafe-fixes" } else { "" };
    put(body, format_args!("### How to check it\n"));
    put(
        body,
        format_args!(
            "Read the diff and run the tests. On the base branch, `mlfix --diff{flag} --select {}` prints the same changes, and \
             `mlfix explain {}` says when a fix is safe and when not.",
            ids.join(","),
            ids.first().map_or("ID", String::as_str)
        ),
    );
}

fn decline(body: &mut String, steps: &[Step]) {
    let id = steps.first().map_or_else(|| "ID".to_owned(), |step| plain(&step.transform));
    put(
        body,
        format_args!(
            "\n### If you do not want it\n\n\
             - Close this pull request. It is not opened again.\n\
             - Push a commit of your own to the branch, and mlfix leaves it to you from then on.\n\
             - Write `# mlfix: ignore[{id}]` behind a line that is meant as it is.\n\
             - Label it `mlfix:ignore`, and it stays as it is.\n\
             - Never again, in this whole repository: write `pull-requests = false` under `[tool.mlfix]` in `pyproject.toml`."
        ),
    );
}

/// The first case of a README that has a fix of this kind, as a diff; of any kind, if there is none.
fn example(docs: &str, risky: bool) -> Option<String> {
    let cases = cases(docs);
    let wanted = if risky { "unsafe" } else { "safe" };
    let short = |case: &&Case| case.before.lines().count() <= MAX_EXAMPLE;
    let first = cases.iter().filter(short).find(|case| case.tier == wanted);
    let case = first.or_else(|| cases.iter().find(short))?;
    let diff = TextDiff::from_lines(&case.before, &case.after);
    let lines: Vec<(char, &str)> = diff.iter_all_changes().map(|change| (sign(change.tag()), change.value())).collect();
    let changed: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].0 != ' ').collect();
    let mut out = String::new();
    let mut last = None;
    for (index, (sign, line)) in lines.iter().enumerate() {
        if !changed.iter().any(|changed| index.abs_diff(*changed) <= CONTEXT) {
            continue;
        }
        if last.is_some_and(|last| last + 1 < index) {
            out.push_str(" ...\n");
        }
        last = Some(index);
        put(&mut out, format_args!("{sign}{}", line.trim_end_matches('\n')));
    }
    // Blank lines at its ends show nothing.
    let shown: Vec<&str> = out.lines().skip_while(|line| *line == " ").collect();
    let end = shown.iter().rposition(|line| *line != " ").map_or(0, |last| last + 1);
    Some(shown[..end].iter().flat_map(|line| [*line, "\n"]).collect())
}

fn sign(tag: ChangeTag) -> char {
    match tag {
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
        ChangeTag::Equal => ' ',
    }
}

struct Case {
    tier: &'static str,
    before: String,
    after: String,
}

/// The cases of a README with a text before and one after.
fn cases(docs: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    // The fences under the heading at hand: info string and text.
    let mut fences: Vec<(&str, String)> = Vec::new();
    let mut inside = false;
    for line in docs.lines().chain(["## "]) {
        if let Some(info) = line.strip_prefix("```") {
            inside = !inside;
            if inside {
                fences.push((info, String::new()));
            }
        } else if inside {
            if let Some((_, text)) = fences.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        } else if line.starts_with("## ") {
            let mut python = fences.drain(..).filter(|(info, _)| info.split(' ').next() == Some("python"));
            if let (Some((info, before)), Some((_, after))) = (python.next(), python.next()) {
                let tier = ["safe", "unsafe"].into_iter().find(|tier| info.split(' ').any(|word| word == *tier));
                cases.extend(tier.map(|tier| Case { tier, before, after }));
            }
        }
    }
    cases
}

/// The paths of all steps, each once.
fn paths(steps: &[Step]) -> Vec<&RepoPath> {
    let mut paths: Vec<&RepoPath> = steps.iter().flat_map(|step| &step.edits).map(|edit| &edit.path).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn code_path(path: &RepoPath) -> String {
    code(&String::from_utf8_lossy(&path.0))
}

/// A code span that holds any text: its fence is longer than every run of backticks in it (`CommonMark`, "Code spans").
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A word of a record that stands in running text: a record is a file, and somebody may have changed it.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "-.+_".contains(*c)).take(60).collect()
}

fn count(number: usize, noun: &str) -> String {
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "fix") => format!("{number} fixes"),
        _ => format!("{number} {noun}s"),
    }
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a string takes all");
}

/// The text in lines of at most 72 characters, as commit messages have them.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 72 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// At most so many bytes, whole lines, with what was open closed again.
fn cut(text: &str, most: usize) -> String {
    const NOTE: &str = "\n\n(The rest was cut.)";
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(NOTE.len() + "\n```\n\n</details>".len());
    let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let kept = text[..end].rsplit_once('\n').map_or(&text[..end], |(lines, _)| lines);
    let mut out = kept.to_owned();
    if kept.lines().filter(|line| line.starts_with("```")).count() % 2 == 1 {
        out.push_str("\n```");
    }
    if kept.matches("<details>").count() > kept.matches("</details>").count() {
        out.push_str("\n\n</details>");
    }
    out.push_str(NOTE);
    out
}

#[cfg(test)]
#[path = "body/tests.rs"]
mod tests;
