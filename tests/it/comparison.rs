//! What `docs/comparison/README.md` says of mlfix is what it does, and README.md counts right.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mlfix::engine::driver::{Mode, Selected, Settings, run};
use mlfix::engine::finding::{Repair, Tier};
use mlfix::engine::transform::{FileKind, Options};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

use crate::readme::ids;
use crate::{front_page, python};

const TABLE_START: &str = "<!-- comparison: kept by a test -->\n";
const TABLE_END: &str = "<!-- end of comparison -->\n";

/// One line of the page's table.
struct Row {
    file: String,
    cells: Vec<String>,
}

const SHOULD_PRINT: usize = 2;
const RUFF: usize = 3;
const CODEMODDER: usize = 4;
const MLFIX: usize = 5;

/// `MLFIX_UPDATE=1 cargo test` writes the column and the table.
#[test]
fn the_comparison_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("docs/comparison");
    let page = read(&folder.join("README.md"));
    let mut rows: Vec<_> = page.lines().filter_map(row).collect();
    assert_eq!(rows.len(), fs::read_dir(&folder).expect("a folder").count() - 1, "each program has one row");

    let texts: Vec<_> = rows.iter().map(|row| read(&folder.join(&row.file))).collect();
    let fixed: Vec<_> = texts.iter().map(|text| fix(text)).collect();
    let programs: Vec<_> = texts.iter().zip(&fixed).flat_map(|(text, (after, _))| [text.clone(), after.clone()]).collect();
    let printed = python::execute(&programs).unwrap_or_else(|why| panic!("{why}"));
    for ((row, (_, verdict)), printed) in rows.iter_mut().zip(&fixed).zip(printed.chunks(2)) {
        let cell = |text: &str| text.trim_end().replace('\n', " ⏎ ");
        let right = match row.cells[SHOULD_PRINT].as_str() {
            "as before" => printed[0] == printed[1],
            should => should.trim_matches('`') == cell(&printed[1]),
        };
        row.cells[MLFIX] = match (verdict.ends_with("fix"), right) {
            (true, true) => format!("right; {verdict}"),
            (true, false) => format!("**wrong**; {verdict}"),
            (false, _) => verdict.clone(),
        };
        assert!(right || *verdict != "safe fix", "{}: a safe fix makes it print\n{}", row.file, printed[1]);
    }

    let mut lines = rows.iter().map(|row| format!("| {} |", row.cells.join(" | ")));
    let now = page.lines().map(|line| if row(line).is_some() { lines.next().unwrap_or_default() } else { line.to_string() });
    keep(&folder.join("README.md"), &page, &(now.collect::<Vec<_>>().join("\n") + "\n"));

    let _alone = front_page::alone();
    let front = read(&root.join("README.md"));
    let start = front.find(TABLE_START).expect("README.md holds the comment that starts the table") + TABLE_START.len();
    let end = front.find(TABLE_END).expect("README.md holds the comment that ends the table");
    keep(&root.join("README.md"), &front, &format!("{}{}{}", &front[..start], table(&rows), &front[end..]));
}

fn table(rows: &[Row]) -> String {
    let defaults: Vec<_> = rows.iter().filter(|row| row.file.starts_with('m')).collect();
    let (sound, broken): (Vec<_>, Vec<_>) =
        rows.iter().filter(|row| row.file.starts_with('i')).partition(|row| row.cells[SHOULD_PRINT] == "as before");
    let count = |rows: &[&Row], tool: usize, words: &[&str]| {
        rows.iter().filter(|row| words.iter().any(|word| row.cells[tool].contains(word))).count().to_string()
    };
    let mut table =
        "| | ruff 0.17.6 | codemodder 6.5.5 | mlfix | mlfix, safe fixes only |\n| --- | --- | --- | --- | --- |\n".to_string();
    let mut line = |what: String, rows: &[&Row], words: &[&str], safe: &[&str]| {
        let mut cells = [RUFF, CODEMODDER, MLFIX].map(|tool| count(rows, tool, words)).to_vec();
        cells.push(count(rows, MLFIX, safe));
        writeln!(table, "| {what} | {} |", cells.join(" | ")).expect("memory is enough");
    };
    let safe = |word: &str| format!("{word}; safe fix");
    line(format!("{} mutable defaults: fixed, and right", defaults.len()), &defaults, &["right"], &[&safe("right")]);
    line("fixed, and wrong".to_string(), &defaults, &["**wrong**"], &[&safe("**wrong**")]);
    line(format!("{} loops that fail: fixed, and right", broken.len()), &broken, &["right"], &[&safe("right")]);
    line(
        format!("{} loops that are right: reported or changed", sound.len()),
        &sound,
        &["false alarm", "needless", "fix", "reported"],
        &["safe fix"],
    );
    table
}

/// A row of the table whose first cell links to a program.
fn row(line: &str) -> Option<Row> {
    let file = line.strip_prefix("| [")?.split_once("](")?.1.split_once(')')?.0.to_string();
    let inner = line.strip_prefix("| ")?.strip_suffix('|')?.replace("\\|", "\u{0}");
    let cells: Vec<_> = inner.split('|').map(|cell| cell.trim().replace('\u{0}', "\\|")).collect();
    assert_eq!(cells.len(), MLFIX + 1, "{line}");
    Some(Row { file, cells })
}

fn read(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails where a page is not as it should be, or writes it.
fn keep(path: &Path, was: &str, now: &str) {
    if was != now {
        let update = std::env::var_os("MLFIX_UPDATE").is_some();
        assert!(update, "{} is out of date; run `MLFIX_UPDATE=1 cargo test`. It should be\n\n{now}", path.display());
        fs::write(path, now).expect("the page can be written");
    }
}

/// The text with all fixes, and what is said about them.
fn fix(text: &str) -> (String, String) {
    let settings = Settings {
        selected: SUITE.iter().map(|&transform| Selected::new(transform)).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: true,
        known: ids(),
    };
    let report = run(text.into(), FileKind::Module, &settings, Mode::Fix);
    let repairs: Vec<_> = report.outcomes.iter().map(|outcome| &outcome.finding.repair).collect();
    let is_unsafe = |repair: &&Repair| matches!(repair, Repair::Fix(fix) if fix.tier != Tier::Safe);
    let verdict = if repairs.is_empty() {
        "nothing"
    } else if repairs.iter().any(|repair| matches!(repair, Repair::None { .. })) {
        "reported"
    } else if repairs.iter().any(|&repair| is_unsafe(&repair)) {
        "unsafe fix"
    } else {
        "safe fix"
    };
    let after =
        report.fixed.map_or_else(|| text.to_string(), |bytes| String::from_utf8(bytes).expect("the programs are UTF-8"));
    (after, verdict.to_string())
}
