//! What a piece of code does to a container: changes it, lets it escape, gives it another name.

pub use super::library::is_mutating_method;

use super::scope::{BindingKind, Resolution, VariableId};
use super::{Facts, uses};
use crate::engine::syntax::Node;

/// Longer chains are no places; asking about each part of a hostile one would take for ever.
const STEP_LIMIT: usize = 100;

/// A container expression without calls: `x`, `self.cache`, `cfg["m"]`, `a.b[0].c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'t> {
    /// The variable that it starts with; `None` for a builtin or unknown name.
    pub root: Option<VariableId>,
    /// The text of the name that it starts with.
    pub name: &'t str,
    /// The steps from there.
    pub steps: Vec<Step<'t>>,
}

/// One step of a [`Place`].
#[derive(Clone, Debug, Eq)]
pub enum Step<'t> {
    /// `.name`.
    Attribute(&'t str),
    /// `[key]`: the key's text; keys are literals or names.
    Subscript(&'t str),
}

/// A change of a container, in place.
#[derive(Clone, Copy, Debug)]
pub struct Mutation<'t> {
    /// The call, assignment or `del` target that does it.
    pub node: Node<'t>,
    /// The mention of the container in it.
    pub mention: Node<'t>,
    /// What it does.
    pub kind: MutationKind<'t>,
}

