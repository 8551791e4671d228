//! What happens to a value at one mention: from the mention outwards to whoever gets it.

use super::Facts;
use super::effects::{Escape, Mutation, MutationKind, Read, Use};
use super::library::{self, Function, Method};
use super::scope::{ScopeKind, VariableId};
use crate::engine::syntax::Node;

const COMPREHENSIONS: &[&str] = &["list_comprehension", "set_comprehension", "dictionary_comprehension"];
const PATTERNS: &[&str] = &["pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"];

/// In which form the container travels outwards.
#[derive(Clone)]
enum Form<'t> {
    /// As itself.
    Itself,
    /// Behind an iterator or view that reads it later; the read that it is once somebody is through with it.
    Behind(Read<'t>),
    /// Inside this display or comprehension.
    Inside(Node<'t>),
}

struct Walk<'f, 't> {
    facts: &'f Facts<'t>,
    mention: Node<'t>,
    form: Form<'t>,
    /// Passed an `and` or `or` as an operand whose truth is tested.
    tested: bool,
}

/// What happens to the container at this mention, where nested functions and lambdas make no difference.
pub(super) fn direct_use<'t>(facts: &Facts<'t>, mention: Node<'t>) -> Use<'t> {
    let mut walk = Walk { facts, mention, form: Form::Itself, tested: false };
    let mut node = mention;
    while let Some(parent) = node.parent() {
        match walk.step(node, parent) {
            Step::Out(next) => node = next,
            Step::Done(found) => return found,
        }
    }
    Use::Read(Read::Ignored)
}

/// Whether the truth of the container at this mention, or that it is None, decides what happens next.
pub(super) fn is_tested<'t>(facts: &Facts<'t>, mention: Node<'t>) -> bool {
    let mut walk = Walk { facts, mention, form: Form::Itself, tested: false };
    let mut node = mention;
    while let Some(parent) = node.parent() {
        match walk.step(node, parent) {
            Step::Out(next) if matches!(walk.form, Form::Itself) => node = next,
            Step::Done(Use::Read(Read::Truth | Read::NoneTest(_))) => return true,
            Step::Out(_) | Step::Done(_) => return walk.tested,
        }
    }
    walk.tested
}

/// The nested function, lambda or generator expression in which a mention runs later than its variable's own scope, the
/// outermost of them. Variables of modules and classes are everybody's: for them there is none.
pub(super) fn captor<'t>(facts: &Facts<'t>, mention: Node<'t>, root: Option<VariableId>) -> Option<Node<'t>> {
    let scopes = facts.scopes();
    let home = root.map(|id| scopes.variable(id).scope);
    let is_local = home.is_some_and(|home| !matches!(scopes.kind(home), ScopeKind::Module | ScopeKind::Class));
    let definition = home.map(|home| scopes.definition(home));
    let mut found = None;
    let mut child = mention;
    for parent in mention.ancestors() {
        if Some(parent) == definition {
            break;
        }
        match parent.kind() {
            "function_definition" | "lambda" if is_local && child.field() == Some("body") => found = Some(parent),
            "function_definition" if !is_local && child.field() == Some("body") => break,
            "generator_expression" if parent.child_of_kind("for_in_clause") != Some(child) && !is_consumed(facts, parent) => {
                found = Some(parent);
            }
            _ => {}
        }
        child = parent;
    }
    found
}

/// Whether a generator expression is run to its end where it stands: iterated, unpacked, or given to `sum(..)`, `list(..)`
/// and the like.
fn is_consumed<'t>(facts: &Facts<'t>, generator: Node<'t>) -> bool {
    let mut walk = Walk { facts, mention: generator, form: Form::Behind(Read::Iterated), tested: false };
    let mut node = generator;
    while let Some(parent) = node.parent() {
        match walk.step(node, parent) {
            Step::Out(next) => node = next,
            // An expression statement drops it unread, and it never runs: nobody holds it either.
            Step::Done(found) => return matches!(found, Use::Read(_)),
        }
    }
    false
}

