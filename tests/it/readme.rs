//! The cases in the documentation of the transforms: a heading, what stands before, what stands after.
//!
//! ````text
//! ## A heading that is a claim
//! ```python safe run target=3.9
//! before
//! ```
//! ```python
//! after
//! ```
//! ```text
//! what the program prints; with two such fences: before, then after
//! ```
//! ````
//!
//! `run` executes both programs; they must print the same. `run torch syncs=100->1 waits=100->1` does so beside `PyTorch` and
//! counts how often they ask for the value of a tensor.

use mlfix::engine::driver::{Selected, Settings};
use mlfix::engine::transform::{FileKind, Options, Transform};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

/// One `##` section with its fences.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) transform: &'static dyn Transform,
    pub(crate) heading: String,
    /// Line of the first fence in the README, from 1.
    pub(crate) line: usize,
    pub(crate) claim: Claim,
    /// Whether it is executed, or why it cannot be.
    pub(crate) execution: Execution,
    /// How often the program asks for the value of a tensor, before and after.
    pub(crate) syncs: Option<(u32, u32)>,
    /// How often an operation had been queued since it last asked, before and after.
    pub(crate) waits: Option<(u32, u32)>,
    /// Whether it leaves files open before, and fewer after: `ResourceWarning`s are counted.
    pub(crate) leaks: bool,
    pub(crate) target: PythonVersion,
    pub(crate) kind: FileKind,
    pub(crate) options: Options,
    /// Names of the variants that do not apply.
    pub(crate) no: Vec<String>,
    pub(crate) before: String,
    pub(crate) after: Option<String>,
    /// What the program prints: nothing said, the same before and after, or one text for each.
    pub(crate) prints: Vec<String>,
}

/// What a case claims about its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Every fix is safe.
    Safe,
    /// At least one fix is unsafe.
    Unsafe,
    /// There is a finding, and no fix.
    Report,
    /// There is no finding.
    Nothing,
}

/// What is known about executing a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    /// `run`.
    Run,
    /// `run torch`.
    RunTorch,
    /// `norun=reason`.
    Cannot,
    /// Neither.
    Unsaid,
}

impl Case {
    /// Names the transform, the place and the heading in a failure message.
    pub(crate) fn title(&self) -> String {
        title(self.transform, &self.heading, self.line)
    }

    /// The settings under which the case holds: its transform alone.
    pub(crate) fn settings(&self, unsafe_fixes: bool) -> Settings {
        Settings {
            selected: vec![Selected::new(self.transform)],
            target: self.target,
            options: self.options.clone(),
            unsafe_fixes,
            known: ids(),
        }
    }

    /// Whether the fence opts out of a variant.
    pub(crate) fn opts_out(&self, variant: &str) -> bool {
        self.no.iter().any(|no| no == variant)
    }
}

/// Ids of all transforms.
pub(crate) fn ids() -> Vec<&'static str> {
    SUITE.iter().map(|transform| transform.meta().id).collect()
}

/// Every case of every transform.
pub(crate) fn all_cases() -> Vec<Case> {
    SUITE.iter().flat_map(|&transform| cases_of(transform, transform.meta().docs).0).collect()
}

/// The cases of one page, and what is wrong with the others.
fn cases_of(transform: &'static dyn Transform, docs: &str) -> (Vec<Case>, Vec<String>) {
    let mut cases = Vec::new();
    let mut wrong = Vec::new();
    for section in sections(docs) {
        match case(transform, &section) {
            Ok(case) => cases.extend(case),
            Err(why) => {
                let line = section.fences.first().map_or(0, |fence| fence.line);
                wrong.push(format!("{}: {why}", title(transform, &section.heading, line)));
            }
        }
    }
    (cases, wrong)
}

fn title(transform: &'static dyn Transform, heading: &str, line: usize) -> String {
    let id = transform.meta().id;
    format!("{id}: \"{heading}\" (transforms/{}/README.md:{line})", id.replace('-', "_"))
}

struct Section {
    heading: String,
    fences: Vec<Fence>,
}

