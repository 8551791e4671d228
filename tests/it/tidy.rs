//! Rules of the house that a test can check. Each message says what to do.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mlfix::engine::finding::Tiers;
use mlfix::engine::syntax::language;
use mlfix::engine::transform::Meta;
use mlfix::transforms::SUITE;
use tree_sitter::Query;

use crate::front_page;
use crate::readme::ids;
use crate::rust::{Token, What, production_tokens, tokens};

const TABLE_START: &str = "<!-- transforms: kept by a test -->\n";
const TABLE_END: &str = "<!-- end of transforms -->\n";

#[test]
fn every_rust_file_says_what_lives_in_it() {
    let wrong = rust_files(&["src", "transforms", "tests", "benches", "python"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! ") || text.starts_with("//! stub"))
        .map(|(path, _)| format!("{path}:1: open the file with a `//!` sentence that says what lives here"));
    report(&wrong.collect::<Vec<_>>());
}

#[test]
fn no_file_is_a_drawer_for_leftovers() {
    let drawers = ["util", "utils", "helper", "helpers", "common", "manager", "misc"];
    let wrong = rust_files(&["src", "transforms", "tests", "benches", "python"])
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.split(['/', '.']).any(|part| drawers.contains(&part)))
        .map(|path| format!("{path}: name the file after the one thing that lives in it"));
    report(&wrong.collect::<Vec<_>>());
}

#[test]
fn the_engine_never_names_a_transform() {
    let ids = ids();
    let mut wrong = Vec::new();
    for (path, text) in production_files(&["src/engine", "src/semantics"]) {
        for (before, token) in pairs(&production_tokens(&text)) {
            let named = match &token.what {
                What::Word(word) if word == "transforms" => before.is(":"),
                What::Word(word) => ids.iter().any(|id| id.replace('-', "_") == *word),
                What::Text(text) => ids.iter().any(|id| text.contains(id)),
                What::Mark(_) => false,
            };
            if named {
                wrong.push(format!(
                    "{path}:{}: the engine and the semantics serve all transforms alike; move what is special into the \
                     transform's folder",
                    token.line
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn nothing_is_unwrapped_without_a_reason() {
    let mut wrong = Vec::new();
    for (path, text) in production_files(&["src", "transforms", "python"]) {
        for window in production_tokens(&text).windows(4) {
            if window[0].is(".") && window[1].is("unwrap") && window[2].is("(") && window[3].is(")") {
                wrong.push(format!("{path}:{}: say why it cannot fail: `.expect(\"reason\")`", window[1].line));
            }
        }
        for token in tokens(&text) {
            if token.is("todo") || token.is("unimplemented") || token.is("dbg") {
                wrong.push(format!("{path}:{}: unfinished code", token.line));
            }
        }
    }
    report(&wrong);
}

/// A kind or field that the grammar does not have never matches, and nothing else would say so.
#[test]
fn kinds_and_fields_exist_in_the_grammar() {
    let mut wrong = Vec::new();
    for (path, text) in production_files(&["src", "transforms"]) {
        let tokens = production_tokens(&text);
        // A file that never touches the syntax tree may use the same words for other things.
        if !tokens.iter().any(|token| token.is("Node") || token.is("Tree") || token.is("Match")) {
            continue;
        }
        for (token, name) in named_kinds(&tokens) {
            if !is_kind(name) {
                wrong.push(format!(
                    "{path}:{}: the grammar has no node kind `{name}`; print a tree to see its name",
                    token.line
                ));
            }
        }
        for (token, name) in named_fields(&tokens) {
            if language().field_id_for_name(name).is_none() {
                wrong.push(format!("{path}:{}: the grammar has no field `{name}`; print a tree to see its name", token.line));
            }
        }
    }
    report(&wrong);
}

#[test]
fn misspelled_kinds_are_seen() {
    let source = r#"
        fn f(n: Node) {
            n.is("cal"); n.is_any(&["call", "lst"]); n.child_of_kind("blok"); n.kind() == "nam"; "nome" != n.kind();
            match n.kind() { "a" | "b" if x("no") => g("no"), "c" => { h("no") } _ => 1 };
            matches!(n.kind(), "d" | "e");
            n.child("bod"); n.children_of("nome"); n.field() == Some("feld"); matches!(n.field(), Some("f" | "g"));
        }
    "#;
    let tokens = tokens(source);
    let kinds: BTreeSet<_> = named_kinds(&tokens).into_iter().map(|(_, name)| name).collect();
    let fields: BTreeSet<_> = named_fields(&tokens).into_iter().map(|(_, name)| name).collect();
    assert_eq!(kinds, BTreeSet::from(["cal", "call", "lst", "blok", "nam", "nome", "a", "b", "c", "d", "e"]));
    assert_eq!(fields, BTreeSet::from(["bod", "nome", "feld", "f", "g"]));
    assert!(is_kind("call") && is_kind("+=") && is_kind("ERROR") && !is_kind("cal"));
}

#[test]
fn a_transform_is_one_folder_with_three_files() {
    let mut wrong = Vec::new();
    let mut folders: BTreeSet<String> = names_in("transforms").into_iter().filter(|name| name != "mod.rs").collect();
    let mut seen = BTreeSet::new();
    for transform in SUITE {
        let meta = transform.meta();
        let folder = meta.id.replace('-', "_");
        let kebab = meta
            .id
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        if !kebab {
            wrong.push(format!("{}: an id is words of lower-case letters joined by `-`", meta.id));
        }
        if !seen.insert(meta.id) {
            wrong.push(format!("{}: stands twice in SUITE", meta.id));
        }
        if !folders.remove(&folder) {
            wrong.push(format!("{}: its folder must be transforms/{folder}", meta.id));
            continue;
        }
        for file in ["README.md", "query.scm", "mod.rs"] {
            if !root().join("transforms").join(&folder).join(file).is_file() {
                wrong.push(format!("transforms/{folder}/{file}: is missing"));
            }
        }
        let file = |name: &str| fs::read_to_string(root().join("transforms").join(&folder).join(name)).unwrap_or_default();
        if meta.docs != file("README.md") || meta.query != file("query.scm") {
            wrong.push(format!("{}: `docs` and `query` are `include_str!` of the files beside it", meta.id));
        }
        if !meta.docs.starts_with(&format!("# {}\n", meta.id)) {
            wrong.push(format!("transforms/{folder}/README.md:1: must be `# {}`", meta.id));
        }
        for heading in ["## Safety", "## References"] {
            if !meta.docs.lines().any(|line| line == heading) {
                wrong.push(format!("transforms/{folder}/README.md: has no section `{heading}`"));
            }
        }
        for (what, text, stop) in [("summary", meta.summary, false), ("why", meta.why, true)] {
            if text.is_empty() || text.ends_with('.') != stop {
                let end = if stop { "with" } else { "without" };
                wrong.push(format!("{}: `{what}` is a sentence {end} full stop", meta.id));
            }
        }
        for option in meta.options {
            if option.values.len() < 2 || !meta.docs.contains(&format!("`{}", option.name)) {
                wrong.push(format!("{}: option `{}` needs two values or more and a word in README.md", meta.id, option.name));
            }
        }
    }
    wrong.extend(folders.into_iter().map(|folder| format!("transforms/{folder}: is in no line of SUITE")));
    report(&wrong);
}

#[test]
fn queries_are_plain_and_explained() {
    let mut wrong = Vec::new();
    for transform in SUITE {
        let meta = transform.meta();
        let name = format!("transforms/{}/query.scm", meta.id.replace('-', "_"));
        let query = match Query::new(language(), meta.query) {
            Ok(query) => query,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        // A misspelled predicate is accepted by the library, means nothing, and matches everything.
        for pattern in 0..query.pattern_count() {
            for predicate in query.general_predicates(pattern) {
                wrong.push(format!("{name}: there is no predicate `{}`", predicate.operator));
            }
        }
        let tops = top_level(meta.query);
        // A predicate outside the parentheses of its pattern becomes a pattern of its own.
        if tops.len() != query.pattern_count() {
            wrong.push(format!("{name}: {} top-level forms, but {} patterns", tops.len(), query.pattern_count()));
        }
        let lines: Vec<_> = meta.query.lines().collect();
        for line in tops {
            let above = if line > 1 { lines[line - 2].trim() } else { "" };
            if !(above.starts_with("; ") && above.ends_with('.')) {
                wrong.push(format!("{name}:{line}: a comment above the pattern says, in a sentence, what it matches"));
            }
        }
    }
    report(&wrong);
}

/// `MLFIX_UPDATE=1 cargo test` writes the table.
#[test]
fn the_table_of_transforms_is_true() {
    let _alone = front_page::alone();
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).expect("there is a README.md");
    let table = table();
    let start = text.find(TABLE_START).expect("README.md holds the comment that starts the table") + TABLE_START.len();
    let end = text.find(TABLE_END).expect("README.md holds the comment that ends the table");
    if text[start..end] == table {
        return;
    }
    if std::env::var_os("MLFIX_UPDATE").is_some() {
        fs::write(&path, format!("{}{table}{}", &text[..start], &text[end..])).expect("README.md can be written");
        return;
    }
    panic!("README.md: the table of transforms is out of date; run `MLFIX_UPDATE=1 cargo test`. It should be\n\n{table}");
}

#[test]
fn every_dependency_has_its_reason() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a file of the project");
    let page = read("docs/dependencies.md");
    let manifest: toml::Table = read("Cargo.toml").parse().expect("cargo reads it too");
    let names: BTreeSet<String> = ["dependencies", "dev-dependencies"]
        .into_iter()
        .flat_map(|kind| manifest[kind].as_table().expect("a table").keys().map(|name| format!("`{name}`")))
        .collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let told: BTreeSet<String> =
        rows.flat_map(|(names, _)| names.split(", ")).map(|name| format!("`{}`", name.trim_matches('`'))).collect();
    let missing = names.difference(&told).map(|name| format!("docs/dependencies.md: say what {name} is for"));
    let gone = told.difference(&names).map(|name| format!("docs/dependencies.md: {name} is no dependency any more"));
    report(&missing.chain(gone).collect::<Vec<_>>());
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let prefixes = ["home", "root", "Users", "work", "workspace"].map(|name| format!("/{name}/"));
    let mut wrong = Vec::new();
    for path in tracked_files() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let absolute = |prefix: &String| {
                line.match_indices(prefix.as_str())
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "/._-~*}>)".contains(c)))
            };
            if prefixes.iter().any(absolute) {
                wrong.push(format!("{path}:{}: a path of one machine", number + 1));
            }
        }
    }
    report(&wrong);
}

/// All failures at once.
#[track_caller]
fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn table() -> String {
    let mut table = "| transform | finds code that | fixes | same as |\n| --- | --- | --- | --- |\n".to_string();
    for transform in SUITE {
        let Meta { id, summary, tier, aliases, .. } = transform.meta();
        let fixes = match tier {
            Some(Tiers::Safe) => "safe and unsafe",
            Some(Tiers::Unsafe) => "unsafe only",
            None => "none, it reports",
        };
        let folder = id.replace('-', "_");
        let same = aliases.join(", ");
        writeln!(table, "| [`{id}`](transforms/{folder}/README.md) | {summary} | {fixes} | {same} |")
            .expect("memory is enough");
    }
    table
}

/// Literals that are compared with the kind of a node.
fn named_kinds(tokens: &[Token]) -> Vec<(&Token, &str)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let method = at > 0 && tokens[at - 1].is(".") && tokens.get(at + 1).is_some_and(|next| next.is("("));
        if !method {
            continue;
        }
        if token.is("is") || token.is("is_any") || token.is("child_of_kind") {
            found.extend(texts(&tokens[at + 1..close(tokens, at + 1)]));
        }
        if token.is("kind") {
            let behind = &tokens[(close(tokens, at + 1) + 1).min(tokens.len())..];
            found.extend(compared(tokens, at, behind));
            found.extend(arms(tokens, at, behind));
        }
    }
    found
}

