//! Elements and rows of a tensor that an index loop fetches one at a time: `t[i].item()`, `boxes[i].cpu().numpy()`.

use super::shown;
use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier};
use crate::engine::syntax::Node;
use crate::engine::transform::{Context, Findings};
use crate::semantics::invariance::Change;
use crate::semantics::ownership::{Fate, Form};
use crate::semantics::scope::BindingKind;
use crate::semantics::tensors::Tensor;
use crate::semantics::tensors::heat;
use crate::transforms::sync_in_loop::places;
use crate::transforms::transfer_in_loop::names;

/// What is fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `t[i].item()`.
    Number,
    /// `t[i].tolist()`.
    List,
    /// `t[i].cpu().numpy()`.
    Array,
    /// `t[i].cpu()`.
    Copy,
}

/// One fetch.
pub(super) struct Read<'t> {
    /// `t[i].item()`.
    pub(super) call: Node<'t>,
    /// `t[i]`.
    element: Node<'t>,
    /// `t`.
    pub(super) value: Node<'t>,
    pub(super) kind: Kind,
}

/// All fetches from one tensor in the loops in which it stays the same.
pub(super) struct Indexed<'t> {
    first: Read<'t>,
    tensor: Tensor<'t>,
    /// The outermost loop in which nothing changes the tensor.
    a_loop: Node<'t>,
    reads: Vec<Read<'t>>,
    stranger: Option<Node<'t>>,
}

/// Whether this transform speaks for a call of a method on an element.
pub(in crate::transforms) fn claims<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let mut element = call;
    while let Some(object) =
        element.child("function").and_then(|function| function.child("object")).filter(|_| element.is("call"))
    {
        element = object;
    }
    element.is("subscript") && Indexed::of(cx, element).is_ok()
}

/// Judges one element whose method is called.
pub(super) fn consider<'t>(cx: &Context<'t>, element: Node<'t>, out: &mut Findings) {
    match Indexed::of(cx, element) {
        Ok(indexed) if indexed.reads.first().is_some_and(|read| read.call == indexed.first.call) => push(cx, &indexed, out),
        // Have: the second `t[i].item()` of a loop
        Ok(_) | Err(None) => {}
        Err(Some(because)) => out.leave(element.range(), because),
    }
}