struct Fence {
    line: usize,
    info: String,
    text: String,
}

fn sections(docs: &str) -> Vec<Section> {
    let mut sections = vec![Section { heading: String::new(), fences: Vec::new() }];
    let mut open: Option<(String, Fence)> = None;
    for (index, line) in docs.split_inclusive('\n').enumerate() {
        let bare = line.trim_end();
        if let Some((marker, mut fence)) = open.take() {
            if bare == marker {
                sections.last_mut().expect("never empty").fences.push(fence);
            } else {
                fence.text.push_str(line);
                open = Some((marker, fence));
            }
        } else if bare.starts_with("```") {
            let ticks = bare.bytes().take_while(|&byte| byte == b'`').count();
            let fence = Fence { line: index + 1, info: bare[ticks..].trim().to_string(), text: String::new() };
            open = Some(("`".repeat(ticks), fence));
        } else if let Some(heading) = bare.strip_prefix("## ") {
            sections.push(Section { heading: heading.trim().to_string(), fences: Vec::new() });
        }
    }
    if let Some((_, mut fence)) = open {
        fence.info = "unclosed".to_string();
        sections.last_mut().expect("never empty").fences.push(fence);
    }
    sections
}

fn case(transform: &'static dyn Transform, section: &Section) -> Result<Option<Case>, String> {
    let mut case: Option<Case> = None;
    for fence in &section.fences {
        let mut words = fence.info.split_whitespace();
        match (words.next().unwrap_or(""), &mut case) {
            ("python", None) => case = Some(opening(transform, section, fence, words)?),
            ("python", Some(case)) => {
                if words.next().is_some() {
                    return Err(format!("a second case at line {} under one heading; give it its own", fence.line));
                }
                if case.after.replace(fence.text.clone()).is_some() {
                    return Err("more than two python fences under one heading".to_string());
                }
            }
            ("text", Some(case)) => case.prints.push(fence.text.clone()),
            ("unclosed", _) => return Err(format!("the fence of line {} is never closed", fence.line)),
            // Configuration examples and the like.
            _ => {}
        }
    }
    let Some(case) = case else { return Ok(None) };
    let fixes = matches!(case.claim, Claim::Safe | Claim::Unsafe);
    match (&case.after, fixes) {
        (None, true) => return Err("a `safe` or `unsafe` fence needs a second fence with the result".to_string()),
        (Some(_), false) => return Err("a `report` or `none` fence has no second python fence".to_string()),
        (Some(after), true) if *after == case.before => return Err("before and after are the same".to_string()),
        _ => {}
    }
    if case.prints.len() > if fixes { 2 } else { 1 } {
        return Err("too many text fences".to_string());
    }
    if case.leaks && (case.execution != Execution::Run || !fixes) {
        return Err("`leaks` counts open files in a case that has a fix and is marked `run`".to_string());
    }
    if !case.prints.is_empty() && !matches!(case.execution, Execution::Run | Execution::RunTorch) {
        return Err("a text fence says what the program prints, but the case is not marked `run`".to_string());
    }
    Ok(Some(case))
}