/// What a [`Mutation`] does.
#[derive(Clone, Copy, Debug)]
pub enum MutationKind<'t> {
    /// A method that changes its receiver: `append`, `pop`, `update` ...
    Method(&'t str),
    /// `x[key] = ..`, `x[key] += ..`, also as a target of `for`, `with`, unpacking.
    SetItem(Node<'t>),
    /// `x[a:b] = ..`.
    SetSlice(Node<'t>),
    /// `del x[key]`.
    DeleteItem(Node<'t>),
    /// `del x[a:b]`.
    DeleteSlice(Node<'t>),
    /// `x += ..`, `x |= ..`: in place for lists, sets, dicts; the text is the operator with its `=`.
    Augmented(&'t str),
    /// `x.attribute = ..`.
    SetAttribute(&'t str),
    /// Passed first to a function known to change it: `heapq.heappush(x, ..)`, `random.shuffle(x)`, `bisect.insort`,
    /// `setattr(x, ..)`; the text is the function.
    Function(&'t str),
}

/// What happens to a container at one mention of its name.
#[derive(Clone, Debug)]
pub enum Use<'t> {
    /// It is changed in place.
    Mutated(Mutation<'t>),
    /// It is only looked at.
    Read(Read<'t>),
    /// Somebody else may hold it from here on.
    Escapes(Escape<'t>),
}

/// How a container is looked at.
#[derive(Clone, Debug)]
pub enum Read<'t> {
    /// `for .. in x`, also in comprehensions, `*x` in a display or call, unpacking `a, b = x`.
    Iterated,
    /// `x[..]` as a value.
    Subscript(Node<'t>),
    /// `x.attribute` as a value, no call.
    Attribute(&'t str),
    /// `x.method(..)` that does not change it.
    Method(&'t str, Node<'t>),
    /// An argument of a function that only reads it: `len(x)`, `sum(x)`, `sorted(x)`, `list(x)`, `isinstance(x, ..)` ...
    Argument(&'t str, Node<'t>),
    /// `.. in x`, `.. not in x`.
    Membership,
    /// `x is None`, `x is not None`, `x == None`.
    NoneTest(Node<'t>),
    /// Truth: `if x`, `not x`, `x and ..`, `x or ..` (not its last operand as a value), `while x`, `assert x`.
    Truth,
    /// `x == ..`, `x < ..`, `x is y` and the like.
    Compared,
    /// An operand of `+`, `*`, `|` ...: a new object results.
    Operand,
    /// Formatted into a text: f-string, `%`.
    Formatted,
    /// The expression's value is thrown away.
    Ignored,
}

/// How a container gets away.
#[derive(Clone, Debug)]
pub enum Escape<'t> {
    /// `return x`, also inside a display, a conditional arm, `x or ..`.
    Returned,
    /// `yield x`, `yield from` is a read.
    Yielded,
    /// `self.a = x`, `d[k] = x`, `global g; g = x`, put into a display, a default of a nested function.
    Stored(Node<'t>),
    /// `y = x`: the node is the other name.
    Aliased(Node<'t>),
    /// An argument of a call that is not known to only read it: the call.
    Passed(Node<'t>),
    /// Read in a nested function or lambda (or comprehension's later part is no capture): the definition.
    Captured(Node<'t>),
    /// `raise x`, `await x`, `x.__dict__`, bound method `x.append` as a value, other things.
    Other(Node<'t>),
}

impl<'t> Facts<'t> {
    /// The container that an expression names, if it is one without calls.
    ///
    /// Parentheses are looked through. Keys are literals (`0`, `-1`, `"m"`, `None`) or names.
    pub fn place(&self, expression: Node<'t>) -> Option<Place<'t>> {
        let mut steps = Vec::new();
        let mut node = expression.unparenthesized();
        while !node.is("identifier") && steps.len() < STEP_LIMIT {
            match node.kind() {
                "attribute" => {
                    steps.push(Step::Attribute(node.child("attribute")?.text()));
                    node = node.child("object")?.unparenthesized();
                }
                "subscript" => {
                    steps.push(Step::Subscript(only_key(node)?.text()));
                    node = node.child("value")?.unparenthesized();
                }
                _ => return None,
            }
        }
        if !node.is("identifier") || !self.scopes().is_name(node) {
            return None;
        }
        steps.reverse();
        Some(Place { root: self.scopes().variable_of(node), name: node.text(), steps })
    }

    /// Every mention of the place inside `within` (nested functions included), in text order: the nodes whose own
    /// place is exactly this one.
    ///
    /// Places where it is bound, deleted or declared are among them; [`use_of`](Self::use_of) calls them `Ignored`.
    pub fn mentions(&self, place: &Place<'t>, within: Node<'t>) -> Vec<Node<'t>> {
        within.and_descendants().filter(|&node| self.is_mention(place, node)).collect()
    }

    fn is_mention(&self, place: &Place<'t>, node: Node<'t>) -> bool {
        // The last step's text first: most nodes are something else.
        let plausible = match place.steps.last() {
            None => node.is("identifier") && node.text() == place.name,
            Some(Step::Attribute(name)) => {
                node.is("attribute") && node.child("attribute").is_some_and(|last| last.text() == *name)
            }
            Some(Step::Subscript(_)) => node.is("subscript"),
        };
        plausible && self.place(node).is_some_and(|found| found == *place)
    }

    /// Every in-place change of the place inside `within`, in text order; nested functions and lambdas are not entered.
    pub fn mutations(&self, place: &Place<'t>, within: Node<'t>) -> Vec<Mutation<'t>> {
        let is_nested = |node: Node<'t>| {
            node != within
                && node.field() == Some("body")
                && node.parent().is_some_and(|around| around.is_any(&["function_definition", "lambda"]) && around != within)
        };
        let mentions = within.walk(is_nested).filter(|&node| !is_nested(node) && self.is_mention(place, node));
        let uses = mentions.map(|mention| uses::direct_use(self, mention));
        uses.filter_map(|found| if let Use::Mutated(mutation) = found { Some(mutation) } else { None }).collect()
    }

    /// Every binding of the place itself or of a prefix of it inside `within`: `x = ..`, `for x in`, `self.a = ..`.
    /// Augmented assignments are mutations, not rebindings, of anything but scalars.
    ///
    /// In text order, nested functions included. For `cfg[m].x` also bindings of `m`, and stores to `cfg[..]` under a key
    /// that may be the same. What is removed by `del` counts; what a method removes (`cfg.clear()`) does not.
    pub fn rebindings(&self, place: &Place<'t>, within: Node<'t>) -> Vec<Node<'t>> {
        let mut found = Vec::new();
        let mut add_bindings = |id: Option<VariableId>| {
            let bindings = id.into_iter().flat_map(|id| &self.scopes().variable(id).bindings);
            let binds = |kind| !matches!(kind, BindingKind::Augmented | BindingKind::Declaration);
            found.extend(
                bindings.filter(|binding| binds(binding.kind) && within.contains(binding.node)).map(|binding| binding.node),
            );
        };
        add_bindings(place.root);
        let scope = self.scopes().scope_of(within);
        for step in &place.steps {
            if let Step::Subscript(key) = step
                && let Resolution::Variable(id) = self.scopes().lookup(key, scope)
            {
                add_bindings(Some(id));
            }
        }
        if !place.steps.is_empty() {
            let targets = within.and_descendants().filter(|node| node.is_any(&["attribute", "subscript"]));
            found.extend(targets.filter(|&node| uses::is_bound(node) && self.may_be_prefix(place, node)));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a target may name the place or something that it stands in.
    fn may_be_prefix(&self, place: &Place<'t>, target: Node<'t>) -> bool {
        let is_prefix = |found: &Place<'t>| {
            found.root == place.root && found.name == place.name && found.steps.len() <= place.steps.len() && {
                found.steps.iter().zip(&place.steps).all(|(a, b)| a.may_equal(b))
            }
        };
        if let Some(found) = self.place(target) {
            return is_prefix(&found);
        }
        // `cfg[key()] = ..` may bind any entry of `cfg`.
        target.is("subscript")
            && target.child("value").and_then(|container| self.place(container)).is_some_and(|found| {
                is_prefix(&found) && matches!(place.steps.get(found.steps.len()), Some(Step::Subscript(_)))
            })
    }

    /// What happens to the container at this mention (an identifier, attribute or subscript node).
    ///
    /// A use in a function nested in the one that the variable belongs to is captured, whatever it does there; variables
    /// of modules and classes are never captured by functions. Through `x if c else y`, `x or y`, `max(x, y)` and
    /// parentheses the value is followed; a read of `x or y` is a test of x's truth. Views and iterators (`x.items()`,
    /// `zip(x)`, a generator expression over x) are read where they are consumed at once, else they escape with x. A place
    /// that is bound or deleted here is not used: `Ignored`.
    pub fn use_of(&self, mention: Node<'t>) -> Use<'t> {
        let root = self.place(mention).and_then(|place| place.root);
        match uses::captor(self, mention, root) {
            Some(definition) => Use::Escapes(Escape::Captured(definition)),
            None => uses::direct_use(self, mention),
        }
    }

    /// Whether the truth of the container at this mention, or that it is None, decides what happens next: `if x`,
    /// `x or []` (which also lets it escape), `x is None`.
    pub fn is_tested(&self, mention: Node<'t>) -> bool {
        uses::is_tested(self, mention)
    }
}

/// The key of a subscript with one key that is a literal or a name.
fn only_key(subscript: Node<'_>) -> Option<Node<'_>> {
    let mut keys = subscript.children_of("subscript");
    let (Some(key), None) = (keys.next(), keys.next()) else { return None };
    // `x[1,]` has a tuple for a key.
    if subscript.children().any(|token| token.is(",")) {
        return None;
    }
    let number = |node: Node<'_>| node.is_any(&["integer", "float"]);
    let is_simple = match key.kind() {
        "identifier" | "integer" | "float" | "true" | "false" | "none" => true,
        "string" => !key.children().any(|part| part.is("interpolation")),
        "unary_operator" => key.child("argument").is_some_and(number),
        _ => false,
    };
    is_simple.then_some(key)
}

/// What a plain string in one pair of quotes holds, when no escape makes that unclear.
fn plain_text(literal: &str) -> Option<&str> {
    let quote = literal.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let text = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    (!text.contains(['\\', '"', '\''])).then_some(text)
}

impl PartialEq for Step<'_> {
    /// Keys are equal as they are written, whichever quotes they have.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Attribute(a), Self::Attribute(b)) => a == b,
            (Self::Subscript(a), Self::Subscript(b)) => a == b || plain_text(a).is_some_and(|text| plain_text(b) == Some(text)),
            _ => false,
        }
    }
}

impl Step<'_> {
    /// Whether the two may lead to the same: keys that are names may have any value.
    fn may_equal(&self, other: &Self) -> bool {
        let is_known = |key: &str| plain_text(key).is_some() || key.bytes().all(|digit| digit.is_ascii_digit());
        match (self, other) {
            (Self::Subscript(a), Self::Subscript(b)) => self == other || !(is_known(a) && is_known(b)),
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// One word or two for a use.
    fn words(found: &Use<'_>) -> String {
        match found {
            Use::Mutated(mutation) => match mutation.kind {
                MutationKind::Method(name) => format!("!{name}"),
                MutationKind::SetItem(key) => format!("![{}]=", key.text()),
                MutationKind::SetSlice(key) => format!("![{}]:=", key.text()),
                MutationKind::DeleteItem(key) => format!("!del[{}]", key.text()),
                MutationKind::DeleteSlice(key) => format!("!del[{}]:", key.text()),
                MutationKind::Augmented(operator) => format!("!{operator}"),
                MutationKind::SetAttribute(name) => format!("!.{name}"),
                MutationKind::Function(name) => format!("!{name}()"),
            },
            Use::Read(read) => match read {
                Read::Iterated => "iterated".to_string(),
                Read::Subscript(node) => node.text().to_string(),
                Read::Attribute(name) => format!(".{name}"),
                Read::Method(name, _) => format!(".{name}()"),
                Read::Argument(name, _) => format!("{name}()"),
                Read::Membership => "in".to_string(),
                Read::NoneTest(_) => "none".to_string(),
                Read::Truth => "truth".to_string(),
                Read::Compared => "compared".to_string(),
                Read::Operand => "operand".to_string(),
                Read::Formatted => "formatted".to_string(),
                Read::Ignored => "ignored".to_string(),
            },
            Use::Escapes(escape) => match escape {
                Escape::Returned => "returned".to_string(),
                Escape::Yielded => "yielded".to_string(),
                Escape::Stored(node) => format!("stored {}", node.text()),
                Escape::Aliased(node) => format!("alias {}", node.text()),
                Escape::Passed(node) => format!("passed {}", node.text()),
                Escape::Captured(node) => format!("captured {}", node.kind()),
                Escape::Other(node) => format!("other {}", node.kind()),
            },
        }
    }

    /// A function `f` with parameter `x` and this body.
    fn function(body: &str) -> Tree {
        const IMPORTS: &str = "import heapq, random, bisect, operator, copy, json, itertools, collections, numpy as np, torch";
        let tree = Tree::parse(&format!("{IMPORTS}\n\ndef f(x):\n    {}\n", body.replace('\n', "\n    ")));
        assert_eq!(tree.errors().count(), 0, "{body}");
        tree
    }

    fn body_of(tree: &Tree) -> Node<'_> {
        let function = tree.root().named_children().last().expect("a function");
        function.child("body").expect("a body")
    }

    /// What happens to the parameter `x` at each of its mentions in a body, separated by commas.
    #[track_caller]
    fn check(body: &str, expected: &str) {
        let tree = function(body);
        let facts = Facts::new(&tree);
        let body_node = body_of(&tree);
        let root = body_node.parent().and_then(|function| facts.scopes().scope_opened_by(function)).expect("its scope");
        let Resolution::Variable(root) = facts.scopes().lookup("x", root) else { panic!("x is a parameter") };
        let place = Place { root: Some(root), name: "x", steps: Vec::new() };
        let uses: Vec<_> = facts.mentions(&place, body_node).into_iter().map(|node| words(&facts.use_of(node))).collect();
        assert_eq!(uses.join(", "), expected, "{body}");
    }

    #[test]
    fn methods() {
        check("x.append(1)", "!append");
        check("y = x.pop()", "!pop");
        check("if x.popitem(): pass", "!popitem");
        check("(x).add(1)", "!add");
        check("x.copy()", ".copy()");
        check("x.get(1).append(2)", ".get()");
        check("x.zero_()", "!zero_");
        check("x.frobnicate(1)", "passed x.frobnicate(1)");
        check("y = x.append", "other attribute");
        check("y = x.items", "other attribute");
        check("y = x.__dict__", "other attribute");
        check("y = x.shape", ".shape");
        check("max(x, key=x.get)", "max(), .get");
        check("g(key=x.get)", "other attribute");
        check("x()", "other call");
        check("x[0].append(1)", "x[0]");
        check("x.a.append(1)", ".a");
        check("(x or y).append(1)", "!append");
        check("(x if y else z).append(1)", "!append");
    }

    #[test]
    fn targets() {
        check("x[0] = 1", "![0]=");
        check("x[1, 2] = 1", "![x[1, 2]]=");
        check("x[1:2] = y", "![1:2]:=");
        check("x[0] += 1", "![0]=");
        check("del x[0]", "!del[0]");
        check("del x[:]", "!del[:]:");
        check("del x[0], x[1], y[x]", "!del[0], !del[1], stored y[x]");
        check("del (x[0], [x[1]])", "!del[0], !del[1]");
        check("del x", "ignored");
        check("del x.a", "!.a");
        check("x.a = 1", "!.a");
        check("x.a += 1", "!.a");
        check("x += y", "!+=");
        check("x |= y", "!|=");
        check("(x[0], y), *z = w", "![0]=");
        check("[x[0]] = w", "![0]=");
        check("(x[0]) = w", "![0]=");
        check("y = x[0] = w", "![0]=");
        check("for x[0] in w: pass", "![0]=");
        check("for y, (x[0], *z) in w: pass", "![0]=");
        check("with cm as x[0]: pass", "![0]=");
        check("with cm as (x[0], y): pass", "![0]=");
        check("[1 for x[0] in w]", "![0]=");
        check("while (y := x.pop()): pass", "!pop");
        check("x = 1", "ignored");
        check("x: int = 1", "ignored");
        check("x, y = 1, 2", "ignored");
        check("for x in y: pass", "ignored");
        check("with y as x: pass", "ignored");
        check("(x := 1)", "ignored");
        check("try:\n    pass\nexcept E as x:\n    pass", "ignored");
        check("import a as x", "ignored");
        check("def x(): pass", "ignored");
        check("class x: pass", "ignored");
    }

    #[test]
    fn reads() {
        check("for y in x: pass", "iterated");
        check("async def g(): pass\n[y for y in x]", "iterated");
        check("[y for z in w for y in x if x]", "iterated, truth");
        check("y, z = x", "iterated");
        check("[y, *z] = x", "iterated");
        check("y = [*x, 1]", "iterated");
        check("y = {**x}", "iterated");
        check("g(*x)", "iterated");
        check("g(**x)", "iterated");
        check("yield from x", "iterated");
        check("y = x[0]", "x[0]");
        check("y = x[0][1]", "x[0]");
        check("y = x[1:]", "x[1:]");
        check("y = w[x]", "operand");
        check("y = w[x:]", "operand");
        check("w[x] = 1", "stored w[x]");
        check("y in x", "in");
        check("y not in x", "in");
        check("x in y", "compared");
        check("a in x in y", "in");
        check("x is None", "none");
        check("None is not x", "none");
        check("x == None", "none");
        check("x is not y", "compared");
        check("x == [1]", "compared");
        check("y < x < z", "compared");
        check("if x: pass\nelif x: pass", "truth, truth");
        check("while not x: pass", "truth");
        check("y = z if x else w", "truth");
        check("assert x, y", "truth");
        check("if x and y or x: pass", "truth, truth");
        check("y = x + [1]", "operand");
        check("y = x * 2", "operand");
        check("y += x", "operand");
        check("y = -x", "operand");
        check("y = f'{x} {x!r:>{x}}'", "formatted, formatted, formatted");
        check("y = '%s' % x", "formatted");
        check("y = '%s %s' % (x, 1)", "formatted");
        check("y = '{}'.format(x)", "formatted");
        check("x", "ignored");
        check("x; (x)", "ignored, ignored");
        check("match y:\n    case x.a: pass\n    case [x]: pass", "compared, ignored");
        check("global y\nnonlocal_ = 1", "");
    }

    #[test]
    fn arguments() {
        check("y = len(x)", "len()");
        check("y = sorted(x, key=g)", "sorted()");
        check("print(1, x, sep='')", "print()");
        check("print(1, file=x)", "passed print(1, file=x)");
        check("y = dict(x)", "dict()");
        check("y = dict(a=x)", "stored dict(a=x)");
        check("y = max(x)", "max()");
        check("y = max(x, z)", "alias y");
        check("y = sum(z, x)", "passed sum(z, x)");
        check("y = ', '.join(x)", "join()");
        check("y.extend(x)", "extend()");
        check("y.append(x)", "passed y.append(x)");
        check("y.update(x)", "passed y.update(x)");
        check("logger.info('%s', x)", "info()");
        check("self._logger.warning('%s', x)", "warning()");
        check("shop.info('%s', x)", "passed shop.info('%s', x)");
        check("y = np.array(x)", "array()");
        check("y = np.asarray(x)", "passed np.asarray(x)");
        check("y = torch.tensor(x)", "tensor()");
        check("np.sum(y, out=x)", "passed np.sum(y, out=x)");
        check("y = copy.deepcopy(x)", "deepcopy()");
        check("y = json.dumps({'a': x})", "dumps()");
        check("print([x])", "print()");
        check("y = list([x])", "passed list([x])");
        check("isinstance(x, list)", "isinstance()");
        check("heapq.heappush(x, 1)", "!heappush()");
        check("heapq.heappush(y, x)", "passed heapq.heappush(y, x)");
        check("random.shuffle(x)", "!shuffle()");
        check("bisect.insort(x, 1)", "!insort()");
        check("setattr(x, 'a', 1)", "!setattr()");
        check("setattr(y, 'a', x)", "passed setattr(y, 'a', x)");
        check("operator.setitem(x, 1, 2)", "!setitem()");
        check("operator.delitem(x, 1)", "!delitem()");
        check("g(x)", "passed g(x)");
        check("g(a=x)", "passed g(a=x)");
        check("g([x])", "passed g([x])");
        check("y.g(x)", "passed y.g(x)");
        check("len = g\nlen(x)", "passed len(x)");
    }

    #[test]
    fn views_and_iterators() {
        check("for k, v in x.items(): pass", ".items()");
        check("for i, y in enumerate(x): pass", "enumerate()");
        check("for i, y in enumerate(zip(x, z)): pass", "zip()");
        check("for y in reversed(list(x)): pass", "list()");
        check("y = list(x.keys())", ".keys()");
        check("y = x.keys()", "alias y");
        check("return x.values()", "returned");
        check("y = zip(x, z)", "alias y");
        check("g(map(h, x))", "passed g(map(h, x))");
        check("y = next(iter(x))", "iter()");
        check("y = sum(map(h, x))", "map()");
        check("y = x.keys() - z", ".keys()");
        check("y in x.values()", ".values()");
        check("y = x.keys().isdisjoint(z)", ".keys()");
        check("y = {**dict(x.items())}", ".items()");
        check("y, z = x.values()", ".values()");
        check("y = itertools.product(x, z)", "product()");
        check("y = itertools.chain(x, z)", "alias y");
        check("y = sum(a for a in x)", "iterated");
        check("y = (a for a in x)", "alias y");
        check("y = any(a in x for a in z)", "in");
        check("y = (a for a in z if a in x)", "captured generator_expression");
        check("return (a for a in x)", "returned");
        check("g(a for a in x)", "passed g(a for a in x)");
        check("g(a for a in z if x)", "captured generator_expression");
        check("y = list(x for a in z)", "passed list(x for a in z)");
        check("for a in (b for b in z if b in x): pass", "in");
        check("max(x.values(), y)", "passed max(x.values(), y)");
    }

    #[test]
    fn escapes() {
        check("return x", "returned");
        check("return x, 1", "returned");
        check("return {'a': [x]}", "returned");
        check("return x if y else None", "returned");
        check("return x or []", "returned");
        check("return y and x", "returned");
        check("return [x for y in z]", "returned");
        check("yield x", "yielded");
        check("y = yield x", "yielded");
        check("yield x, 1", "yielded");
        check("y = x", "alias y");
        check("y: list = (x)", "alias y");
        check("y = x or []", "alias y");
        check("y = z = x", "alias z");
        check("y = self.z = x", "stored self.z");
        check("self.y = z = x", "stored self.y");
        check("self.y = x", "stored self.y");
        check("w['a'] = x", "stored w['a']");
        check("y, z = x, 1", "alias y");
        check("self.y, z = x, 1", "stored self.y");
        check("y, *z = x, 1", "stored x, 1");
        check("y = [x]", "stored [x]");
        check("y = [x] + z", "stored [x]");
        check("y = {x: 1}", "stored {x: 1}");
        check("y += [x]", "stored [x]");
        check("for y in (x, z): pass", "stored (x, z)");
        check("for y in x, z: pass", "stored x, z");
        check("y in (x, z)", "compared");
        check("global g\ng = x", "stored g");
        check("(y := x)", "alias y");
        check("if (y := x): pass", "alias y");
        check("raise x", "other raise_statement");
        check("raise E(x)", "passed E(x)");
        check("with x: pass", "other with_item");
        check("with x as y: pass", "other as_pattern");
        check("match x:\n    case y: pass", "other match_statement");
        check("def g(a=x): pass", "stored def g(a=x): pass");
        check("y = lambda a=x: a", "stored lambda a=x: a");
        check("@x\ndef g(): pass", "other decorator");
        check("@x(1)\ndef g(): pass", "other call");
        check("class A(x): pass", "other argument_list");
        check("async def g(): pass\nassert y, x", "other assert_statement");
    }

    #[test]
    fn captures() {
        check("def g():\n    x.append(1)", "captured function_definition");
        check("def g():\n    def h():\n        return x", "captured function_definition");
        check("y = lambda: x", "captured lambda");
        check("y = sorted(z, key=lambda a: x[a])", "captured lambda");
        check("class A:\n    y = x\n    def g(self):\n        x", "alias y, captured function_definition");
        check("def g(x):\n    x", "");
        check("[x[a] for a in y]", "x[a]");
        check("@g(x)\ndef h(): pass", "passed g(x)");
    }

    #[test]
    fn module_variables_are_never_captured() {
        let tree = Tree::parse("x = {}\ndef f():\n    x[1] = 2\n    return lambda: x\n");
        let facts = Facts::new(&tree);
        let place = facts
            .place(tree.root().descendants().find(|node| node.text() == "x" && node.is("identifier")).expect("x"))
            .expect("a place");
        let uses: Vec<_> = facts.mentions(&place, tree.root()).into_iter().map(|node| words(&facts.use_of(node))).collect();
        assert_eq!(uses, ["ignored", "![1]=", "captured lambda"]);
    }

    #[test]
    fn tests_of_truth_and_none() {
        let tested = |body: &str| {
            let tree = function(body);
            let facts = Facts::new(&tree);
            let mention = body_of(&tree).descendants().find(|node| node.is("identifier") && node.text() == "x").expect("x");
            facts.is_tested(mention)
        };
        for body in [
            "if x: pass",
            "y = x or []",
            "return x and y",
            "y = x is None",
            "for a in x or []: pass",
            "g(1 if x else 2)",
            "y = not (x)",
        ] {
            assert!(tested(body), "{body}");
        }
        for body in
            ["y = x", "y = z or x", "for a in x: pass", "y = a if b else x", "if len(x): pass", "if x[0]: pass", "x.append(1)"]
        {
            assert!(!tested(body), "{body}");
        }
    }

    /// The places of all statements of a text that are expressions, as written back.
    #[track_caller]
    fn places(code: &str) -> Vec<Option<String>> {
        let tree = Tree::parse(code);
        let facts = Facts::new(&tree);
        let expressions = tree.root().named_children().filter_map(Node::only_child);
        let write = |place: Place<'_>| {
            let steps = place.steps.iter().map(|step| match step {
                Step::Attribute(name) => format!(".{name}"),
                Step::Subscript(key) => format!("[{key}]"),
            });
            format!("{}{}", place.name, steps.collect::<String>())
        };
        expressions.map(|expression| facts.place(expression).map(write)).collect()
    }

    #[test]
    fn places_are_chains_without_calls() {
        let found = places("x\n(self.a)\ncfg['m']\na.b[0].c\n(a)[k]\na[-1]\na[None]\n");
        let expected = ["x", "self.a", "cfg['m']", "a.b[0].c", "a[k]", "a[-1]", "a[None]"];
        assert_eq!(found, expected.map(|text| Some(text.to_string())));
        assert_eq!(places("f()\nf().a\na[f()]\na[1:2]\na[1, 2]\na[1,]\n1\n'a'.b\na[f'{b}']\na[b.c]\n"), vec![None; 10]);
    }

    /// The texts of the statements in which the first expression of a text is mentioned, changed or rebound.
    #[track_caller]
    fn found(code: &str, ask: impl for<'t> Fn(&Facts<'t>, &Place<'t>, Node<'t>) -> Vec<Node<'t>>) -> Vec<String> {
        let tree = Tree::parse(code);
        assert_eq!(tree.errors().count(), 0, "{code}");
        let facts = Facts::new(&tree);
        let first = tree.root().named_children().next().and_then(Node::only_child).expect("an expression");
        let place = facts.place(first).expect("a place");
        let line = |node: Node<'_>| tree.code()[node.start()..].lines().next().map_or(String::new(), str::to_string);
        ask(&facts, &place, tree.root()).into_iter().map(line).collect()
    }

    #[test]
    fn mentions_are_of_the_place_itself() {
        let mentions = |code: &str| found(code, |facts, place, within| facts.mentions(place, within));
        assert_eq!(mentions("d['m']\nd[\"m\"].x\nd['n']\nd\n(d)['m'][0]\n"), ["d['m']", "d[\"m\"].x", "(d)['m'][0]"]);
        assert_eq!(mentions("a.b\na.b.c\na.c.b\nb\nx.a.b\na.b()\n"), ["a.b", "a.b.c", "a.b()"]);
        assert_eq!(mentions("x\ndef f(x): x\ndef g(): x\nf(x=1)\na.x\n"), ["x", "x"]);
        assert_eq!(mentions("d[1]\nd['1']\nd[k]\n"), ["d[1]"]);
    }

    #[test]
    fn mutations_hide_everywhere() {
        let mutations = |code: &str| {
            found(code, |facts, place, within| {
                facts.mutations(place, within).into_iter().map(|mutation| mutation.node).collect()
            })
        };
        assert_eq!(
            mutations(
                "x\nif x.pop(): pass\nfor a in x.pop(): pass\nf(x.pop())\n[x.pop() for a in b]\ndel y[0], x[0]\n\
                 lambda: x.pop()\ndef f(): x.pop()\nassert x.pop()\nx = x - y\nx -= y\nx[0].pop()\nclass A: x[0] = 1\n\
                 def g(a=x.pop()): pass\nwith a as x[0]: pass\n"
            ),
            [
                "x.pop(): pass",
                "x.pop(): pass",
                "x.pop())",
                "x.pop() for a in b]",
                "x[0]",
                "x.pop()",
                "x -= y",
                "x[0] = 1",
                "x.pop()): pass",
                "x[0]: pass"
            ]
        );
        assert_eq!(
            mutations("x[0]\nx[0].pop()\nx[0][1] = 2\nx[0] = 1\nx[0] += 1\n"),
            ["x[0].pop()", "x[0][1] = 2", "x[0] += 1"]
        );
        assert_eq!(mutations("x\nz = (a for b in c if x.add(b))\n"), ["x.add(b))"]);
    }

    #[test]
    fn rebindings_of_the_place_or_around_it() {
        let rebindings = |code: &str| found(code, |facts, place, within| facts.rebindings(place, within));
        assert_eq!(
            rebindings("x\nx = 1\nx += 1\nfor x in y: pass\ndel x\nx[0] = 1\nx.a = 1\nx: int\nwith y as x: pass\n"),
            ["x = 1", "x in y: pass", "x", "x: pass"]
        );
        assert_eq!(
            rebindings(
                "a.b['k'].c\na.b = 1\na.b['j'] = 1\na.b['k'] = 1\na.b[i] = 1\na.b[f()] = 1\na.b['k'].c += 1\na.b['k'].c = 1\na.c = 1\n"
            ),
            ["a.b = 1", "a.b['k'] = 1", "a.b[i] = 1", "a.b[f()] = 1", "a.b['k'].c = 1"]
        );
        assert_eq!(
            rebindings("d[k]\nfor k in y: pass\nd['x'] = 1\nd = 1\ndel d[k]\n"),
            ["k in y: pass", "d['x'] = 1", "d = 1", "d[k]"]
        );
    }

    #[test]
    fn deep_code_does_not_overflow() {
        let run = || {
            let deep = |open: &str, close: &str| format!("{}x{}", open.repeat(50_000), close.repeat(50_000));
            check(&format!("y = {}", deep("(", ")")), "alias y");
            check(&format!("y = {}", deep("[", "]")), &format!("stored {}", deep("[", "]")));
            check(&format!("y = x{}", " + x".repeat(2)), "operand, operand, operand");
            check(&format!("y = x{}", ".a".repeat(50_000)), ".a");
            check(&format!("y = {}x", "z or ".repeat(50_000)), "alias y");
        };
        let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
        thread.join().expect("no overflow");
    }
}
