//! Scopes against `CPython`'s own: the `symtable` module run over embedded snippets and over files of the standard library.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use mlfix::engine::source::SourceFile;
use mlfix::engine::syntax::{Node, Tree};
use mlfix::semantics::scope::{Resolution, ScopeId, ScopeKind, Scopes};
use serde_json::Value;

/// Prints one line of JSON per file named on standard input: every function, class, lambda and comprehension with its
/// line and, for each name in it, whether it is `local`, `free` (of a function around it) or `global`.
/// From Python 3.12 on most comprehensions are inlined, and their names listed in the scope around (PEP 709).
/// Annotations and type parameters have tables of their own from Python 3.12 or 3.14 on and are passed over.
const REFERENCE: &str = r#"
import json, sys, symtable, warnings
warnings.simplefilter("ignore")
COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")
def walk(table, out):
    kind = getattr(table.get_type(), "value", table.get_type())
    if kind in ("module", "function", "class") and not table.get_name().startswith("__annot"):
        names = {}
        for s in table.get_symbols():
            names[s.get_name()] = "local" if s.is_local() else "free" if s.is_free() else "global"
        name = table.get_name().strip("<>")
        name = "module" if kind == "module" else name
        name = "comp" if name in COMPREHENSIONS else name
        line = 0 if kind == "module" else table.get_lineno()
        out.append([line, name, names])
    for child in table.get_children():
        walk(child, out)
for path in sys.stdin.read().splitlines():
    out = []
    try:
        with open(path, "rb") as file:
            walk(symtable.symtable(file.read(), path, "exec"), out)
    except (SyntaxError, ValueError, OSError, RecursionError):
        out = None
    print(json.dumps([path, out, sys.version_info >= (3, 12)]))
"#;

/// Line (1-based, 0 for the module), name, and each name inside with what it is.
type Table = (usize, String, BTreeMap<String, String>);

/// What the scopes of a text are, in the words of [`REFERENCE`]. The second part of each holds
/// the names that stand in annotations only.
fn tables(source: &SourceFile) -> Vec<(Table, BTreeSet<String>)> {
    let tree = Tree::parse(source.code());
    let scopes = Scopes::new(&tree);
    let mut found: BTreeMap<ScopeId, (Table, BTreeSet<String>)> = BTreeMap::new();
    for scope in scopes.all() {
        let definition = scopes.definition(scope);
        let name = match scopes.kind(scope) {
            ScopeKind::TypeParameters => continue,
            ScopeKind::Module => "module",
            ScopeKind::Lambda => "lambda",
            ScopeKind::Comprehension => "comp",
            ScopeKind::Class | ScopeKind::Function => definition.child("name").map_or("", Node::text),
        };
        let line = if scope == Scopes::MODULE { 0 } else { source.line(definition.start()) + 1 };
        found.insert(scope, ((line, name.to_string(), BTreeMap::new()), BTreeSet::new()));
    }
    let mut enter = |identifier: Node<'_>, at: ScopeId| {
        let resolution = scopes.resolve(identifier);
        let kind = match resolution {
            Resolution::Variable(id) => {
                let owner = scopes.variable(id).scope;
                match scopes.kind(owner) {
                    _ if owner == at => "local",
                    ScopeKind::Module => "global",
                    _ => "free",
                }
            }
            Resolution::Builtin | Resolution::Unknown => "global",
        };
        let Some(((_, _, names), annotated)) = found.get_mut(&at) else { return };
        let name = scopes.mangled(identifier.text(), at).into_owned();
        let is_annotation = identifier.ancestors().take_while(|node| !node.is_statement()).any(|node| node.is("type"));
        if is_annotation && !names.contains_key(&name) {
            annotated.insert(name.clone());
        } else if !is_annotation {
            annotated.remove(&name);
        }
        names.insert(name, kind.to_string());
    };
    for node in tree.root().descendants().filter(|node| node.is("identifier") && scopes.is_name(*node)) {
        let at = scopes.scope_of(node);
        enter(node, at);
        // A walrus makes its name known to the comprehension as well.
        if node.parent().is_some_and(|parent| parent.is("named_expression")) && node.field() == Some("name") {
            let outer = std::iter::successors(Some(at), |&scope| scopes.parent(scope));
            for scope in outer.take_while(|&scope| scope != scopes.beyond_comprehensions(at)) {
                enter(node, scope);
            }
            enter(node, scopes.beyond_comprehensions(at));
        }
    }
    found.into_values().collect()
}

/// Names that the compiler itself puts into a table.
fn is_artefact(name: &str) -> bool {
    name.starts_with('.')
        || ["__class__", "__classdict__", "__conditional_annotations__", "__static_attributes__"].contains(&name)
}

/// Where the two disagree, in words; empty when they agree.
fn differences(ours: &[(Table, BTreeSet<String>)], theirs: &[Value], inlined: bool) -> Vec<String> {
    let mut theirs: Vec<Table> = theirs
        .iter()
        .map(|entry| {
            let names = entry[2].as_object().expect("a map of names");
            let names = names.iter().map(|(name, kind)| (name.clone(), kind.as_str().unwrap_or_default().to_string()));
            let line = entry[0].as_u64().expect("a line") as usize;
            (line, entry[1].as_str().expect("a name").to_string(), names.collect())
        })
        .collect();
    let mut out = Vec::new();
    for ((line, scope, our_names), annotated) in ours.iter().filter(|((_, scope, _), _)| !inlined || scope != "comp") {
        // Several comprehensions may start on one line: take the one that fits best.
        let candidates = theirs.iter().enumerate().filter(|(_, (l, s, _))| (l, s) == (line, scope));
        let best = candidates
            .map(|(at, (_, _, their_names))| (different_names(our_names, annotated, their_names, *line == 0, inlined), at))
            .min_by_key(|(wrong, _)| wrong.len());
        let Some((wrong, at)) = best else {
            out.push(format!("line {line}: {scope} is no scope"));
            continue;
        };
        out.extend(wrong.into_iter().map(|what| format!("line {line}, {scope}: {what}")));
        theirs.swap_remove(at);
    }
    theirs.retain(|(_, scope, _)| !inlined || scope != "comp");
    out.extend(theirs.iter().map(|(line, scope, _)| format!("line {line}: {scope} is a scope")));
    out
}