impl<'t> Indexed<'t> {
    fn of(cx: &Context<'t>, element: Node<'t>) -> Result<Self, Option<&'static str>> {
        let facts = cx.facts();
        let first = Read::of(element).ok_or(None)?;
        let tensor = facts.tensor(first.value).filter(|tensor| tensor.single).ok_or(None)?;
        if facts.place(first.value).is_none() || facts.loops_around(element).next().is_none() {
            return Err(None);
        }
        if !first.counts(cx) {
            return Err(None);
        }
        let mut found = None;
        let mut stranger = None;
        for a_loop in facts.loops_around(element).take_while(|a_loop| !facts.is_too_long(*a_loop)) {
            match facts.change_within(first.value, a_loop) {
                Some(Change::Seen(_)) => break,
                Some(Change::Possible(node)) => stranger = Some(node),
                None => {}
            }
            found = Some(a_loop);
        }
        // Have: for i in range(..): .. t[i].item(), and t stays the same
        let a_loop = found.ok_or(Some("the loop changes the tensor"))?;
        let counters = || first.indices().filter(|index| index.is("identifier"));
        if !counters().all(|index| is_bound_by(cx, index, a_loop)) {
            return Err(None);
        }
        if heat::is_timed(cx.facts(), a_loop, element) {
            return Err(Some("the loop is timed, and fetching may be what is measured"));
        }
        if heat::is_test(element) {
            return Err(Some("it is a test"));
        }
        if super::is_compiled(cx, element) {
            return Err(Some("TorchScript cannot compile `tolist()` here"));
        }
        let is_same = |read: &Read<'t>| {
            read.kind == first.kind
                && facts.is_same_expression(read.value, first.value)
                && read.suffix() == first.suffix()
                && read.element.children_of("subscript").count() == first.element.children_of("subscript").count()
                && facts.owner(read.call) == facts.owner(first.call)
                && read.counts(cx)
                && facts.loops_around(read.call).any(|around| around == a_loop)
                && !read
                    .call
                    .ancestors()
                    .take_while(|around| !around.is_statement())
                    .any(|around| around.is("generator_expression"))
        };
        let subscripts = a_loop.descendants().filter(|node| node.is("subscript"));
        let reads: Vec<_> = subscripts.filter_map(Read::of).filter(is_same).collect();
        if reads.iter().any(|read| !read.is_only_looked_at(cx)) {
            return Err(Some("each step has a copy of its own, and may change it or hand it on"));
        }
        let is_tested = || {
            let place = facts.place(first.value);
            place.is_some_and(|place| {
                facts.mentions(&place, facts.owner(element)).into_iter().any(|mention| facts.is_tested(mention))
            })
        };
        let is_certain = || is_bound(cx, root(first.value), a_loop) && !is_tested();
        if !reads.iter().any(|read| facts.runs_in_every_step(read.call, a_loop)) && !is_certain() {
            return Err(Some("it may be None, or not bound, where it is not fetched"));
        }
        if reads.iter().all(|read| heat::is_guarded(read.call, a_loop)) {
            return Err(Some("it is fetched only now and then"));
        }
        Ok(Self { first, tensor, a_loop, reads, stranger })
    }

    /// Reasons why the fix is not safe.
    fn hazards(&self, cx: &Context<'t>) -> Vec<String> {
        let facts = cx.facts();
        let value = self.first.value;
        let name = shown(value);
        let mut but = Vec::new();
        if self.tensor.certainty == Certainty::Likely {
            but.push(format!("`{name}` is a tensor only by its looks"));
        }
        if let Some(stranger) = self.stranger {
            but.push(format!("`{}` may change the tensor, which others may hold", shown(stranger)));
        }
        let root = root(value);
        let variable = facts.scopes().variable_of(root).map(|id| facts.scopes().variable(id));
        if !is_bound(cx, root, self.a_loop) {
            but.push(format!("`{}` may not be bound in front of the loop", root.text()));
        }
        let covers = self.first.covers(cx);
        if !covers {
            but.push(format!("the loop may need only a part of `{name}`"));
        }
        let may_be_none = variable.is_none_or(|variable| {
            variable.bindings.iter().any(|binding| {
                binding.value.is_some_and(|value| value.is("none"))
                    || binding
                        .annotation
                        .is_some_and(|annotation| ["Optional", "None"].iter().any(|word| annotation.text().contains(word)))
            })
        });
        let header_needs_it =
            self.a_loop.child("right").is_some_and(|right| facts.reads(right).is_some() || right.text().contains(value.text()));
        if may_be_none && !(covers && header_needs_it) {
            but.push(format!("`{name}` may be None where nothing is fetched"));
        }
        let count = self.first.element.children_of("subscript").count();
        let rank = self.tensor.rank.map(usize::from);
        let is_handled = self
            .a_loop
            .and_ancestors()
            .chain(self.first.call.ancestors())
            .any(|around| around.is("try_statement") && around.children().any(|child| child.is("except_clause")));
        match self.first.kind {
            Kind::Number if rank == Some(count) => {}
            Kind::Number if is_handled => {
                but.push("an element of several numbers would no longer raise the error that is handled here".to_string());
            }
            Kind::Number if count > 1 => but.push(format!("`{name}` may have fewer dimensions where the loop takes no step")),
            Kind::Array if rank.is_none() => {
                but.push(format!("if `{name}` has no more than {}, the arrays become numbers", dimensions(count)));
            }
            _ => {}
        }
        if self.first.kind == Kind::Array && !self.first.suffix().contains("detach()") {
            but.push("a loop without a step would now need a tensor without gradient".to_string());
        }
        but
    }

    /// What stands behind the tensor in front of the loop, and behind the indices in it.
    fn texts(&self) -> (String, &'static str) {
        let count = self.first.element.children_of("subscript").count();
        let rank = self.tensor.rank.map(usize::from);
        match self.first.kind {
            Kind::List => (".tolist()".to_string(), ""),
            Kind::Number if rank == Some(count) => (".tolist()".to_string(), ""),
            // Right for what has one element behind the indices, as `.item()` is.
            Kind::Number if count == 1 => (".flatten().tolist()".to_string(), ""),
            Kind::Number => (format!(".flatten({}).tolist()", count - 1), ""),
            // An array without dimensions stays an array.
            Kind::Array if rank == Some(count) => (self.first.suffix(), ", ..."),
            Kind::Array | Kind::Copy => (self.first.suffix(), ""),
        }
    }

    fn edits(&self, cx: &Context<'t>) -> Option<(String, Vec<Edit>)> {
        let source = cx.source;
        let line = source.line_start(self.a_loop.start());
        let value = self.first.value;
        if !source.code()[line..self.a_loop.start()].trim().is_empty()
            || value.text().contains('\n')
            || !source.is_exact(value.range())
        {
            return None;
        }
        let name = self.name(cx)?;
        let (behind, inside) = self.texts();
        let indent = source.indent(self.a_loop.start());
        let mut edits = vec![places::before(source, self.a_loop, &format!("{indent}{name} = {}{behind}\n", value.text()))];
        for read in &self.reads {
            edits.push(Edit::replace(read.value.range(), name.clone()));
            if matches!(self.first.kind, Kind::Number | Kind::List) {
                // Have: m[i, j], of lists in a list
                let indices: Vec<_> = read.indices().collect();
                edits.extend(indices.windows(2).map(|pair| Edit::replace(pair[0].end()..pair[1].start(), "][")));
            }
            if !inside.is_empty() {
                edits.push(Edit::insert(read.element.end() - 1, inside));
            }
            edits.push(Edit::replace(read.element.end()..read.call.end(), ""));
        }
        Some((name, edits))
    }

    fn name(&self, cx: &Context<'t>) -> Option<String> {
        let suffixes = match self.first.kind {
            Kind::Number | Kind::List => ["list", "values"],
            Kind::Array | Kind::Copy => ["cpu", "on_cpu"],
        };
        names::choose(cx, self.first.value, &suffixes, false, self.a_loop)
    }
}

