//! What holds of every input: no panic, only what a fix names changes, the order of the selection means nothing, and a
//! second run changes nothing.

use std::sync::OnceLock;

use mlfix::engine::driver::{Mode, Report, Selected, Settings, Trouble, run};
use mlfix::engine::source::SourceFile;
use mlfix::engine::transform::{FileKind, Options};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use crate::cases::{accepted, diff, untouched_bytes_stand};
use crate::readme::{Case, all_cases, ids};

/// Words that bring a random text near to what the transforms look for.
const WORDS: &[&str] = &[
    "def",
    "class",
    "for",
    "in",
    "if",
    "else",
    "elif",
    "while",
    "try",
    "except",
    "finally",
    "with",
    "as",
    "lambda",
    "return",
    "yield",
    "await",
    "async",
    "del",
    "global",
    "nonlocal",
    "import",
    "from",
    "pass",
    "break",
    "continue",
    "raise",
    "match",
    "case",
    "not",
    "and",
    "or",
    "is",
    "None",
    "True",
    "self",
    "cls",
    "f",
    "x",
    "acc",
    "d",
    "k",
    "v",
    "list",
    "dict",
    "set",
    "Optional",
    "List[int]",
    "print",
    "items",
    "keys",
    "pop",
    "append",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "=",
    "==",
    ":=",
    "->",
    "*",
    "**",
    "+",
    "-=",
    "|",
    "|=",
    "@",
    ";",
    "\\",
    "\n",
    "\n    ",
    "\n        ",
    "\n\t",
    "\r\n",
    "\r",
    "\x0c",
    "#",
    "# noqa: B006",
    "# mlfix: ignore[x]",
    "# type: ignore",
    "\"\"\"",
    "'''",
    "'",
    "\"",
    "f'",
    "f\"{x",
    "}\"",
    "b''",
    "r'\\'",
    "0",
    "1",
    "1.0",
    "...",
    "é",
    "=[]",
    "={}",
    "=set()",
    "x=[]",
    "d.pop(k)",
    "del d[k]",
    "for k in d:",
    "def f(x, acc=[]):",
    "if acc is None:",
    "    ",
    "\u{feff}",
    "from __future__ import annotations",
    "# coding: latin-1",
];

fn settings(reversed: bool, unsafe_fixes: bool) -> Settings {
    let mut selected: Vec<_> = SUITE.iter().map(|&transform| Selected::new(transform)).collect();
    if reversed {
        selected.reverse();
    }
    Settings { selected, target: PythonVersion::DEFAULT, options: Options::new(), unsafe_fixes, known: ids() }
}

fn works(report: &Report) -> Result<(), TestCaseError> {
    match &report.trouble {
        Some(Trouble::Failed(why)) => Err(TestCaseError::fail(format!("failed: {why}"))),
        _ => Ok(()),
    }
}

/// Everything that holds of any bytes. The failure shows them.
fn holds(bytes: &[u8], kind: FileKind) -> Result<(), TestCaseError> {
    check(bytes, kind).map_err(|why| TestCaseError::fail(format!("{why}\n\nthe input is\n{}", bytes.escape_ascii())))
}

fn check(bytes: &[u8], kind: FileKind) -> Result<(), TestCaseError> {
    let checked = run(bytes.to_vec(), kind, &settings(false, true), Mode::Check);
    works(&checked)?;
    prop_assert!(checked.fixed.is_none(), "a check changes nothing");
    for outcome in &checked.outcomes {
        let range = &outcome.finding.range;
        prop_assert!(range.start <= range.end && range.end <= bytes.len(), "{range:?} of {} bytes", bytes.len());
    }
    for unsafe_fixes in [true, false] {
        let report = run(bytes.to_vec(), kind, &settings(false, unsafe_fixes), Mode::Fix);
        works(&report)?;
        let reversed = run(bytes.to_vec(), kind, &settings(true, unsafe_fixes), Mode::Fix);
        prop_assert_eq!(&report.fixed, &reversed.fixed, "the order of the selection changes the result");
        let Some(fixed) = &report.fixed else { continue };
        prop_assert_ne!(fixed.as_slice(), bytes, "a result that is no change");
        prop_assert!(
            untouched_bytes_stand(bytes, fixed, &report.outcomes),
            "bytes outside the touched ranges have changed:\n{}",
            diff(bytes, fixed)
        );
        let source = SourceFile::new(fixed.clone());
        prop_assert!(source.is_ok_and(|source| accepted(source.code())), "no Python any more:\n{}", diff(bytes, fixed));
        let again = run(fixed.clone(), kind, &settings(false, unsafe_fixes), Mode::Fix);
        works(&again)?;
        if let Some(changed) = &again.fixed {
            return Err(TestCaseError::fail(format!("running again changes the result:\n{}", diff(fixed, changed))));
        }
    }
    Ok(())
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(all_cases)
}