fn different_names(
    ours: &BTreeMap<String, String>,
    annotated: &BTreeSet<String>,
    theirs: &BTreeMap<String, String>,
    is_module: bool,
    inlined: bool,
) -> Vec<String> {
    let mut out = Vec::new();
    for (name, kind) in theirs.iter().filter(|(name, _)| !is_artefact(name)) {
        let fits = match ours.get(name) {
            // A name bound only by a walrus in a comprehension is `global` in the table of the module.
            Some(found) => found == kind || (is_module && kind == "global"),
            // It may only pass through to a scope inside, or be declared `global` in a function of the module.
            None => inlined || kind == "free" || (is_module && kind == "global"),
        };
        if !fits {
            out.push(format!("{name} is {kind}, found {:?}", ours.get(name)));
        }
    }
    let extra = ours.keys().filter(|name| !theirs.contains_key(*name) && !annotated.contains(*name));
    out.extend(extra.map(|name| format!("{name} is not there")));
    out
}

/// Standard output of `python3`; `None` without one.
fn python(arguments: &[&str], input: &str) -> Option<String> {
    let mut child = Command::new("python3").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).ok()?;
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Compares all files and returns how many were comparable, and the disagreements.
fn compare(paths: &[String]) -> Option<(usize, Vec<String>)> {
    let answer = python(&["-c", REFERENCE], &(paths.join("\n") + "\n"))?;
    let mut compared = 0;
    let mut wrong = Vec::new();
    for line in answer.lines() {
        let entry: Value = serde_json::from_str(line).expect("the script prints JSON");
        let path = entry[0].as_str().expect("a path");
        let Some(theirs) = entry[1].as_array() else { continue };
        let Ok(source) = SourceFile::new(std::fs::read(path).expect("Python has just read it")) else { continue };
        if Tree::parse(source.code()).errors().next().is_some() {
            continue;
        }
        compared += 1;
        let inlined = entry[2].as_bool().unwrap_or_default();
        wrong.extend(differences(&tables(&source), theirs, inlined).into_iter().map(|what| format!("{path}: {what}")));
    }
    Some((compared, wrong))
}

const SNIPPETS: &[&str] = &[
    "class C:\n    x = 1\n    def f(self, y=x): return x, [x for x in x], (lambda x: x)(y)\n    z = [x for _ in x]\n",
    "def f(xs):\n    global g\n    def h():\n        nonlocal xs\n        xs, *g = xs\n        return [(w := x) for x in xs]\n    g = h\n    return w\n",
    "def f():\n    try:\n        import a.b, c as d\n    except (E, F) as e:\n        del e, a.x\n    with a as (b, [c]), d as d.x: b\n    for i, k[i] in c: i\n",
    "def f(s):\n    match s:\n        case [a, *r, (b | c)] | {'k': v, **w} if a: pass\n        case m.C(p, q=t, u=_) as z: _\n        case {A.B: n, 'x': D(y=[1, _])}: pass\n",
    "class K(Base, metaclass=M):\n    __p = 1\n    def f(self, *, k: int = __p, **kw) -> T:\n        __q = __p\n        return lambda a, *b, c=__q: (a, b, c, kw)\n",
    "def outer():\n    x = 1\n    class C:\n        nonlocal x\n        x = 2\n        def g(self): return x\n    class D:\n        x = x\n        y: x = {x: x for x in x if (x for x in x)}\n",
    "x: int\ndef f():\n    y: int\n    (z): int = 1\n    a.b: int = 1\n    return lambda: (y, z)\n",
    "[x for x in a for y in x if (lambda: y)() for z in {y for x in y}]\nany((last := i) for i in b)\n",
];

#[test]
fn snippets_have_the_scopes_that_python_gives_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths: Vec<String> = SNIPPETS
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let path = folder.path().join(format!("{at}.py"));
            std::fs::write(&path, text).expect("a writable temporary folder");
            path.to_string_lossy().into_owned()
        })
        .collect();
    let Some((compared, wrong)) = compare(&paths) else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // `match` needs Python 3.10.
    assert!(compared + 1 >= SNIPPETS.len(), "only {compared} snippets compiled");
}

/// `MLFIX_SYMTABLE_FILES` may name a file that lists other Python files, one a line.
#[test]
fn the_standard_library_has_the_scopes_that_python_gives_it() {
    let listed = std::env::var("MLFIX_SYMTABLE_FILES").ok().and_then(|path| std::fs::read_to_string(path).ok());
    let list = "import glob, os; d = os.path.dirname(os.__file__); \
                print('\\n'.join(sorted(glob.glob(d + '/*.py') + glob.glob(d + '/asyncio/*.py'))[:200]))";
    let Some(paths) = listed.or_else(|| python(&["-c", list], "")) else {
        println!("skipped: there is no python3");
        return;
    };
    let paths: Vec<String> = paths.lines().map(str::to_string).collect();
    let Some((compared, wrong)) = compare(&paths) else {
        println!("skipped: there is no python3");
        return;
    };
    println!("{compared} of {} files compared", paths.len());
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} differences\n{shown}", wrong.len());
}