/// The name that an expression starts with.
fn root(expression: Node<'_>) -> Node<'_> {
    expression.and_descendants().find(|node| node.is("identifier")).unwrap_or(expression)
}

/// Whether a name has certainly a value when the loop starts.
fn is_bound<'t>(cx: &Context<'t>, name: Node<'t>, a_loop: Node<'t>) -> bool {
    let facts = cx.facts();
    let variable = facts.scopes().variable_of(name).map(|id| facts.scopes().variable(id));
    variable.is_some_and(|variable| {
        variable.bindings.iter().any(|binding| {
            binding.kind == BindingKind::Parameter
                || facts.owner(binding.node) != facts.owner(a_loop)
                || facts.dominates(binding.node, a_loop)
        })
    })
}

fn dimensions(count: usize) -> String {
    if count == 1 { "one dimension".to_string() } else { format!("{count} dimensions") }
}

impl<'t> Read<'t> {
    /// The fetch that an element is part of: its method and what is chained to it.
    pub(super) fn of(element: Node<'t>) -> Option<Self> {
        let value = element.child("value")?.unparenthesized();
        let mut methods = Vec::new();
        let mut call = element;
        while methods.len() < 4 {
            let Some(attribute) = call.parent().filter(|parent| parent.is("attribute") && call.field() == Some("object"))
            else {
                break;
            };
            let Some(outer) = attribute.parent().filter(|outer| outer.is("call") && attribute.field() == Some("function"))
            else {
                break;
            };
            let method = attribute.child("attribute")?.text();
            let has_arguments = outer.child("arguments")?.named_children().next().is_some();
            if has_arguments || !["item", "tolist", "cpu", "numpy", "detach"].contains(&method) {
                break;
            }
            methods.push(method);
            call = outer;
        }
        let kind = match methods[..] {
            ["item"] => Kind::Number,
            ["tolist"] => Kind::List,
            ["cpu", "numpy"] | ["detach", "cpu", "numpy"] | ["cpu", "detach", "numpy"] => Kind::Array,
            ["cpu"] | ["detach", "cpu"] => Kind::Copy,
            _ => return None,
        };
        let has_comment = call.descendants().any(|node| node.is("comment"));
        (!has_comment).then_some(Self { call, element, value, kind })
    }

    /// `.cpu().numpy()`, without white space.
    fn suffix(&self) -> String {
        self.call.tree().code()[self.element.end()..self.call.end()].split_whitespace().collect()
    }

    fn indices(&self) -> impl Iterator<Item = Node<'t>> {
        self.element.children_of("subscript")
    }

    /// Whether all indices are integers for certain: counters of loops and literals, at least one of them a counter.
    fn counts(&self, cx: &Context<'t>) -> bool {
        let is_integer = |index: Node<'t>| {
            index.is("integer")
                || index.is("unary_operator") && index.child("argument").is_some_and(|argument| argument.is("integer"))
                || is_counter(cx, index)
        };
        // `t[i,]` is no other index, but rare.
        self.indices().all(is_integer)
            && self.indices().any(|index| is_counter(cx, index))
            && !self.element.text().ends_with(",]")
    }

    fn is_only_looked_at(&self, cx: &Context<'t>) -> bool {
        let form = match self.kind {
            Kind::Number => return true,
            Kind::List => Form::List,
            Kind::Array => Form::Array,
            Kind::Copy => Form::Tensor,
        };
        cx.facts().fate_of_memory(self.call, form) == Fate::Looked
    }

    /// Whether the loops go over the whole length of the dimensions that are indexed by counters.
    fn covers(&self, cx: &Context<'t>) -> bool {
        self.indices().enumerate().all(|(dimension, index)| {
            if !index.is("identifier") {
                return dimension > 0;
            }
            header(cx, index).is_some_and(|(call, name)| {
                let first = call.child("arguments").and_then(|arguments| arguments.named_children().next());
                match name {
                    "range" => {
                        let only = call.child("arguments").and_then(Node::only_child);
                        only.is_some_and(|only| is_length(cx, only, self.value, dimension))
                    }
                    _ => first.is_some_and(|first| {
                        let is_it = |node: Node<'_>| node.text() == self.value.text();
                        let is_zip =
                            first.is("call") && matches!(cx.facts().called_name(first).as_deref(), Some(["builtins", "zip"]));
                        dimension == 0
                            && (is_it(first)
                                || is_zip
                                    && first.child("arguments").is_some_and(|arguments| arguments.named_children().any(is_it)))
                    }),
                }
            })
        })
    }
}