/// One small damage to a text.
#[derive(Clone, Debug)]
enum Damage {
    /// Lines vanish.
    Drop(Index, u8),
    /// A line stands twice.
    Double(Index),
    /// A word appears.
    Word(Index, Index),
    /// A byte becomes another.
    Byte(Index, u8),
    /// A line moves in or out.
    Indent(Index, u8),
    /// A line of another case comes in.
    Graft(Index, Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 1..4_u8).prop_map(|(at, count)| Damage::Drop(at, count)),
        index().prop_map(Damage::Double),
        (index(), index()).prop_map(|(at, word)| Damage::Word(at, word)),
        (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (index(), 0..9_u8).prop_map(|(at, width)| Damage::Indent(at, width)),
        (index(), index(), index()).prop_map(|(at, case, line)| Damage::Graft(at, case, line)),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for damage in damages {
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            break;
        }
        match damage {
            Damage::Drop(at, count) => {
                let at = at.index(lines.len());
                lines.drain(at..(at + usize::from(*count)).min(lines.len()));
            }
            Damage::Double(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
            }
            Damage::Word(at, word) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, WORDS[word.index(WORDS.len())].bytes());
                continue;
            }
            Damage::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
                continue;
            }
            Damage::Indent(at, width) => {
                let at = at.index(lines.len());
                let blank = lines[at].iter().take_while(|&&byte| byte == b' ').count();
                lines[at].splice(..blank, std::iter::repeat_n(b' ', usize::from(*width)));
            }
            Damage::Graft(at, case, line) => {
                let other = &cases()[case.index(cases().len())].before;
                let others: Vec<_> = other.split_inclusive('\n').collect();
                if !others.is_empty() {
                    let at = at.index(lines.len() + 1);
                    lines.insert(at, others[line.index(others.len())].as_bytes().to_vec());
                }
            }
        }
        bytes = lines.concat();
    }
    bytes
}

fn configuration(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(configuration(200))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        holds(&bytes, FileKind::Module)?;
    }
}

proptest! {
    #![proptest_config(configuration(400))]

    #[test]
    fn any_soup_of_words_is_survived(words in prop::collection::vec((prop::sample::select(WORDS), any::<bool>()), 0..80)) {
        let text: String = words.iter().flat_map(|&(word, space)| [word, if space { " " } else { "" }]).collect();
        holds(text.as_bytes(), FileKind::Module)?;
    }
}

proptest! {
    #![proptest_config(configuration(600))]

    #[test]
    fn damaged_cases_are_survived(
        case in any::<Index>(),
        damages in prop::collection::vec(damage(), 0..5),
        crlf in any::<bool>(),
        stub in prop::bool::weighted(0.05),
    ) {
        if !cases().is_empty() {
            let text = &cases()[case.index(cases().len())].before;
            let text = if crlf { text.replace('\n', "\r\n") } else { text.clone() };
            holds(&damaged(&text, &damages), if stub { FileKind::Stub } else { FileKind::Module })?;
        }
    }
}

/// Many cases in one file: fixes of different findings and transforms side by side.
#[test]
fn many_cases_in_one_file_hold() {
    let usable: Vec<_> =
        cases().iter().map(|case| &case.before).filter(|text| !text.contains("__future__") && accepted(text)).collect();
    // Neighbours of different pages: every seventh case, starting at each of seven.
    for start in 0..7 {
        let text: String = usable.iter().skip(start).step_by(7).flat_map(|text| [text.as_str(), "\n\n"]).collect();
        if let Err(why) = holds(text.as_bytes(), FileKind::Module) {
            panic!("{why}");
        }
    }
}

#[test]
fn stored_inputs_of_the_fuzzer_are_worked_on() {
    let known = ids();
    let selected = SUITE.iter().map(|&transform| Selected::new(transform)).collect();
    let settings = Settings { selected, target: PythonVersion::DEFAULT, options: Options::new(), unsafe_fixes: true, known };
    let mut seen = 0;
    for folder in ["fix", "skim"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(folder);
        for entry in std::fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read(&path).expect("a file of the project");
            let report = run(text, FileKind::Module, &settings, Mode::Fix);
            assert!(!matches!(report.trouble, Some(Trouble::Failed(_))), "{}: {:?}", path.display(), report.trouble);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} inputs");
}
