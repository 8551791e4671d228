//! From a name to what it was imported as: `nn.Linear` is `torch.nn.Linear`.

use super::Facts;
use super::scope::{Binding, BindingKind, Resolution, ScopeId, ScopeKind, Variable};
use crate::engine::syntax::Node;

/// Longest chain of attributes that is looked at.
const LONGEST: usize = 32;

impl<'t> Facts<'t> {
    /// The segments of the object that an identifier or attribute chain refers to, through imports:
    /// `["torch", "nn", "Linear"]`; a builtin is `["builtins", "list"]`.
    ///
    /// `None` when the name is bound otherwise, bound in more than one way with different meanings, rebound, shadowed,
    /// under a star import, or when there is a call or subscript in the chain. Relative imports start with `"."`s:
    /// `from ..a import b` gives `["..", "a", "b"]`. `try: import a` / `except ImportError: import b` gives `None`.
    /// Nobody looks for code that sets an attribute of a module: `np.int = int` is not seen.
    pub fn qualified_name(&self, expression: Node<'t>) -> Option<Vec<&'t str>> {
        self.dotted(expression, |name, node| self.meaning(name, self.scopes().resolve(node), node))
    }

    /// Like [`qualified_name`](Self::qualified_name) for a name that was imported before a star import, which most likely
    /// brought nothing of that name.
    pub fn name_but_for_stars(&self, expression: Node<'t>) -> Option<Vec<&'t str>> {
        self.dotted(expression, |_, node| {
            let variable = self.scopes().variable(self.scopes().variable_of(node)?);
            let last = variable.bindings.last()?.node;
            self.scopes().last_star_import(variable.scope).filter(|star| *star > last)?;
            let mut meanings = variable.bindings.iter().map(imported);
            let first = meanings.next()??;
            meanings.all(|meaning| meaning.as_ref() == Some(&first)).then_some(first)
        })
    }

    fn dotted(
        &self,
        expression: Node<'t>,
        meaning: impl Fn(&'t str, Node<'t>) -> Option<Vec<&'t str>>,
    ) -> Option<Vec<&'t str>> {
        let mut steps = Vec::new();
        let mut node = expression.unparenthesized();
        while node.is("attribute") {
            steps.push(node.child("attribute")?.text());
            if steps.len() > LONGEST {
                return None;
            }
            node = node.child("object")?.unparenthesized();
        }
        if !node.is("identifier") || !self.scopes().is_name(node) {
            return None;
        }
        let mut segments = meaning(node.text(), node)?;
        segments.extend(steps.into_iter().rev());
        Some(segments)
    }

    /// Like [`qualified_name`](Self::qualified_name) for a dotted name that is no node: `t.Dict` in a string annotation.
    /// It is read as if it stood at `at`.
    pub(super) fn qualified_text(&self, dotted: &'t str, at: Node<'t>) -> Option<Vec<&'t str>> {
        let mut parts = dotted.split('.').map(str::trim);
        let first = parts.next()?;
        let mut segments = self.meaning(first, self.scopes().lookup(first, self.scopes().scope_of(at)), at)?;
        segments.extend(parts);
        Some(segments)
    }

    /// Whether the expression refers to exactly this object: `is_name(node, "collections.deque")`.
    pub fn is_name(&self, expression: Node<'t>, dotted: &str) -> bool {
        self.qualified_name(expression).is_some_and(|segments| segments.iter().copied().eq(dotted.split('.')))
    }

    /// The function that a call calls, as a qualified name.
    pub fn called_name(&self, call: Node<'t>) -> Option<Vec<&'t str>> {
        self.qualified_name(call.child("function")?)
    }

    /// Whether a new variable in the function (or module) that holds `at` may have this name: no code of that function says it,
    /// as whatever, no scope around it binds it, and nothing looks names up by their texts.
    pub fn is_free_name(&self, name: &str, at: Node<'t>) -> bool {
        let owner = self.owner(at);
        let scope = self.scopes().beyond_comprehensions(self.scopes().scope_of(at));
        let is_said = owner.and_descendants().any(|node| node.is("identifier") && node.text() == name);
        !is_said
            && !is_builtin(name)
            && !self.scopes().is_dynamic(scope)
            && self.scopes().lookup(name, scope) == Resolution::Builtin
    }

    fn meaning(&self, name: &'t str, resolution: Resolution, at: Node<'t>) -> Option<Vec<&'t str>> {
        match resolution {
            Resolution::Builtin => is_builtin(name).then(|| vec!["builtins", name]),
            Resolution::Unknown => None,
            Resolution::Variable(id) => {
                let variable = self.scopes().variable(id);
                let mut meanings = variable.bindings.iter().map(imported);
                let first = meanings.next()??;
                let agree = meanings.all(|meaning| meaning.as_ref() == Some(&first));
                (agree && self.is_settled(variable, at)).then_some(first)
            }
        }
    }

