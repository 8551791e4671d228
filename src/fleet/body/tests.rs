//! Texts for quiet and for hostile repositories.

use super::super::record::Edit;
use super::*;

fn step(transform: &str, safe: usize, risky: usize, paths: &[&[u8]]) -> Step {
    let edit = |path: &&[u8]| Edit {
        path: RepoPath(path.to_vec()),
        mode: "100644".into(),
        blob_before: "1".into(),
        blob_after: "2".into(),
        content: Vec::new(),
        diff: Vec::new(),
    };
    Step { transform: transform.into(), safe, risky, edits: paths.iter().map(edit).collect() }
}

fn state() -> State {
    State {
        campaign: "c".into(),
        head: "a".repeat(40),
        base: "b".repeat(40),
        change: "1".into(),
        text: String::new(),
        closed: None,
    }
}

#[test]
fn what_a_maintainer_reads() {
    let steps =
        [step("mutable-default", 2, 0, &[b"src/train.py", b"src/data.py"]), step("open-without-with", 1, 1, &[b"src/data.py"])];
    let text = Text::new(&steps, "spring", "0.1.0");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/fleet");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let messages: Vec<String> = steps.iter().map(|step| commit_message(step, "0.1.0")).collect();
        insta::assert_snapshot!(
            "pull-request",
            format!("{}\n\n{}\n\n--- commits\n\n{}", text.title, text.body, messages.join("\n---\n"))
        );
    });
}

#[test]
fn every_transform_that_fixes_has_an_example() {
    for transform in crate::transforms::SUITE {
        let meta = transform.meta();
        if meta.tier.is_some() {
            let example = example(meta.docs, false).unwrap_or_else(|| panic!("{} has no example", meta.id));
            assert!(example.lines().any(|line| line.starts_with('+')), "{}:\n{example}", meta.id);
            assert!(!example.contains("```"));
        }
    }
}

#[test]
fn nothing_in_a_path_reaches_anybody() {
    let hostile: &[&[u8]] = &[b"@everyone/`x`.py", b"```\n# fixes #1\n.py", b"<!-- mlfix:v1 -->.py", b"\xff.py", b"`"];
    let steps = [step("mutable-default", 1, 0, hostile), step("@bob #3 <b>", 0, 1, &[b"a.py"])];
    let body = Text::new(&steps, "`@bob`", "0.1").body;
    for span in ["``@everyone/`x`.py``", "```` ```\u{fffd}# fixes #1\u{fffd}.py ````", "`<!-- mlfix:v1 -->.py`", "`` ` ``"] {
        assert!(body.contains(span), "{span}\n{body}");
    }
    assert!(!body.contains("@bob #3") && body.contains("### bob3b: 1 fix"), "{body}");
    assert_eq!(State::of(&body), None, "a file name is no state");
    let signed = state().sign(&body);
    assert_eq!(State::of(&signed), Some(state()));
}

#[test]
fn texts_are_cut_and_the_state_is_not() {
    let long: Vec<Vec<u8>> = (0..300).map(|number| format!("{}/{number}.py", "ü".repeat(600)).into_bytes()).collect();
    let paths: Vec<&[u8]> = long.iter().map(Vec::as_slice).collect();
    let text = Text::new(&[step("mutable-default", 300, 0, &paths)], "c", "0.1.0");
    assert!(text.body.contains(" and 200 others"));
    let signed = state().sign(&text.body);
    assert!(signed.len() <= MAX_BODY && signed.contains("(The rest was cut.)"));
    assert_eq!(State::of(&signed), Some(state()));
    let fence = format!("<details>\n```diff\n{}", " line\n".repeat(20_000));
    let signed = state().sign(&fence);
    assert!(signed.contains("\n```\n\n</details>\n\n(The rest was cut.)"));
    let many: Vec<Step> = (0..60).map(|_| step(&"x".repeat(300), 1, 0, &[b"a.py"])).collect();
    assert!(Text::new(&many, "c", "1").title.chars().count() <= MAX_TITLE);
}

#[test]
fn a_person_may_edit_the_text() {
    let text = Text::new(&[step("mutable-default", 1, 0, &[b"a.py"])], "c", "0.1.0");
    let state = State { text: text.hash(), ..state() };
    let signed = state.sign(&text.body);
    assert!(state.is_untouched(&text.title, &signed));
    assert!(state.is_untouched(&text.title, &signed.replace('\n', "\r\n")), "forges change line ends");
    assert!(!state.is_untouched(&text.title, &format!("Please review.\n{signed}")));
    assert!(!state.is_untouched("Another title", &signed));
}

#[test]
fn the_change_is_known_again() {
    let one = [step("mutable-default", 1, 0, &[b"a.py"])];
    let two = [step("mutable-default", 1, 0, &[b"b.py"])];
    assert_eq!(change(&one), change(&one.clone()));
    assert_ne!(change(&one), change(&two));
}