/// The call of `range` or `enumerate` whose count a name is.
fn header<'t>(cx: &Context<'t>, index: Node<'t>) -> Option<(Node<'t>, &'t str)> {
    let facts = cx.facts();
    let variable = facts.scopes().variable(facts.scopes().variable_of(index)?);
    let inner = variable.bindings.iter().rev().find(|binding| {
        binding.node.ancestors().find(|around| around.is("for_statement")).is_some_and(|a_loop| a_loop.contains(index))
    })?;
    let call = inner.node.ancestors().find(|around| around.is("for_statement"))?.child("right")?;
    match facts.called_name(call)?[..] {
        ["builtins", name] => Some((call, name)),
        _ => None,
    }
}

/// Whether a name is only ever the count of `range` or `enumerate`.
fn is_counter<'t>(cx: &Context<'t>, index: Node<'t>) -> bool {
    let facts = cx.facts();
    let Some(id) = facts.scopes().variable_of(index).filter(|_| index.is("identifier")) else { return false };
    let bindings = &facts.scopes().variable(id).bindings;
    !bindings.is_empty()
        && bindings.iter().all(|binding| binding.kind == BindingKind::For && facts.is_counter(binding.node))
        && header(cx, index).is_some()
}

/// Whether the loop, or one in it, binds the name.
fn is_bound_by<'t>(cx: &Context<'t>, index: Node<'t>, a_loop: Node<'t>) -> bool {
    let facts = cx.facts();
    let id = facts.scopes().variable_of(index).filter(|_| index.is("identifier"));
    id.is_some_and(|id| facts.scopes().variable(id).bindings.iter().any(|binding| a_loop.contains(binding.node)))
}

/// `len(t)`, `t.size(0)`, `t.shape[0]`, also by a name that is bound once to it.
pub(super) fn is_length<'t>(cx: &Context<'t>, expression: Node<'t>, value: Node<'t>, dimension: usize) -> bool {
    let facts = cx.facts();
    let text: String = expression.text().split_whitespace().collect();
    let name = value.text();
    let is_it = |text: &str| {
        text == format!("{name}.size({dimension})")
            || text == format!("{name}.shape[{dimension}]")
            || text == format!("{name}.size()[{dimension}]")
            || dimension == 0 && (text == format!("len({name})") || text == format!("{name}.numel()"))
    };
    if is_it(&text) {
        return true;
    }
    let id = facts.scopes().variable_of(expression).filter(|_| expression.is("identifier"));
    let Some([binding]) = id.map(|id| facts.scopes().variable(id).bindings.as_slice()) else { return false };
    if let Some(bound) = binding.value {
        return is_it(&bound.text().split_whitespace().collect::<String>());
    }
    let Some(pattern) = binding.node.parent().filter(|parent| parent.is_any(&["pattern_list", "tuple_pattern"])) else {
        return false;
    };
    let right = pattern.parent().and_then(|assignment| assignment.child("right")).map_or("", Node::text);
    let place = pattern.named_children().position(|child| child == binding.node);
    place == Some(dimension) && (right == format!("{name}.shape") || right == format!("{name}.size()"))
}

fn push<'t>(cx: &Context<'t>, indexed: &Indexed<'t>, out: &mut Findings) {
    let first = &indexed.first;
    let what = if first.kind == Kind::Number { "elements" } else { "rows" };
    let but = indexed.hazards(cx);
    let repair = match indexed.edits(cx) {
        Some((name, edits)) => Repair::Fix(Fix {
            title: format!("Fetch all of them to `{name}` in front of the loop"),
            tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
            span: indexed.a_loop.range(),
            edits,
            imports: Vec::new(),
        }),
        None => Repair::None { because: "no name is free for them; fetch all of them in front of the loop".to_string() },
    };
    out.push(Finding {
        range: first.call.range(),
        message: format!("the {what} of `{}` are fetched one at a time", shown(first.value)),
        evidence: vec![Note {
            range: indexed.tensor.shown_by.range(),
            text: "this is a tensor".to_string(),
            certainty: indexed.tensor.certainty,
        }],
        repair,
    });
}
