//! Safe fixes of programs in which one tensor has several names.
//!
//! `aliases.py` writes programs at random: views, copies and in-place methods, stores, functions that hold tensors and
//! change them, ends of loops. Whatever is fixed safely must go on to do the same, run by `PyTorch`. `MLFIX_ALIASES=6000`
//! sets how many programs there are, `MLFIX_ALIASES_SEED` which.

use std::io::Write;
use std::process::{Command, Stdio};

use mlfix::engine::driver::{Mode, Selected, Settings, run};
use mlfix::engine::transform::{FileKind, Options};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

use crate::python;
use crate::readme::ids;

fn ask(python: &str, arguments: &[&str], input: &str) -> Vec<u8> {
    let mut command = Command::new(python);
    command.args(["-B", "-c", include_str!("aliases.py")]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it imported torch before");
    child.stdin.take().expect("standard input is piped").write_all(input.as_bytes()).expect("it reads its input");
    child.wait_with_output().expect("it ends").stdout
}

fn number(variable: &str, usual: u32) -> String {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual).to_string()
}

#[test]
fn safe_fixes_know_every_name_of_a_tensor() {
    let Some(python) = python::with_torch() else { return };
    let (seed, count) = (number("MLFIX_ALIASES_SEED", 1), number("MLFIX_ALIASES", 150));
    let programs: Vec<String> = serde_json::from_slice(&ask(&python, &["write", &seed, &count], "")).expect("programs");
    let settings = Settings {
        selected: SUITE.iter().map(|&transform| Selected::new(transform)).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: false,
        known: ids(),
    };
    let fixed = |program: &String| run(program.clone().into_bytes(), FileKind::Module, &settings, Mode::Fix).fixed;
    let pairs: Vec<(String, String)> = programs
        .iter()
        .filter_map(|program| Some((program.clone(), String::from_utf8(fixed(program)?).expect("it was a text"))))
        .collect();
    assert!(pairs.len() * 3 > programs.len(), "{} of {} are fixed", pairs.len(), programs.len());
    let input = serde_json::to_string(&pairs).expect("texts are JSON");
    let wrong: Vec<usize> = serde_json::from_slice(&ask(&python, &["compare"], &input)).expect("numbers");
    let shown: Vec<_> = wrong.iter().map(|&at| format!("{}\n--- becomes\n{}", pairs[at].0, pairs[at].1)).take(3).collect();
    assert!(wrong.is_empty(), "{} of {} do something else now:\n{}", wrong.len(), pairs.len(), shown.join("\n======\n"));
}