/// Literals that are taken for names of fields.
fn named_fields(tokens: &[Token]) -> Vec<(&Token, &str)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let method = at > 0 && tokens[at - 1].is(".") && tokens.get(at + 1).is_some_and(|next| next.is("("));
        if !method {
            continue;
        }
        if token.is("child") || token.is("children_of") {
            found.extend(texts(&tokens[at + 1..close(tokens, at + 1)]).into_iter().take(1));
        }
        if token.is("field") {
            let behind = &tokens[(close(tokens, at + 1) + 1).min(tokens.len())..];
            let equals = behind.len() > 3 && (behind[0].is("=") || behind[0].is("!")) && behind[1].is("=");
            if equals && behind[2].is("Some") && behind[3].is("(") {
                found.extend(texts(&behind[3..close(behind, 3)]));
            }
            found.extend(arms(tokens, at, behind));
        }
    }
    found
}

/// `x.kind() == "a"` and `"a" == x.kind()`.
fn compared<'a>(tokens: &'a [Token], at: usize, behind: &'a [Token]) -> Vec<(&'a Token, &'a str)> {
    let equals = |pair: &[Token]| (pair[0].is("=") || pair[0].is("!")) && pair[1].is("=");
    if behind.len() > 2 && equals(behind) {
        return texts(&behind[2..3]);
    }
    let mut start = at;
    while start > 0 && (tokens[start - 1].is(".") || matches!(tokens[start - 1].what, What::Word(_))) {
        start -= 1;
    }
    if start > 2 && equals(&tokens[start - 2..]) { texts(&tokens[start - 3..start - 2]) } else { Vec::new() }
}