    /// Whether the imports of a variable are what its name means at a place: no star import came later, and where a name
    /// that is not bound yet would be another one of the same spelling, the first import has certainly run.
    fn is_settled(&self, variable: &Variable<'t>, at: Node<'t>) -> bool {
        let (Some(first), Some(last)) = (variable.bindings.first(), variable.bindings.last()) else { return false };
        let scopes = self.scopes();
        if scopes.last_star_import(variable.scope).is_some_and(|star| star > last.node) {
            return false;
        }
        let falls_back = match scopes.kind(variable.scope) {
            ScopeKind::Module => is_builtin(variable.name),
            ScopeKind::Class => true,
            _ => false,
        };
        let is_elsewhere = scopes.beyond_comprehensions(scopes.scope_of(at)) != variable.scope;
        !falls_back || (self.is_at_top(first, variable.scope) && (is_elsewhere || at > first.node))
    }

    /// Whether a binding is a statement of the body itself, under no `if` and no `try`.
    fn is_at_top(&self, binding: &Binding<'t>, scope: ScopeId) -> bool {
        let body = binding.node.statement().and_then(Node::parent);
        let definition = self.scopes().definition(scope);
        body.is_some_and(|body| body == definition || body.parent() == Some(definition))
    }
}

/// What an import binds a name to; `None` for every other binding.
fn imported<'t>(binding: &Binding<'t>) -> Option<Vec<&'t str>> {
    let identifiers = |node: Node<'t>| node.named_children().filter(|child| child.is("identifier")).map(Node::text);
    let entry = binding.node.ancestors().find(|node| node.is_any(&["import_statement", "import_from_statement"]));
    let aliased = binding.node.parent().filter(|parent| parent.is("aliased_import"));
    match binding.kind {
        BindingKind::Import => match aliased {
            Some(aliased) => Some(identifiers(aliased.child("name")?).collect()),
            None => Some(vec![identifiers(binding.node).next()?]),
        },
        BindingKind::FromImport => {
            let name = match aliased {
                Some(aliased) => identifiers(aliased.child("name")?).next()?,
                None => binding.node.text(),
            };
            // `from __future__ import ..` is a statement of its own in the grammar, and names no module.
            let Some(entry) = entry else { return Some(vec!["__future__", name]) };
            let module = entry.child("module_name")?;
            let mut segments = Vec::new();
            let mut path = Some(module);
            if module.is("relative_import") {
                let dots = module.child_of_kind("import_prefix")?.text().bytes().filter(|&byte| byte == b'.').count();
                segments.push("................".get(..dots)?);
                path = module.child_of_kind("dotted_name");
            }
            segments.extend(path.into_iter().flat_map(identifiers));
            segments.push(name);
            Some(segments)
        }
        _ => None,
    }
}

/// Whether Python 3 (3.8 to 3.14, with `site`) has a builtin of this name.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.binary_search(&name).is_ok()
}

