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
mod tests;