fn opening<'a>(
    transform: &'static dyn Transform,
    section: &Section,
    fence: &Fence,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<Case, String> {
    let claim = match words.next() {
        Some("safe") => Claim::Safe,
        Some("unsafe") => Claim::Unsafe,
        Some("report") => Claim::Report,
        Some("none") => Claim::Nothing,
        _ => return Err("the first python fence says `safe`, `unsafe`, `report` or `none`".to_string()),
    };
    if section.heading.is_empty() {
        return Err("a case needs a `##` heading".to_string());
    }
    let mut case = Case {
        transform,
        heading: section.heading.clone(),
        line: fence.line,
        claim,
        execution: Execution::Unsaid,
        syncs: None,
        waits: None,
        leaks: false,
        target: PythonVersion::DEFAULT,
        kind: FileKind::Module,
        options: Options::new(),
        no: Vec::new(),
        before: fence.text.clone(),
        after: None,
        prints: Vec::new(),
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("run", "") => case.execution = Execution::Run,
            ("torch", "") if case.execution == Execution::Run => case.execution = Execution::RunTorch,
            ("syncs", counts) => case.syncs = Some(before_and_after(word, counts)?),
            ("waits", counts) => case.waits = Some(before_and_after(word, counts)?),
            ("leaks", "") => case.leaks = true,
            ("norun", reason) if !reason.is_empty() => case.execution = Execution::Cannot,
            ("target", version) => case.target = version.parse()?,
            ("file", "stub") => case.kind = FileKind::Stub,
            ("no", names) => {
                let names: Vec<_> = names.split(',').map(str::to_string).collect();
                if let Some(unknown) = names.iter().find(|name| !["class", "tabs", "crlf", "eof"].contains(&name.as_str())) {
                    return Err(format!("`no={unknown}`: the variants are class, tabs, crlf and eof"));
                }
                case.no = names;
            }
            (name, value) => {
                let meta = transform.meta();
                let Some(option) = meta.options.iter().find(|option| option.name == name) else {
                    return Err(format!("`{word}` is neither a word of the fence grammar nor an option of {}", meta.id));
                };
                if !option.values.contains(&value) {
                    return Err(format!("`{name}` may be {}", option.values.join(", ")));
                }
                case.options.insert((meta.id, option.name), value.to_string());
            }
        }
    }
    Ok(case)
}

/// `100->1`, or `100` when nothing changes.
fn before_and_after(word: &str, counts: &str) -> Result<(u32, u32), String> {
    let (before, after) = counts.split_once("->").unwrap_or((counts, counts));
    match (before.parse(), after.parse()) {
        (Ok(before), Ok(after)) => Ok((before, after)),
        _ => Err(format!("`{word}`: two numbers, as in `syncs=100->1`")),
    }
}

#[test]
fn every_page_is_well_formed() {
    let mut wrong = Vec::new();
    for &transform in SUITE {
        let (cases, failures) = cases_of(transform, transform.meta().docs);
        wrong.extend(failures);
        let mut headings = std::collections::HashSet::new();
        for case in &cases {
            if !headings.insert(&case.heading) {
                wrong.push(format!("{}: another case has the same heading", case.title()));
            }
            if case.after.is_some() && case.execution == Execution::Unsaid {
                wrong.push(format!(
                    "{}: a case with a fix is executed: write `run`, or `norun=REASON`, into the fence",
                    case.title()
                ));
            }
        }
        if cases.is_empty() {
            wrong.push(format!("{}: its page has no case", transform.meta().id));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n\n{} failures\n", wrong.join("\n"), wrong.len());
}

#[test]
fn pages_are_read_as_written() {
    let page = "# x\n## A\ntext\n```python safe run no=class,tabs target=3.9\na\n```\n```python\nb\n```\n```text\n1\n```\n\
                ## B\n````python none file=stub\n```\n````\n## C\n```toml\nx = 1\n```\n";
    let (cases, wrong) = cases_of(SUITE[0], page);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(cases.len(), 2);
    assert_eq!((cases[0].before.as_str(), cases[0].after.as_deref()), ("a\n", Some("b\n")));
    assert_eq!((cases[0].line, cases[0].prints.len(), cases[0].target.minor), (4, 1, 9));
    assert!(cases[0].opts_out("tabs") && !cases[0].opts_out("crlf"));
    assert_eq!((cases[1].claim, cases[1].kind, cases[1].before.as_str()), (Claim::Nothing, FileKind::Stub, "```\n"));
    for wrong in [
        "## A\n```python\na\n```\n",
        "## A\n```python safe run\na\n```\n",
        "## A\n```python safe\na\n```\n```python\nb\n```\n```text\n1\n```\n",
        "## A\n```python none\na\n```\n```python\nb\n```\n",
        "## A\n```python none colour=red\na\n```\n",
        "## A\n```python none\na\n```\n```python none\nb\n```\n",
        "## A\n```python none\na\n",
        "```python none\na\n```\n",
    ] {
        assert_eq!(cases_of(SUITE[0], wrong).1.len(), 1, "{wrong}");
    }
}