/// `dir(builtins)` of Python 3.8, 3.10 and 3.13, without keywords, in byte order.
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "Ellipsis",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
    "__build_class__",
    "__import__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "copyright",
    "credits",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// The qualified name of the expression in the last statement.
    #[track_caller]
    fn last(code: &str, expected: &str) {
        let tree = Tree::parse(code);
        let facts = Facts::new(&tree);
        let asked = tree.root().descendants().rfind(|node| node.is("expression_statement")).expect("a last expression");
        let name = facts.qualified_name(asked.only_child().expect("an expression"));
        assert_eq!(name.map_or("-".to_string(), |segments| segments.join(" ")), expected, "{code}");
    }

    #[test]
    fn imports_are_followed() {
        last("import torch.nn as nn\nnn.Linear\n", "torch nn Linear");
        last("from torch import nn\nnn.Linear\n", "torch nn Linear");
        last("import torch.nn\ntorch.nn.functional\n", "torch nn functional");
        last("import os.path\nos\n", "os");
        last("import os.path\nimport os\n(os.path).join\n", "os path join");
        last("from . import x\nx.y\n", ". x y");
        last("from ..a.b import (c as d)\nd\n", ".. a b c");
        last("from __future__ import annotations as a\na\n", "__future__ annotations");
        last("def f():\n    from a import b\n    b.c\n", "a b c");
        last("from a import b\ndef f():\n    return [b for _ in ()]\nb\n", "a b");
        last("import numpy as np\nclass C:\n    def f(self):\n        np.array\n", "numpy array");
        last("import numpy as np\n{np: 1 for np in a}, np\nnp\n", "numpy");
    }

    #[test]
    fn builtins_are_named() {
        last("dict\n", "builtins dict");
        last("dict.fromkeys\n", "builtins dict fromkeys");
        last("unicode\n", "-");
        last("from m import *\ndict\n", "-");
        last("dict = 1\ndict\n", "-");
        last("def f(list):\n    list\n", "-");
        assert!(BUILTINS.is_sorted());
    }

    #[test]
    fn two_ways_with_one_meaning() {
        last("if TYPE_CHECKING:\n    from a import b\nelse:\n    from a import b\nb\n", "a b");
        last("try:\n    import a\nexcept ImportError:\n    import b as a\na\n", "-");
        last("import a.b\nimport a.c\na.b\n", "a b");
        last("if TYPE_CHECKING:\n    from a import b\nb\n", "a b");
    }

    #[test]
    fn other_bindings_hide() {
        last("import a\na = 1\na\n", "-");
        last("import a\ndel a\na\n", "-");
        last("import a\ndef f():\n    global a\n    a = 2\na\n", "-");
        last("import a\ndef f(a):\n    a\n", "-");
        last("import a\nfor a in x: pass\na\n", "-");
        last("x = a\nx.y\n", "-");
        last("import a\na().b\n", "-");
        last("import a\na[0].b\n", "-");
        last("class C:\n    import a\n    def f(self):\n        a\n", "-");
        last("class C:\n    import a\n    a\n", "a");
    }

    #[test]
    fn star_imports_may_rebind_what_is_above() {
        last("import a\nfrom m import *\na\n", "-");
        last("from m import *\nimport a\na\n", "a");
        last("import a\ndef f():\n    import b\n    b\nfrom m import *\ndef g():\n    import b\n    b\n", "b");
    }

    #[test]
    fn a_conditional_import_of_a_builtins_name_leaves_the_builtin() {
        last("from io import open\nopen\n", "io open");
        last("if PY2:\n    from io import open\nopen\n", "-");
        last("open\nfrom io import open\ndef f():\n    open\n", "io open");
        let tree = Tree::parse("open\nfrom io import open\n");
        let first = tree.root().named_children().next().and_then(Node::only_child).expect("a name");
        assert_eq!(Facts::new(&tree).qualified_name(first), None);
    }

    #[test]
    fn names_for_new_variables() {
        let free = |code: &str, name: &str| {
            let tree = Tree::parse(code);
            let at = tree.root().descendants().find(|node| node.is("pass_statement")).expect("a place");
            Facts::new(&tree).is_free_name(name, at)
        };
        let code = "import m\nx = 1\ndef f(a):\n    def g():\n        b\n    pass\n    c.d\ndef h(e):\n    i = 1\n";
        for (name, expected) in [("y", true), ("e", true), ("i", true), ("m", false), ("x", false), ("a", false)] {
            assert_eq!(free(code, name), expected, "{name}");
        }
        for name in ["b", "c", "d", "f", "g", "len"] {
            assert!(!free(code, name), "{name}");
        }
        assert!(!free("def f():\n    pass\n    locals()\n", "y"));
        assert!(!free("from m import *\ndef f():\n    pass\n", "y"));
    }

    #[test]
    fn exact_questions() {
        let tree = Tree::parse("import collections as c\nc.deque(x)\n");
        let facts = Facts::new(&tree);
        let call = tree.root().descendants().find(|node| node.is("call")).expect("a call");
        assert_eq!(facts.called_name(call), Some(vec!["collections", "deque"]));
        let function = call.child("function").expect("a function");
        assert!(facts.is_name(function, "collections.deque") && !facts.is_name(function, "collections"));
    }
}
