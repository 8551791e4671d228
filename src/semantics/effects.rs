//! What a piece of code does to a container: changes it, lets it escape, gives it another name.

use super::Facts;
use super::scope::VariableId;
use crate::engine::syntax::Node;

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub fn place(&self, expression: Node<'t>) -> Option<Place<'t>> {
        todo!("{expression:?}")
    }

    /// Every mention of the place inside `within` (nested functions included), in text order: the nodes whose own
    /// place is exactly this one.
    pub fn mentions(&self, place: &Place<'t>, within: Node<'t>) -> Vec<Node<'t>> {
        todo!("{place:?} {within:?}")
    }

    /// Every in-place change of the place inside `within`, in text order; nested functions and lambdas are not entered.
    pub fn mutations(&self, place: &Place<'t>, within: Node<'t>) -> Vec<Mutation<'t>> {
        todo!("{place:?} {within:?}")
    }

    /// Every binding of the place itself or of a prefix of it inside `within`: `x = ..`, `for x in`, `self.a = ..`.
    /// Augmented assignments are mutations, not rebindings, of anything but scalars.
    pub fn rebindings(&self, place: &Place<'t>, within: Node<'t>) -> Vec<Node<'t>> {
        todo!("{place:?} {within:?}")
    }

    /// What happens to the container at this mention (an identifier, attribute or subscript node).
    pub fn use_of(&self, mention: Node<'t>) -> Use<'t> {
        todo!("{mention:?}")
    }
}