enum Step<'t> {
    /// The value goes on as that of this expression.
    Out(Node<'t>),
    Done(Use<'t>),
}

impl<'t> Walk<'_, 't> {
    fn read(&self, read: Read<'t>) -> Step<'t> {
        if self.tested {
            return Step::Done(Use::Read(Read::Truth));
        }
        Step::Done(Use::Read(match (&self.form, read) {
            (Form::Behind(first), _) => first.clone(),
            (_, read) => read,
        }))
    }

    fn escape(escape: Escape<'t>) -> Step<'t> {
        Step::Done(Use::Escapes(escape))
    }

    fn mutated(&self, node: Node<'t>, kind: MutationKind<'t>) -> Step<'t> {
        Step::Done(Use::Mutated(Mutation { node, mention: self.mention, kind }))
    }

    /// What a container that is kept by `keeper` becomes: the display that it is in, if any, is what is kept.
    fn stored(&self, keeper: Node<'t>) -> Step<'t> {
        Self::escape(Escape::Stored(if let Form::Inside(display) = self.form { display } else { keeper }))
    }

    /// The value is walked over element by element and left.
    fn iterated(&self) -> Step<'t> {
        match self.form {
            Form::Inside(display) => Self::escape(Escape::Stored(display)),
            _ => self.read(Read::Iterated),
        }
    }

    /// Puts the container into a display that goes on outwards.
    fn put_into(&mut self, display: Node<'t>) -> Step<'t> {
        self.form = Form::Inside(display);
        Step::Out(display)
    }

    /// One step outwards from `node`, whose value is the container in its form, to its parent.
    fn step(&mut self, node: Node<'t>, parent: Node<'t>) -> Step<'t> {
        let field = node.field();
        match parent.kind() {
            "parenthesized_expression" => Step::Out(parent),
            "attribute" | "subscript" if field == Some("object") || field == Some("value") => self.accessed(parent),
            "subscript" if is_target(parent).is_some() => self.stored(parent),
            "subscript" | "slice" => self.read(Read::Operand),
            "call" if field == Some("function") => Self::escape(Escape::Other(parent)),
            // `f(x for x in xs)`: the generator expression stands in the place of the argument list.
            "call" => self.passed(node, parent, Some(0)),
            "argument_list" => match parent.parent().filter(|call| call.is("call")) {
                Some(call) => {
                    let index = parent.named_children().position(|argument| argument == node);
                    self.passed(node, call, index)
                }
                None => Self::escape(Escape::Other(parent)),
            },
            "keyword_argument" => match parent.parent().and_then(Node::parent).filter(|call| call.is("call")) {
                Some(call) => self.passed(parent, call, None),
                None => Self::escape(Escape::Other(parent)),
            },
            "list_splat" | "dictionary_splat" if is_target(parent).is_none() => self.iterated(),
            "pair" => match parent.parent() {
                Some(display) => self.put_into(display),
                None => Self::escape(Escape::Other(parent)),
            },
            "list" | "tuple" | "set" | "expression_list" | "dictionary"
                if matches!(self.form, Form::Inside(_)) || is_target(node).is_none() =>
            {
                self.put_into(parent)
            }
            kind if COMPREHENSIONS.contains(&kind) => self.put_into(parent),
            "generator_expression" => self.put_into(parent),
            "for_in_clause" if field == Some("right") => {
                match parent.parent().filter(|around| around.is("generator_expression")) {
                    Some(generator) if generator.child_of_kind("for_in_clause") == Some(parent) => {
                        if let Form::Inside(display) = self.form {
                            return Self::escape(Escape::Stored(display));
                        }
                        if matches!(self.form, Form::Itself) {
                            self.form = Form::Behind(Read::Iterated);
                        }
                        Step::Out(generator)
                    }
                    _ => self.iterated(),
                }
            }
            "if_clause" | "not_operator" | "if_statement" | "elif_clause" | "while_statement" => self.read(Read::Truth),
            "conditional_expression" if parent.named_children().nth(1) == Some(node) => self.read(Read::Truth),
            "conditional_expression" => Step::Out(parent),
            "boolean_operator" => {
                self.tested |= field == Some("left");
                Step::Out(parent)
            }
            "comparison_operator" => self.compared(node, parent),
            "binary_operator" => self.operated(node, parent),
            "unary_operator" => self.read(Read::Operand),
            "interpolation" | "format_expression" | "print_statement" => self.read(Read::Formatted),
            "named_expression" if field == Some("value") => match (&self.form, parent.child("name")) {
                (Form::Inside(display), _) => Self::escape(Escape::Stored(*display)),
                (_, Some(name)) => self.bound_to(name),
                _ => Self::escape(Escape::Other(parent)),
            },
            "yield" if parent.children().any(|token| token.is("from")) => self.iterated(),
            "yield" => Self::escape(Escape::Yielded),
            "return_statement" => Self::escape(Escape::Returned),
            "lambda" => Self::escape(Escape::Captured(parent)),
            "default_parameter" | "typed_default_parameter" if field == Some("value") => {
                let around = parent.ancestors().find(|node| node.is_any(&["function_definition", "lambda"]));
                self.stored(around.unwrap_or(parent))
            }
            "assignment" if field == Some("right") => self.assigned(node, parent),
            "augmented_assignment" if field == Some("right") => match self.form {
                Form::Inside(display) => Self::escape(Escape::Stored(display)),
                _ => self.read(Read::Operand),
            },
            "augmented_assignment" if matches!(self.form, Form::Itself) => {
                let operator = parent.child("operator").map_or("", Node::text);
                self.mutated(parent, MutationKind::Augmented(operator))
            }
            "for_statement" if field == Some("right") => self.iterated(),
            "expression_statement" => self.read(Read::Ignored),
            "assert_statement" if parent.named_children().next() == Some(node) => self.read(Read::Truth),
            "except_clause" | "case_pattern" | "keyword_pattern" | "class_pattern" => self.read(Read::Compared),
            "as_pattern" if is_in_except(parent) => self.read(Read::Compared),
            "dotted_name" if parent.parent().is_some_and(|around| around.is_any(&["case_pattern", "class_pattern"])) => {
                let captures =
                    parent.only_child().is_some() && !parent.parent().is_some_and(|around| around.is("class_pattern"));
                self.read(if captures { Read::Ignored } else { Read::Compared })
            }
            // What is left binds the name, or declares it: no use of the value.
            _ if binds(node, parent) => self.read(Read::Ignored),
            _ => Self::escape(Escape::Other(parent)),
        }
    }

    /// `x.attribute`, `x[key]`.
    fn accessed(&mut self, access: Node<'t>) -> Step<'t> {
        if let Form::Inside(display) = self.form {
            return Self::escape(Escape::Stored(display));
        }
        let behind = matches!(self.form, Form::Behind(_));
        if let Some(target) = is_target(access)
            && !behind
        {
            return self.mutated(target.node, target_kind(access, target.deletes));
        }
        if access.is("subscript") {
            return if behind { Self::escape(Escape::Passed(access)) } else { self.read(Read::Subscript(access)) };
        }
        let name = access.child("attribute").map_or("", Node::text);
        let call = access.parent().filter(|parent| parent.is("call") && access.field() == Some("function"));
        match (call, library::method(name)) {
            (Some(call), Method::Mutates) if !behind => self.mutated(call, MutationKind::Method(name)),
            (Some(call), Method::Reads) => self.read(Read::Method(name, call)),
            (Some(call), Method::Views) => {
                if !behind {
                    self.form = Form::Behind(Read::Method(name, call));
                }
                Step::Out(call)
            }
            (Some(call), _) => Self::escape(Escape::Passed(call)),
            // `max(d, key=d.get)`: called while the function runs, and not kept.
            (None, Method::Reads) if is_key_argument(self.facts, access) => self.read(Read::Attribute(name)),
            (None, Method::Unknown) if name != "__dict__" && !behind => self.read(Read::Attribute(name)),
            (None, _) => Self::escape(Escape::Other(access)),
        }
    }

    /// An argument of a call; `index` is its place among the positional ones.
    fn passed(&mut self, argument: Node<'t>, call: Node<'t>, index: Option<usize>) -> Step<'t> {
        let keyword = argument.child("name").filter(|_| argument.is("keyword_argument")).map(Node::text);
        let Some(function) = call.child("function") else { return Self::escape(Escape::Passed(call)) };
        if let Some(name) = self.facts.qualified_name(function)
            // `batch.extend(x)`, where the file does not bind `batch`: a method all the same.
            && !matches!(name[..], ["builtins", _, _, ..])
        {
            return self.passed_to(&name, call, index, keyword);
        }
        let (Some(object), Some(method)) = (function.child("object"), function.child("attribute").map(Node::text)) else {
            return Self::escape(Escape::Passed(call));
        };
        if method == "format" && object.is_any(&["string", "concatenated_string"]) {
            return self.read(Read::Formatted);
        }
        if library::method_reads_arguments(object.text(), method) && !matches!(self.form, Form::Inside(_)) {
            return self.read(Read::Argument(method, call));
        }
        Self::escape(Escape::Passed(call))
    }

    fn passed_to(&mut self, name: &[&'t str], call: Node<'t>, index: Option<usize>, keyword: Option<&str>) -> Step<'t> {
        let last = name.last().copied().unwrap_or("");
        let escape = Self::escape(Escape::Passed(call));
        // `print(file=x)` and `np.sum(.., out=x)` write to it.
        if matches!(keyword, Some("file" | "out")) {
            return escape;
        }
        match (&self.form, library::function(name)) {
            (Form::Inside(_), _) => {
                if library::reads_deeply(name) {
                    self.read(Read::Argument(last, call))
                } else {
                    escape
                }
            }
            (Form::Behind(_), Function::Lazy) => Step::Out(call),
            (Form::Behind(_), _) => {
                let selects = matches!(last, "min" | "max") && positional(call) > 1;
                if library::consumes(name) && index.is_some() && !selects { self.read(Read::Ignored) } else { escape }
            }
            // `dict(a=x)` holds x, `max(a, x)` may be x, `sum(a, x)` is x when a is empty.
            (_, Function::Reads) => match (last, index) {
                ("dict" | "OrderedDict", None) => Self::escape(Escape::Stored(call)),
                ("min" | "max", Some(_)) if positional(call) > 1 => Step::Out(call),
                ("sum", Some(1)) | ("min" | "max", None) => escape,
                _ => self.read(Read::Argument(last, call)),
            },
            (_, Function::Lazy) => {
                self.form = Form::Behind(Read::Argument(last, call));
                Step::Out(call)
            }
            (_, Function::ChangesFirst) if index == Some(0) => self.mutated(call, MutationKind::Function(last)),
            _ => escape,
        }
    }

    fn compared(&mut self, node: Node<'t>, comparison: Node<'t>) -> Step<'t> {
        let operands: Vec<_> = comparison.named_children().collect();
        let operators: Vec<_> =
            comparison.children_of("operators").map(|token| token.text().split_whitespace().collect::<String>()).collect();
        let Some(at) = operands.iter().position(|&operand| operand == node) else { return self.read(Read::Compared) };
        if let [a, b] = operands[..]
            && let [operator] = &operators[..]
            && matches!(operator.as_str(), "is" | "isnot" | "==" | "!=")
            && (if at == 0 { b } else { a }).unparenthesized().is("none")
        {
            return self.read(Read::NoneTest(comparison));
        }
        if matches!(self.form, Form::Inside(_)) {
            return self.read(Read::Compared);
        }
        let before = at.checked_sub(1).and_then(|index| operators.get(index));
        if before.is_some_and(|operator| matches!(operator.as_str(), "in" | "notin")) {
            return self.read(Read::Membership);
        }
        self.read(Read::Compared)
    }

    fn operated(&mut self, node: Node<'t>, operation: Node<'t>) -> Step<'t> {
        let is_text = |side: Node<'t>| side.unparenthesized().is_any(&["string", "concatenated_string"]);
        let formats = operation.child("operator").is_some_and(|operator| operator.is("%"))
            && node.field() == Some("right")
            && operation.child("left").is_some_and(is_text);
        match self.form {
            _ if formats => self.read(Read::Formatted),
            // `[x] + ys` still holds x.
            Form::Inside(_) => Step::Out(operation),
            _ => self.read(Read::Operand),
        }
    }

    /// The right side of an assignment, with all targets of a chain `a = b = x`.
    fn assigned(&mut self, node: Node<'t>, assignment: Node<'t>) -> Step<'t> {
        let around = assignment.ancestors().take_while(|outer| outer.is("assignment"));
        let targets: Vec<_> =
            std::iter::once(assignment).chain(around).filter_map(|outer| outer.child("left")).map(bare).collect();
        if let Form::Inside(display) = self.form {
            // `a, b = x, y` makes a display only on paper.
            if let [target] = targets[..]
                && display == node
                && let Some(name) = self.paired(target, display)
            {
                return self.bound_to(name);
            }
            return Self::escape(Escape::Stored(display));
        }
        let whole = |target: &&Node<'t>| target.is_any(&["identifier", "attribute", "subscript"]);
        let stored = targets.iter().filter(whole).find(|target| !target.is("identifier"));
        match stored.or_else(|| targets.iter().find(whole)) {
            Some(&target) => self.bound_to(target),
            None => self.iterated(),
        }
    }

    /// The target that gets the container when an unpacking meets a display of the same length.
    fn paired(&self, target: Node<'t>, display: Node<'t>) -> Option<Node<'t>> {
        if !target.is_any(PATTERNS) || !display.is_any(&["expression_list", "tuple", "list"]) {
            return None;
        }
        let targets: Vec<_> = target.named_children().collect();
        let values: Vec<_> = display.named_children().collect();
        let starred = |node: &Node<'t>| node.is_any(&["list_splat_pattern", "list_splat"]);
        if targets.len() != values.len() || targets.iter().chain(&values).any(starred) {
            return None;
        }
        let at = values.iter().position(|value| value.unparenthesized() == self.mention)?;
        let found = bare(targets[at]);
        found.is_any(&["identifier", "attribute", "subscript"]).then_some(found)
    }

    /// The container gets another name, or a place in another object.
    fn bound_to(&self, target: Node<'t>) -> Step<'t> {
        if !target.is("identifier") {
            return Self::escape(Escape::Stored(target));
        }
        let scopes = self.facts.scopes();
        // `global g; g = x`: the other name outlives the function.
        let outlives = scopes
            .variable_of(target)
            .is_some_and(|id| scopes.variable(id).scope != scopes.beyond_comprehensions(scopes.scope_of(target)));
        Self::escape(if outlives { Escape::Stored(target) } else { Escape::Aliased(target) })
    }
}

