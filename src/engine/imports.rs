//! Imports that a fix needs: how a name is spelled where the fix stands, and the edit that adds what is missing.

use super::edit::Edit;
use super::source::SourceFile;
use super::syntax::{Node, Tree};
use super::transform::Context;
use crate::semantics::scope::{BindingKind, Resolution};

/// `from module import name` at module level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// Dotted name of the module.
    pub module: &'static str,
    /// What is imported from it.
    pub name: &'static str,
}

/// How a name is spelled, and what must be imported for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The text that refers to the object: `Optional`, `t.Optional`.
    pub spelled: String,
    /// The import to add, if the file has none that can be used.
    pub import: Option<Import>,
}

/// Modules whose imports stand in the first section, as far as they start the files of this field.
/// Source: `sys.stdlib_module_names` of Python 3.12, without those that begin with an underscore.
const STANDARD: &[&str] = &[
    "__future__",
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "base64",
    "bisect",
    "builtins",
    "bz2",
    "calendar",
    "cmath",
    "codecs",
    "collections",
    "concurrent",
    "configparser",
    "contextlib",
    "contextvars",
    "copy",
    "csv",
    "ctypes",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "email",
    "enum",
    "errno",
    "fnmatch",
    "fractions",
    "functools",
    "gc",
    "getpass",
    "gettext",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "importlib",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "lzma",
    "math",
    "mimetypes",
    "multiprocessing",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "pkgutil",
    "platform",
    "pprint",
    "queue",
    "random",
    "re",
    "secrets",
    "select",
    "shelve",
    "shlex",
    "shutil",
    "signal",
    "site",
    "socket",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "sysconfig",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "token",
    "tokenize",
    "tomllib",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "unittest",
    "urllib",
    "uuid",
    "venv",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zlib",
    "zoneinfo",
];

/// See [`Context::import`].
///
/// Only an import at module level counts that runs unconditionally and above the statement that holds `at`. One under
/// `if TYPE_CHECKING:` does not run, one inside a function or below does not run in time.
pub fn import<'t>(cx: &Context<'t>, module: &'static str, name: &'static str, at: Node<'t>) -> Option<Imported> {
    let scopes = cx.facts().scopes();
    let scope = scopes.scope_of(at);
    let wanted = Import { module, name };
    // Whether `local` means nothing at `at` but imports of what is wanted.
    let means = |local: &str, is_wanted: &dyn Fn(Node<'t>) -> bool| match scopes.lookup(local, scope) {
        Resolution::Variable(id) => scopes.variable(id).bindings.iter().all(|binding| is_wanted(binding.node)),
        Resolution::Builtin => true,
        Resolution::Unknown => false,
    };
    let above = |statement: &Node<'t>| statement.end() <= at.start();
    for statement in cx.tree.root().named_children().filter(above) {
        for (imported, local) in imported_names(statement) {
            match imported {
                Target::Member(from, member)
                    if (from, member) == (module, name) && means(local, &|node| names_member(node, wanted)) =>
                {
                    return Some(Imported { spelled: local.to_string(), import: None });
                }
                Target::Module(whole) if whole == module && means(local, &|node| names_module(node, module)) => {
                    return Some(Imported { spelled: format!("{local}.{name}"), import: None });
                }
                _ => {}
            }
        }
    }
    // The name must be free wherever a reader or another scope of the file could see it.
    let free = means(name, &|node| names_member(node, wanted))
        && !cx.tree.root().descendants().any(|node| {
            node.is("identifier")
                && node.text() == name
                && scopes.variable_of(node).is_some_and(|id| {
                    scopes
                        .variable(id)
                        .bindings
                        .iter()
                        .any(|b| b.kind != BindingKind::FromImport || !names_member(b.node, wanted))
                })
        });
    free.then(|| Imported { spelled: name.to_string(), import: Some(wanted) })
}

enum Target<'t> {
    /// `import a.b` (only where the whole name is bound) or `import a.b as c`.
    Module(&'t str),
    /// `from a import b`.
    Member(&'t str, &'t str),
}

/// What an import statement brings, with the name that it gets here.
fn imported_names(statement: Node<'_>) -> impl Iterator<Item = (Target<'_>, &str)> {
    let from = statement.child("module_name").map(Node::text);
    let is_import = statement.is_any(&["import_statement", "import_from_statement"]);
    statement.children_of("name").filter(move |_| is_import).filter_map(move |item| {
        let (name, alias) = match item.child("alias") {
            Some(alias) => (item.child("name")?.text(), alias.text()),
            None => (item.text(), item.text()),
        };
        Some((from.map_or(Target::Module(name), |from| Target::Member(from, name)), alias))
    })
}