/// Patterns of `match x.kind() { .. }` and `matches!(x.kind(), ..)`.
fn arms<'a>(tokens: &'a [Token], at: usize, behind: &'a [Token]) -> Vec<(&'a Token, &'a str)> {
    let Some(first) = behind.first() else { return Vec::new() };
    if first.is(",") {
        let statement = tokens[..at].iter().rposition(|token| token.is(";") || token.is("{")).unwrap_or(0);
        let matches = tokens[statement..at].iter().rposition(|token| token.is("matches"));
        let Some(open) = matches.map(|index| statement + index + 2) else { return Vec::new() };
        if tokens[open + 1..at].iter().any(|token| token.is(",")) {
            return Vec::new();
        }
        let pattern = &tokens[tokens.len() - behind.len()..close(tokens, open)];
        let guard = pattern.iter().position(|token| token.is("if")).unwrap_or(pattern.len());
        return texts(&pattern[..guard]);
    }
    if !first.is("{") {
        return Vec::new();
    }
    let end = close(behind, 0);
    let mut found = Vec::new();
    let mut index = 1;
    while index < end {
        // The pattern runs to its guard or to the arrow.
        let start = index;
        while index < end && !behind[index].is("if") && !(behind[index].is("=") && behind[index + 1].is(">")) {
            index += 1;
        }
        found.extend(texts(&behind[start..index]));
        while index < end && !(behind[index].is("=") && behind[index + 1].is(">")) {
            index += 1;
        }
        index += 2;
        // The arm is a block or runs to a comma.
        if index < end && behind[index].is("{") {
            index = close(behind, index) + 1;
            if index < end && behind[index].is(",") {
                index += 1;
            }
            continue;
        }
        while index < end && !behind[index].is(",") {
            index =
                if "([{".chars().any(|mark| behind[index].what == What::Mark(mark)) { close(behind, index) } else { index } + 1;
        }
        index += 1;
    }
    found
}