/// Where a subscript or attribute is assigned to or deleted.
struct Target<'t> {
    /// The assignment; for a target of `del`, `for` and `with` the target itself.
    node: Node<'t>,
    deletes: bool,
}

/// Whether an expression is a target, also as a part of an unpacking.
fn is_target(expression: Node<'_>) -> Option<Target<'_>> {
    let mut node = expression;
    let mut only_pattern = true;
    loop {
        let parent = node.parent()?;
        let found = match parent.kind() {
            kind if PATTERNS.contains(&kind) => None,
            // `with a as (x, y)` and `del (x, y)` are written with plain displays.
            "tuple" | "list" | "expression_list" | "parenthesized_expression" | "list_splat" => {
                only_pattern = false;
                None
            }
            "assignment" | "augmented_assignment" if only_pattern && node.field() == Some("left") => Some((parent, false)),
            "for_statement" | "for_in_clause" if only_pattern && node.field() == Some("left") => Some((expression, false)),
            "as_pattern_target" => Some((expression, false)),
            "delete_statement" => Some((expression, true)),
            _ => return None,
        };
        if let Some((node, deletes)) = found {
            return Some(Target { node, deletes });
        }
        node = parent;
    }
}

/// Whether an attribute or subscript is bound or deleted here; an augmented assignment does neither.
pub(super) fn is_bound(access: Node<'_>) -> bool {
    is_target(access).is_some_and(|target| !target.node.is("augmented_assignment"))
}

/// Without the parentheses of `(x) = y`, which the grammar takes for a pattern.
fn bare(target: Node<'_>) -> Node<'_> {
    let mut node = target;
    while node.is("tuple_pattern") && !node.children().any(|token| token.is(",")) {
        match node.only_child() {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

fn target_kind(access: Node<'_>, deletes: bool) -> MutationKind<'_> {
    if access.is("attribute") {
        return MutationKind::SetAttribute(access.child("attribute").map_or("", Node::text));
    }
    let mut keys = access.children_of("subscript");
    // `x[a, b]` has one key, a tuple without a node of its own.
    let key = match (keys.next(), keys.next()) {
        (Some(only), None) => only,
        _ => access,
    };
    match (key.is("slice"), deletes) {
        (true, true) => MutationKind::DeleteSlice(key),
        (true, false) => MutationKind::SetSlice(key),
        (false, true) => MutationKind::DeleteItem(key),
        (false, false) => MutationKind::SetItem(key),
    }
}

/// How many positional arguments a call has, as far as can be seen.
fn positional(call: Node<'_>) -> usize {
    call.child("arguments")
        .map_or(0, |arguments| arguments.named_children().filter(|argument| !argument.is("keyword_argument")).count())
}

/// Whether a bound method is the `key=` of a builtin, which calls it and lets it go.
fn is_key_argument<'t>(facts: &Facts<'t>, method: Node<'t>) -> bool {
    let Some(argument) = method.parent().filter(|parent| parent.is("keyword_argument")) else { return false };
    let call = argument.parent().and_then(Node::parent);
    argument.child("name").is_some_and(|name| name.text() == "key")
        && call
            .and_then(|call| facts.called_name(call))
            .is_some_and(|name| matches!(name[..], ["builtins", "min" | "max" | "sorted"]))
}

fn is_in_except(pattern: Node<'_>) -> bool {
    pattern.parent().is_some_and(|parent| parent.is("except_clause"))
}

/// Whether a name, at this place, is bound, declared or deleted.
fn binds(node: Node<'_>, parent: Node<'_>) -> bool {
    is_target(node).is_some()
        || parent.is_any(&[
            "global_statement",
            "nonlocal_statement",
            "dotted_name",
            "aliased_import",
            "parameters",
            "lambda_parameters",
            "typed_parameter",
            "splat_pattern",
            "type",
            "list_splat_pattern",
            "dictionary_splat_pattern",
            "function_definition",
            "class_definition",
            "default_parameter",
            "typed_default_parameter",
            "named_expression",
        ])
        || (parent.is("as_pattern") && parent.named_children().next() != Some(node))
}
