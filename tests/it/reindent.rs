//! Re-indenting against `CPython`: bodies of real functions move one level deeper under an `if` and are the same program,
//! and move back to the same bytes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use mlfix::engine::edit::{Edit, apply};
use mlfix::engine::reindent::Run;
use mlfix::engine::source::SourceFile;
use mlfix::engine::syntax::{Node, Tree};

/// The test of the `if` that the statements move under: no real code has it.
const MARK: &str = "if 64222:";

/// Reads pairs of texts, unwraps what stands under the mark in the second one, and prints the indexes of the pairs whose
/// syntax trees are not the same.
const REFERENCE: &str = r#"
import ast, json, sys, warnings
warnings.simplefilter("ignore")
def unwrap(tree):
    for node in list(ast.walk(tree)):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                out = []
                for item in value:
                    marked = isinstance(item, ast.If) and isinstance(item.test, ast.Constant) and item.test.value == 64222
                    out.extend(item.body if marked else [item])
                setattr(node, field, out)
    return tree
sys.setrecursionlimit(10000)
wrong = []
for index, (before, after) in enumerate(json.load(sys.stdin)):
    try:
        old = ast.dump(ast.parse(before))
    except (SyntaxError, RecursionError, ValueError):
        continue
    try:
        new = ast.dump(unwrap(ast.parse(after)))
    except Exception as error:
        new = repr(error)
    if old != new:
        wrong.append(index)
json.dump(wrong, sys.stdout)
"#;

/// How many files of the standard library are taken, one function of each. `MLFIX_REINDENT=DIR` takes all files below a
/// folder instead.
const FILES: usize = 250;

#[test]
fn real_functions_move_in_and_out() {
    let files = python(
        "import os, json, sys\nroot = os.environ.get('MLFIX_REINDENT') or os.path.dirname(os.__file__)\nfound = sorted(os.path.join(d, f) for d, _, fs in os.walk(root) for f in fs if f.endswith('.py') and 'site-packages' not in d)\njson.dump(found, sys.stdout)",
        &[],
    );
    let all: Vec<String> = serde_json::from_slice(&files).expect("a list of paths");
    let stride = if std::env::var_os("MLFIX_REINDENT").is_some() { 1 } else { (all.len() / FILES).max(1) };
    let mut pairs = Vec::new();
    let mut failures = Vec::new();
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).expect("smaller than a usize")
    };
    for path in all.iter().step_by(stride) {
        let Some(source) = std::fs::read(path).ok().and_then(|bytes| SourceFile::new(bytes).ok()) else { continue };
        let tree = Tree::parse(source.code());
        if tree.errors().count() > 0 || source.bytes().len() > 400_000 || std::str::from_utf8(source.bytes()).is_err() {
            continue;
        }
        let blocks: Vec<Node<'_>> = tree.root().and_descendants().filter(|node| node.is("block")).collect();
        if blocks.is_empty() {
            continue;
        }
        let statements: Vec<Node<'_>> = blocks[random(blocks.len())].named_children().collect();
        if statements.is_empty() {
            continue;
        }
        let first = random(statements.len());
        let last = first + random(statements.len() - first);
        let Some(run) = Run::new(&source, statements[first], statements[last]) else { continue };
        let place = format!("{path}:{}", source.line(statements[first].start()) + 1);
        match there_and_back(&source, &run) {
            Ok(wrapped) => pairs.push((place, source.code().to_string(), wrapped)),
            Err(why) => failures.push(format!("{place}: {why}")),
        }
    }
    let input: Vec<_> = pairs.iter().map(|(_, before, after)| (before, after)).collect();
    let answer = python(REFERENCE, &serde_json::to_vec(&input).expect("texts are JSON"));
    let wrong: Vec<usize> = serde_json::from_slice(&answer).expect("a list of indexes");
    failures.extend(wrong.iter().map(|&index| format!("{}: another program", pairs[index].0)));
    assert!(pairs.len() > 20, "only {} functions were found", pairs.len());
    assert!(failures.is_empty(), "\n{}\n\n{} of {} fail\n", failures.join("\n"), failures.len(), pairs.len());
}

/// The text with the run under a marked `if`, after a check that taking the unit away again gives the original bytes.
fn there_and_back(source: &SourceFile, run: &Run<'_>) -> Result<String, String> {
    let unit = run.unit(source);
    let indent = run.indent(source).to_string();
    let deeper = run.deeper(source, &unit);
    let there = apply(source.bytes(), &deeper);
    // What moved in, moves out: the same verb on the new text finds the same lines.
    let at = run.first.start() + unit.len() * deeper.iter().filter(|edit| edit.range.start <= run.first.start()).count();
    let mut wrapped = deeper.clone();
    wrapped.insert(0, Edit::insert(run.lines.start, format!("{indent}{MARK}\n")));
    let wrapped: Vec<Edit> = wrapped.into_iter().map(|edit| edit.with_newlines_of(source)).collect();
    let text = String::from_utf8(apply(source.bytes(), &wrapped)).map_err(|error| error.to_string())?;
    let inner = SourceFile::new(text.clone().into_bytes()).map_err(|refusal| refusal.to_string())?;
    let tree = Tree::parse(inner.code());
    let header = text.len() - there.len();
    let first = tree.root().descendants().find(|node| node.start() == at + header && node.is_statement());
    let first = first.ok_or("the first statement is lost")?;
    let last = first.parent().and_then(|block| block.named_children().last()).ok_or("the last statement is lost")?;
    let again = Run::new(&inner, first, last).ok_or("the statements share a line")?;
    let moved = again.deeper(&inner, &unit);
    if moved.len() != deeper.len() {
        return Err(format!("{} lines moved in, {} would move out", deeper.len(), moved.len()));
    }
    let mut back = Vec::new();
    for edit in &moved {
        let start = edit.range.start;
        if inner.bytes()[start..].starts_with(unit.as_bytes()) {
            back.push(Edit::replace(start..start + unit.len(), ""));
        } else {
            return Err(format!("line {} has no unit to take away", inner.line(start) + 1));
        }
    }
    let lines = inner.line_range(inner.line(first.start()) - 1);
    let without_header = Edit::replace(text_header(&inner, lines), "");
    back.insert(0, without_header);
    back.sort_by_key(|edit| edit.range.start);
    if apply(inner.bytes(), &back) != source.bytes() {
        return Err("in and out gives other bytes".to_string());
    }
    Ok(text)
}

/// The line of the marked `if`: decorators and comments may stand between it and the first statement's own line.
fn text_header(source: &SourceFile, from: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let mut line = source.line(from.start);
    while !source.code()[source.line_range(line)].trim_end().ends_with(MARK) && line > 0 {
        line -= 1;
    }
    source.line_range(line)
}

fn python(program: &str, input: &[u8]) -> Vec<u8> {
    let python = std::env::var("MLFIX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let mut command = Command::new(&python);
    command.args(["-B", "-c", program]).env("PYTHONUTF8", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start `{python}`: {error}"));
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(input).expect("Python reads its input");
    drop(stdin);
    child.wait_with_output().expect("Python ends").stdout
}