/// Index of the bracket that closes the one at `open`.
fn close(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.what {
            What::Mark('(' | '[' | '{') => depth += 1,
            What::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len()
}

fn texts(tokens: &[Token]) -> Vec<(&Token, &str)> {
    tokens.iter().filter_map(|token| Some((token, token.text()?))).collect()
}

fn is_kind(name: &str) -> bool {
    name == "ERROR" || language().id_for_node_kind(name, true) != 0 || language().id_for_node_kind(name, false) != 0
}

/// Lines, from 1, on which the top-level forms of a query start.
fn top_level(query: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut depth = 0;
    for (number, line) in query.lines().enumerate() {
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                ';' => break,
                '(' | '[' => {
                    if depth == 0 {
                        lines.push(number + 1);
                    }
                    depth += 1;
                }
                ')' | ']' => depth -= 1,
                _ => {}
            }
        }
    }
    lines
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names of what is in a folder, without hidden files.
fn names_in(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// Path and text of the Rust files in some folders.
fn rust_files(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a readable folder").filter_map(|entry| Some(entry.ok()?.path())));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("below the root").display().to_string();
            files.push((name, fs::read_to_string(&path).expect("a readable file")));
        }
    }
    files.sort();
    files
}

/// The same without files of tests.
fn production_files(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = rust_files(folders);
    files.retain(|(path, _)| !path.split(['/', '.']).any(|part| part == "tests"));
    files
}

/// Each token with the one before it.
fn pairs(tokens: &[Token]) -> impl Iterator<Item = (&Token, &Token)> {
    tokens.iter().zip(tokens.iter().skip(1))
}

/// What git tracks; nothing where this is no checkout.
fn tracked_files() -> Vec<String> {
    let output = Command::new("git").arg("ls-files").current_dir(root()).output();
    let Ok(output) = output else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect()
}
