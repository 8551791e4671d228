//! Any bytes are worked on without a panic, the result is Python if the input was, and a second run changes nothing.

use std::sync::LazyLock;

use mlfix::engine::driver::{Mode, Report, Selected, Settings, Trouble, run};
use mlfix::engine::source::SourceFile;
use mlfix::engine::transform::{FileKind, Options};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;
use ruff_python_parser::{Mode as Grammar, ParseOptions, parse_unchecked};

/// All transforms in their order, and in the opposite one; with unsafe fixes, and without.
static SETTINGS: LazyLock<[[Settings; 2]; 2]> =
    LazyLock::new(|| [false, true].map(|unsafe_fixes| [false, true].map(|reversed| settings(reversed, unsafe_fixes))));

fn settings(reversed: bool, unsafe_fixes: bool) -> Settings {
    let mut selected: Vec<_> = SUITE.iter().map(|&transform| Selected::new(transform)).collect();
    if reversed {
        selected.reverse();
    }
    let known = SUITE.iter().map(|transform| transform.meta().id).collect();
    Settings { selected, target: PythonVersion::DEFAULT, options: Options::new(), unsafe_fixes, known }
}

/// Checks and fixes a module with these bytes, and one in four times a stub.
pub fn fix(data: &[u8]) {
    let kind = if data.len() % 4 == 3 { FileKind::Stub } else { FileKind::Module };
    for [settings, reversed] in SETTINGS.iter() {
        let checked = work(data, kind, settings, Mode::Check);
        assert!(checked.fixed.is_none(), "a check changes nothing");
        for outcome in &checked.outcomes {
            let range = &outcome.finding.range;
            assert!(range.start <= range.end && range.end <= data.len(), "{range:?} is no place of the text");
        }
        let report = work(data, kind, settings, Mode::Fix);
        let other = work(data, kind, reversed, Mode::Fix);
        assert_eq!(report.fixed, other.fixed, "the order of the selection changes the result");
        let Some(fixed) = report.fixed else { continue };
        assert_ne!(fixed, data, "a result that is no change");
        assert!(is_python(&fixed), "no Python any more:\n{}", String::from_utf8_lossy(&fixed));
        let again = work(&fixed, kind, settings, Mode::Fix);
        assert_eq!(again.fixed, None, "running again changes\n{}", String::from_utf8_lossy(&fixed));
    }
}

fn work(data: &[u8], kind: FileKind, settings: &Settings, mode: Mode) -> Report {
    let report = run(data.to_vec(), kind, settings, mode);
    if let Some(Trouble::Failed(why)) = &report.trouble {
        panic!("failed: {why}");
    }
    report
}

/// Whether the second parser accepts the text.
pub(crate) fn is_python(text: &[u8]) -> bool {
    let Ok(source) = SourceFile::new(text.to_vec()) else { return false };
    let code = source.code().strip_prefix('\u{feff}').unwrap_or(source.code());
    parse_unchecked(code, ParseOptions::from(Grammar::Module)).has_valid_syntax()
}