/// Whether a binding's node stands in an import of this member.
fn names_member(binding: Node<'_>, wanted: Import) -> bool {
    let Some(statement) = binding.statement() else { return false };
    imported_names(statement).any(|(target, local)| {
        local == binding.text() && matches!(target, Target::Member(from, name) if from == wanted.module && name == wanted.name)
    })
}

fn names_module(binding: Node<'_>, module: &str) -> bool {
    let Some(statement) = binding.statement() else { return false };
    imported_names(statement)
        .any(|(target, local)| local == binding.text() && matches!(target, Target::Module(whole) if whole == module))
}

/// The edits that add the imports, which are sorted and free of repetition: merged into statements that import from the
/// same module where there are such, else on a line of their own where a sorted file has it.
pub fn edits(tree: &Tree, source: &SourceFile, wanted: &[Import]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut rest = wanted;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|import| import.module == first.module).count();
        let (same, others) = rest.split_at(count);
        rest = others;
        let names: Vec<&str> = same.iter().map(|import| import.name).collect();
        edits.push(extend(tree, source, first.module, &names).unwrap_or_else(|| add(tree, source, first.module, &names)));
    }
    edits
}

/// Adds the names to a `from module import ..` at module level.
fn extend(tree: &Tree, source: &SourceFile, module: &str, names: &[&str]) -> Option<Edit> {
    let statement = tree.root().named_children().find(|statement| {
        statement.is("import_from_statement")
            && statement.child("module_name").is_some_and(|from| from.text() == module)
            && statement.child_of_kind("wildcard_import").is_none()
            && statement.children().all(|child| !child.is_any(&["comment", "line_continuation"]))
    })?;
    let items: Vec<Node<'_>> = statement.children_of("name").collect();
    let sorted = items.windows(2).all(|pair| pair[0].text() <= pair[1].text());
    // Have: from module import a, b
    let parenthesized = statement.child_of_kind("(").is_some();
    let spread = source.line(items.first()?.start()) != source.line(items.last()?.end()) || {
        parenthesized && source.line(statement.child_of_kind("(")?.start()) != source.line(items.first()?.start())
    };
    let separator = if spread { format!(",\n{}", source.indent(items.last()?.start())) } else { ", ".to_string() };
    let before = items.iter().find(|item| sorted && names.iter().all(|name| item.text() > *name));
    let joined = names.join(&separator);
    let edit = match before {
        Some(item) => Edit::insert(item.start(), joined + &separator),
        None => Edit::insert(items.last()?.end(), format!("{separator}{joined}")),
    };
    // A line that gets too long would have been wrapped by hand; a second statement is what people write then.
    let width = source.line_range(source.line(statement.start())).len() + edit.text.len();
    (spread || width <= 100).then_some(edit)
}

/// A new line `from module import a, b` among the imports of the file.
fn add(tree: &Tree, source: &SourceFile, module: &str, names: &[&str]) -> Edit {
    let line = format!("from {module} import {}\n", names.join(", "));
    let statements: Vec<Node<'_>> = tree.root().named_children().collect();
    let preamble = statements.iter().enumerate().take_while(|(index, s)| is_preamble(*index, **s)).count();
    let imports: Vec<Node<'_>> = statements[preamble..]
        .iter()
        .copied()
        .take_while(|s| s.is_any(&["import_statement", "import_from_statement"]))
        .collect();
    let standard: Vec<Node<'_>> = imports.iter().copied().take_while(|s| is_standard(*s)).collect();
    if let Some(last) = standard.iter().rev().find(|statement| sort_key(**statement) <= (true, module.to_string())) {
        return after_line(source, *last, &line);
    }
    if let Some(first) = standard.first() {
        return Edit::insert(source.line_start(first.start()), line);
    }
    if let Some(first) = imports.first() {
        // A section of its own above those of other packages, below a comment that belongs to none of them.
        return Edit::insert(source.line_start(first.start()), format!("{line}\n"));
    }
    if let Some(last) = preamble.checked_sub(1).map(|last| statements[last]) {
        let end = source.line_end(last.end());
        let blank_below = source.code()[end..].starts_with(['\n', '\r']);
        let text = if blank_below { format!("\n{line}") } else { format!("\n{line}\n") };
        let text = if ends_line(source, end) { text } else { format!("\n{}", text.trim_end_matches('\n')) };
        return Edit::insert(end, text);
    }
    // Two blank lines stand above a definition, one above anything else.
    let is_definition = |s: &Node<'_>| s.is_any(&["function_definition", "class_definition", "decorated_definition"]);
    let gap = if statements.first().is_some_and(is_definition) { "\n\n" } else { "\n" };
    Edit::insert(first_code(source), format!("{line}{gap}"))
}

/// A docstring or an import from `__future__`: nothing may stand before it.
fn is_preamble(index: usize, statement: Node<'_>) -> bool {
    let docstring = index == 0
        && statement.is("expression_statement")
        && statement.only_child().is_some_and(|e| e.unparenthesized().is_any(&["string", "concatenated_string"]));
    docstring || statement.is("future_import_statement")
}

