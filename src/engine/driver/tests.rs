//! The driver with made-up transforms: what it does with fixes that conflict, break the text, or never end.

use super::*;
use crate::engine::finding::Tiers;
use crate::engine::transform::{Ask, Match, Meta};

/// Replaces each identifier with a certain name by a text.
struct Rename {
    meta: &'static Meta,
    from: &'static str,
    to: &'static str,
    tier: fn() -> Tier,
    /// Whether the fix relies on the whole statement.
    wide: bool,
}

const fn meta(id: &'static str) -> Meta {
    Meta {
        id,
        summary: "rename",
        why: "A test.",
        aliases: &["X001"],
        anchors: &[],
        options: &[],
        tier: Some(Tiers::Safe),
        query: "(identifier) @name",
        docs: "",
    }
}

impl Transform for Rename {
    fn meta(&self) -> &'static Meta {
        self.meta
    }

    fn check<'t>(&self, m: &Match<'t>, _: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let name = m.node("name");
        assert!(name.text() != "panic", "asked to");
        if name.text() == self.from {
            let span = if self.wide { name.statement().expect("a statement").range() } else { name.range() };
            out.push(Finding {
                range: name.range(),
                message: format!("`{}` is called so", self.from),
                evidence: Vec::new(),
                repair: Repair::Fix(Fix {
                    title: "Rename".to_string(),
                    tier: (self.tier)(),
                    edits: vec![Edit::replace(name.range(), self.to)],
                    imports: Vec::new(),
                    span,
                }),
            });
        }
        Ok(())
    }
}

static ONE: Meta = meta("one");
static TWO: Meta = meta("two");
fn safe() -> Tier {
    Tier::Safe
}

fn settings(transforms: &[&'static Rename], unsafe_fixes: bool) -> Settings {
    Settings {
        selected: transforms.iter().map(|&transform| Selected::new(transform)).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes,
        known: vec!["one", "two"],
    }
}

/// The result and each outcome's transform, status and round.
#[track_caller]
fn fixed(text: &str, transforms: &[&'static Rename]) -> (String, Vec<String>) {
    let report = run(text.into(), FileKind::Module, &settings(transforms, false), Mode::Fix);
    let result = report.fixed.map_or_else(|| text.to_string(), |bytes| String::from_utf8(bytes).expect("text"));
    let mut lines: Vec<String> =
        report.outcomes.iter().map(|o| format!("{} {} {}", o.transform, o.status.name(), o.round)).collect();
    if let Some(trouble) = report.trouble {
        lines.push(format!("{trouble:?}"));
    }
    (result, lines)
}

#[test]
fn fixes_of_one_statement_take_turns() {
    static A: Rename = Rename { meta: &ONE, from: "a", to: "x", tier: safe, wide: true };
    static B: Rename = Rename { meta: &TWO, from: "b", to: "y", tier: safe, wide: true };
    let (text, lines) = fixed("a = b\n", &[&A, &B]);
    assert_eq!((text.as_str(), lines), ("x = y\n", vec!["one applied 0".to_string(), "two applied 1".to_string()]));
    // Other statements are not in the way.
    let (text, lines) = fixed("a = 1\nc = b\n", &[&A, &B]);
    assert_eq!((text.as_str(), lines), ("x = 1\nc = y\n", vec!["one applied 0".to_string(), "two applied 0".to_string()]));
}

#[test]
fn a_finding_that_another_fix_removed_is_superseded() {
    static A: Rename = Rename { meta: &ONE, from: "a", to: "x", tier: safe, wide: true };
    static B: Rename = Rename { meta: &TWO, from: "a", to: "y", tier: safe, wide: true };
    let (text, lines) = fixed("a = 1\n", &[&A, &B]);
    assert_eq!((text.as_str(), lines), ("x = 1\n", vec!["one applied 0".to_string(), "two superseded 0".to_string()]));
}

#[test]
fn only_the_guilty_fix_is_dropped() {
    static A: Rename = Rename { meta: &ONE, from: "a", to: "x +", tier: safe, wide: false };
    static B: Rename = Rename { meta: &TWO, from: "b", to: "y", tier: safe, wide: false };
    let (text, lines) = fixed("c = a\nd = b\n", &[&A, &B]);
    assert_eq!((text.as_str(), lines), ("c = a\nd = y\n", vec!["one rejected 2".to_string(), "two applied 1".to_string()]));
}

#[test]
fn fixes_that_undo_each_other_leave_the_file_alone() {
    static A: Rename = Rename { meta: &ONE, from: "a", to: "b", tier: safe, wide: false };
    static B: Rename = Rename { meta: &TWO, from: "b", to: "a", tier: safe, wide: false };
    static GROW: Rename = Rename { meta: &ONE, from: "g", to: "g + g", tier: safe, wide: false };
    let (text, lines) = fixed("a = 1\n", &[&A, &B]);
    assert_eq!(text, "a = 1\n");
    assert!(lines.last().expect("a trouble").contains("two undo each other"), "{lines:?}");
    let (text, lines) = fixed("x = g\n", &[&GROW]);
    assert_eq!(text, "x = g\n");
    assert!(lines.last().expect("a trouble").contains("no end after"), "{lines:?}");
}

#[test]
fn tiers_suppressions_and_syntax_errors_are_respected() {
    static U: Rename = Rename { meta: &ONE, from: "a", to: "x", tier: || Tier::unsafe_because("a test"), wide: false };
    static A: Rename = Rename { meta: &ONE, from: "a", to: "x", tier: safe, wide: false };
    assert_eq!(fixed("a = 1\n", &[&U]), ("a = 1\n".to_string(), vec!["one needs-unsafe 0".to_string()]));
    assert_eq!(fixed("a = 1  # noqa: X001\n", &[&A]).1, ["one suppressed 0"]);
    let (text, lines) = fixed("a = 1\nif x:\npass\n", &[&A]);
    assert_eq!((text.as_str(), lines[0].as_str()), ("a = 1\nif x:\npass\n", "one blocked 0"));
    assert!(lines[1].contains("syntax error at line 3"), "{lines:?}");
    let report = run(b"a = 1\n".to_vec(), FileKind::Module, &settings(&[&U], true), Mode::Check);
    assert_eq!((report.outcomes[0].status.clone(), report.fixed), (Status::Fixable, None));
}

#[test]
fn a_panic_names_the_transform_and_changes_nothing() {
    static A: Rename = Rename { meta: &ONE, from: "a", to: "x", tier: safe, wide: false };
    let (text, lines) = fixed("a = panic\n", &[&A]);
    assert_eq!(
        (text.as_str(), lines.as_slice()),
        ("a = panic\n", ["Failed(\"internal error in one: asked to\")".to_string()].as_slice())
    );
}

#[test]
fn line_ends_and_places_in_the_original_are_kept() {
    static A: Rename = Rename { meta: &ONE, from: "a", to: "(\n1\n)", tier: safe, wide: false };
    let report = run(b"b = a\r\nc = a".to_vec(), FileKind::Module, &settings(&[&A], false), Mode::Fix);
    assert_eq!(report.fixed.expect("a result"), b"b = (\r\n1\r\n)\r\nc = (\r\n1\r\n)");
    assert_eq!(report.outcomes.iter().map(|o| o.touched.clone()).collect::<Vec<_>>(), [vec![4..5], vec![11..12]]);
}