fn is_standard(statement: Node<'_>) -> bool {
    imported_module(statement).is_some_and(|module| STANDARD.contains(&module.split('.').next().unwrap_or(module)))
}

/// The module that an import statement names first.
fn imported_module(statement: Node<'_>) -> Option<&str> {
    let from = statement.child("module_name").map(Node::text);
    from.or_else(|| imported_names(statement).next().map(|(Target::Module(module) | Target::Member(module, _), _)| module))
}

/// `import x` stands above `from x import y`, and both are sorted by module: the order of isort and of ruff.
fn sort_key(statement: Node<'_>) -> (bool, String) {
    (statement.is("import_from_statement"), imported_module(statement).unwrap_or_default().to_string())
}

fn after_line(source: &SourceFile, statement: Node<'_>, line: &str) -> Edit {
    let end = source.line_end(statement.end());
    if ends_line(source, end) { Edit::insert(end, line) } else { Edit::insert(end, format!("\n{}", line.trim_end())) }
}

fn ends_line(source: &SourceFile, end: usize) -> bool {
    source.code()[..end].ends_with('\n')
}

/// Offset behind the comments at the top of a file: a shebang, the encoding, the licence, and the blank lines below.
fn first_code(source: &SourceFile) -> usize {
    let mut at = source.start();
    let mut end_of_header = at;
    for number in 0..source.line_count() {
        let range = source.line_range(number);
        let text = source.code()[range.start.max(at)..range.end].trim();
        if text.starts_with('#') {
            end_of_header = range.end;
        } else if !text.is_empty() {
            break;
        } else if end_of_header > source.start() {
            // A blank line ends the header; a comment below belongs to the code that follows.
            end_of_header = range.end;
            break;
        }
        at = range.end;
    }
    end_of_header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::edit::apply;

    const OPTIONAL: Import = Import { module: "typing", name: "Optional" };

    #[track_caller]
    fn added(before: &str, after: &str) {
        let source = SourceFile::new(before.into()).expect("text");
        let edits = edits(&Tree::parse(source.code()), &source, &[OPTIONAL]);
        assert_eq!(String::from_utf8_lossy(&apply(before.as_bytes(), &edits)), after);
    }

    #[test]
    fn names_join_an_import_of_the_same_module() {
        added("from typing import Any, Union\n", "from typing import Any, Optional, Union\n");
        added("from typing import Union, Any\n", "from typing import Union, Any, Optional\n");
        added(
            "from typing import (\n    Any,\n    Union,\n)\n",
            "from typing import (\n    Any,\n    Optional,\n    Union,\n)\n",
        );
        added("from typing import (\n    Any,\n    List\n)\n", "from typing import (\n    Any,\n    List,\n    Optional\n)\n");
        added(
            "from typing import (Any,\n                    List)\n",
            "from typing import (Any,\n                    List,\n                    Optional)\n",
        );
        added("from typing import *\n\nx = 1\n", "from typing import *\nfrom typing import Optional\n\nx = 1\n");
    }

    #[test]
    fn a_new_line_stands_where_a_sorted_file_has_it() {
        added(
            "import os\nimport sys\n\nimport torch\n",
            "import os\nimport sys\nfrom typing import Optional\n\nimport torch\n",
        );
        added("import os\nfrom warnings import warn\n", "import os\nfrom typing import Optional\nfrom warnings import warn\n");
        added("from zipfile import ZipFile\n", "from typing import Optional\nfrom zipfile import ZipFile\n");
        added("import torch\n", "from typing import Optional\n\nimport torch\n");
    }

    #[test]
    fn what_must_come_first_comes_first() {
        added("\"\"\"Doc.\"\"\"\n\nx = 1\n", "\"\"\"Doc.\"\"\"\n\nfrom typing import Optional\n\nx = 1\n");
        added("\"\"\"Doc.\"\"\"\nx = 1\n", "\"\"\"Doc.\"\"\"\n\nfrom typing import Optional\n\nx = 1\n");
        added(
            "from __future__ import annotations\n\nimport torch\n",
            "from __future__ import annotations\n\nfrom typing import Optional\n\nimport torch\n",
        );
        added(
            "#!/usr/bin/env python\n# Licence\n\ndef f(): pass\n",
            "#!/usr/bin/env python\n# Licence\n\nfrom typing import Optional\n\n\ndef f(): pass\n",
        );
        added("def f(): pass\n", "from typing import Optional\n\n\ndef f(): pass\n");
        added("\u{feff}x = 1\n", "\u{feff}from typing import Optional\n\nx = 1\n");
        added("import os", "import os\nfrom typing import Optional");
    }
}
