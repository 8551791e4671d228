//! Whether an expression has the same value in every step of a loop.

use super::Facts;
use super::effects::{Place, Step};
use super::scope::BindingKind;
use super::storage::{self, Storage};
use crate::engine::syntax::Node;

/// What may make a value another one while code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'t> {
    /// A name in it is bound there, or the memory behind one is written to.
    Seen(Node<'t>),
    /// Somebody else may hold what it reads, and gets the chance to write to it.
    Possible(Node<'t>),
}

/// What an expression reads.
#[derive(Clone, Debug, Default)]
pub struct Reads<'t> {
    /// Tensors, whose memory counts: `t` of `t[i].to(device)`.
    pub tensors: Vec<Node<'t>>,
    /// What only has to stay the same object: `i` and `device`.
    pub others: Vec<Node<'t>>,
}

/// Methods of which the result is another one each time.
const RANDOM: &[&str] = &["dropout", "multinomial", "bernoulli", "backward", "new_empty"];
/// Builtins that give a number for a number.
const NUMBERS: &[&str] = &["int", "float", "bool", "len", "abs", "round", "min", "max"];

impl<'t> Facts<'t> {
    /// What an expression reads, if reading is all it does: names, attributes, indices, methods of tensors that leave them as
    /// they are. `None` when it may do more, or give something else each time: `torch.randn(1).item()`, `f(x).item()`.
    pub fn reads(&self, expression: Node<'t>) -> Option<Reads<'t>> {
        let mut found = Reads::default();
        // Whether what is looked at is a tensor, or an argument of a method of one.
        let mut open = vec![(expression, true)];
        for _ in 0..200 {
            let Some((node, is_tensor)) = open.pop() else { return Some(found) };
            let node = node.unparenthesized();
            match node.kind() {
                "integer" | "float" | "true" | "false" | "none" | "ellipsis" => {}
                "string" if !node.children().any(|part| part.is("interpolation")) => {}
                "identifier" | "attribute" if self.qualified_name(node).is_some() => {}
                "identifier" => found.add(node, is_tensor),
                "attribute" => {
                    let name = node.child("attribute")?.text();
                    match storage::attribute(name) {
                        Storage::Shared => open.push((node.child("object")?, is_tensor)),
                        // Have: t.shape, t.device: no part of its memory
                        Storage::Own => open.push((node.child("object")?, false)),
                        _ if self.place(node).is_some() => found.add(node, is_tensor),
                        _ => return None,
                    }
                }
                "subscript" => {
                    open.push((node.child("value")?, is_tensor));
                    // A key may be a tensor or a list.
                    open.extend(node.children_of("subscript").map(|key| (key, !self.is_plain_number(key))));
                }
                "call" => {
                    let arguments = node.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
                    let function = node.child("function")?;
                    if let Some(name) = self.qualified_name(function) {
                        let is_number = matches!(name[..], ["builtins", function] if NUMBERS.contains(&function));
                        if !is_number && name != ["torch", "device"] {
                            return None;
                        }
                        open.extend(arguments.named_children().map(|argument| (argument, is_tensor && is_number)));
                    } else {
                        let method = function.child("attribute")?.text();
                        let is_pure = matches!(storage::method(method), Storage::Own | Storage::Shared);
                        let object = function.child("object")?;
                        // `sort` gives a new tensor, and changes an array or a list.
                        let may_write = storage::array_method(method) == Storage::Written && self.tensor(object).is_none();
                        if !is_pure || may_write || RANDOM.contains(&method) {
                            return None;
                        }
                        open.push((object, is_tensor));
                        open.extend(arguments.named_children().map(|argument| (argument, false)));
                    }
                }
                "keyword_argument" => {
                    if node.child("name").is_some_and(|name| name.text() == "out") {
                        return None;
                    }
                    open.push((node.child("value")?, is_tensor));
                }
                "unary_operator" | "binary_operator" | "comparison_operator" | "slice" | "tuple" | "list" => {
                    open.extend(node.named_children().map(|part| (part, is_tensor)));
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether two expressions are written alike, and their names are the same variables.
    pub fn is_same_expression(&self, one: Node<'t>, other: Node<'t>) -> bool {
        let names = |node: Node<'t>| node.and_descendants().filter(|part| part.is("identifier"));
        one.text() == other.text()
            && names(one).zip(names(other)).all(|(a, b)| self.scopes().variable_of(a) == self.scopes().variable_of(b))
    }

    /// What may give an expression another value while `region` runs, a statement of the same function, such as a loop that
    /// holds it; `None` when nothing can. An expression that does more than [`reads`](Self::reads) tells counts as changed.
    pub fn change_within(&self, expression: Node<'t>, region: Node<'t>) -> Option<Change<'t>> {
        let Some(reads) = self.reads(expression) else { return Some(Change::Seen(expression)) };
        let tensors = reads.tensors.iter().map(|&node| (node, true));
        let mut possible = None;
        for (node, is_tensor) in tensors.chain(reads.others.iter().map(|&node| (node, false))) {
            match self.change_of(node, is_tensor, region) {
                Some(Change::Seen(node)) => return Some(Change::Seen(node)),
                Some(change) => possible = possible.or(Some(change)),
                None => {}
            }
        }
        possible
    }

    fn change_of(&self, node: Node<'t>, is_tensor: bool, region: Node<'t>) -> Option<Change<'t>> {
        let Some(place) = self.place(node) else { return Some(Change::Seen(node)) };
        if let Some(&bound) = self.rebindings(&place, region).first() {
            return Some(Change::Seen(bound));
        }
        let id = place.root?;
        let variable = self.scopes().variable(id);
        let augmented = variable
            .bindings
            .iter()
            .find(|binding| binding.kind == BindingKind::Augmented && region.contains(binding.node) && place.steps.is_empty());
        if let Some(binding) = augmented {
            return Some(Change::Seen(binding.node));
        }
        if let Some(Step::Attribute(name)) = place.steps.last()
            && let Some(change) = self.change_of_attribute(&place, name, region)
        {
            return Some(change);
        }
        let elsewhere = variable.bindings.iter().find(|binding| self.owner(binding.node) != self.owner(region));
        if let Some(binding) = elsewhere
            && binding.kind != BindingKind::Parameter
            && self.is_written_by_functions(&place)
            && let Some(stranger) = self.stranger_within(region)
        {
            return Some(Change::Possible(stranger));
        }
        if let Some(written) = self.write_within(&place, region) {
            return Some(Change::Seen(written));
        }
        // Have: t[rows]: a key may be a list
        if self.tensor(node).is_none() {
            if let Some(mutation) = self.mutations(&place, region).first() {
                return Some(Change::Seen(mutation.node));
            }
            if !is_tensor {
                return None;
            }
        }
        if place.steps.is_empty() && self.is_own_tensor(id, region).is_ok() {
            return None;
        }
        self.stranger_within(region).map(Change::Possible)
    }

    /// Whether functions bind the variable that a place starts with: by `global` or `nonlocal`.
    fn is_written_by_functions(&self, place: &Place<'t>) -> bool {
        let Some(id) = place.root else { return false };
        let variable = self.scopes().variable(id);
        let home = self.scopes().definition(variable.scope);
        variable.bindings.iter().any(|binding| binding.kind != BindingKind::Parameter && self.owner(binding.node) != home)
    }

    /// What an attribute may be changed by: a store to any attribute of this name, an optimizer, the module that has it, a
    /// method of the object that stores it.
    fn change_of_attribute(&self, place: &Place<'t>, name: &str, region: Node<'t>) -> Option<Change<'t>> {
        let stores = self.stored(name);
        if let Some(store) = stores.iter().find(|store| region.contains(store.node)) {
            return Some(Change::Seen(store.node));
        }
        let is_step = |function: Node<'t>| function.child("attribute").is_some_and(|method| method.text() == "step");
        // Have: meter.average.item() beside meter.update(..) or model.bias.cpu() beside model(x)
        let is_owner = |function: Node<'t>| {
            let object = function.child("object").unwrap_or(function);
            self.place(object).is_some_and(|owner| {
                let is_prefix = owner.root == place.root
                    && owner.name == place.name
                    && owner.steps.len() < place.steps.len()
                    && owner.steps.iter().zip(&place.steps).all(|(a, b)| a == b);
                is_prefix && !(owner.name == "self" && owner.steps.is_empty())
            })
        };
        let stores_later = stores.iter().any(|store| {
            let owner = self.owner(store.node);
            owner.is("function_definition") && owner.child("name").is_some_and(|name| name.text() != "__init__")
        });
        let calls_method = |function: Node<'t>| {
            place.name == "self" && stores_later && function.child("object").is_some_and(|object| object.text() == "self")
        };
        let calls = region.and_descendants().filter(|node| node.is("call"));
        let changes = |call: &Node<'t>| {
            call.child("function").is_some_and(|function| is_step(function) || is_owner(function) || calls_method(function))
        };
        calls.into_iter().find(changes).map(Change::Seen)
    }
}

impl<'t> Reads<'t> {
    fn add(&mut self, node: Node<'t>, is_tensor: bool) {
        if is_tensor { &mut self.tensors } else { &mut self.others }.push(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// What may change `asked`, which stands as the argument of `ask` in the loop: `-`, `seen ..`, `possible ..`.
    #[track_caller]
    fn changes(before: &str, asked: &str, body: &str) -> String {
        let lines = |text: &str, indent: &str| text.trim().replace('\n', &format!("\n{indent}"));
        let code = format!(
            "import torch\nclass A:\n  def f(self, u: torch.Tensor, device, g, rows):\n    {}\n    for i in range(3):\n        print({asked})\n        {}\n",
            lines(before, "    "),
            lines(body, "        ")
        );
        let tree = Tree::parse(&code);
        assert_eq!(tree.errors().count(), 0, "{code}");
        let facts = Facts::new(&tree);
        let a_loop =
            tree.root().descendants().rfind(|node| node.is("for_statement") && node.text().contains("print(")).expect("a loop");
        let call =
            a_loop.descendants().find(|node| node.is("call") && node.text().starts_with("print(")).expect("the question");
        let asked = call.child("arguments").and_then(Node::only_child).expect("one argument");
        match facts.change_within(asked, a_loop) {
            None => "-".to_string(),
            Some(Change::Seen(node)) => format!("seen {}", node.text().lines().next().unwrap_or("")),
            Some(Change::Possible(node)) => format!("possible {}", node.text().lines().next().unwrap_or("")),
        }
    }

    #[test]
    fn nothing_changes() {
        assert_eq!(changes("t = torch.zeros(3)", "t.sum().item()", "g(i)"), "-");
        assert_eq!(changes("t = torch.zeros(3)", "t.to(device)", "g(i)"), "-");
        assert_eq!(changes("t = torch.zeros(3)", "t[0].cpu().numpy()", "print(t)"), "-");
        assert_eq!(changes("pass", "u.item()", "v = u + 1"), "-");
    }

    #[test]
    fn names_are_bound() {
        assert_eq!(changes("t = torch.zeros(3)", "t[i].item()", "pass"), "seen i");
        assert_eq!(changes("t = torch.zeros(3)", "t.item()", "t = t + 1"), "seen t");
        assert_eq!(changes("t = torch.zeros(3)", "t.item()", "t += 1"), "seen t");
        assert_eq!(changes("t = torch.zeros(3)", "t.to(device)", "device = g()"), "seen device");
        assert_eq!(changes("t = torch.zeros(3)", "t.item()", "for t in rows:\n    pass"), "seen t");
        assert_eq!(changes("t = torch.zeros(3)", "g(t).item()", "pass"), "seen g(t).item()");
        assert_eq!(changes("t = torch.zeros(3)", "torch.randn(1).item()", "pass"), "seen torch.randn(1).item()");
    }

    #[test]
    fn memory_is_written() {
        for write in ["t.zero_()", "t[0] = 1", "t.view(-1)[0] += 1", "torch.add(u, 1, out=t)", "t.data.copy_(u)"] {
            assert!(changes("t = torch.zeros(3)", "t.item()", write).starts_with("seen"), "{write}");
        }
        assert_eq!(changes("t = torch.zeros(3)\nv = t[0]", "t[0].item()", "v += 1"), "seen v += 1");
        assert_eq!(changes("t = torch.zeros(4)\nv, w = t.chunk(2)", "t.sum().item()", "w += 1"), "seen w += 1");
        assert_eq!(changes("t = torch.zeros(1)\n(v,) = t", "t.item()", "v.zero_()"), "seen v.zero_()");
        assert_eq!(changes("t = torch.zeros(4)\nv, w = t.split(2)", "v.sum().item()", "t.zero_()"), "seen t.zero_()");
        assert_eq!(changes("b = torch.zeros(3)\nt = b[0]", "t.item()", "b.zero_()"), "seen b.zero_()");
        assert_eq!(changes("b = torch.zeros(3)\nt, v = b[0], b.view(-1)", "t.item()", "g(i)"), "possible g(i)");
        assert_eq!(changes("b = torch.zeros(3)\nt = b[0]\nv = b.view(-1)", "t.item()", "v[0] = 1"), "seen v[0] = 1");
    }

    #[test]
    fn indices_are_changed() {
        let before = "t = torch.zeros(3)\np = torch.tensor(0)";
        assert_eq!(changes(before, "t[p].item()", "p.add_(1)"), "seen p.add_(1)");
        assert_eq!(changes(before, "t[rows].sum().item()", "rows.append(i)"), "seen rows.append(i)");
        assert_eq!(changes(before, "t[u].item()", "g(i)"), "possible g(i)");
        assert_eq!(changes(before, "t[rows].sum().item()", "g(i)"), "possible g(i)");
    }

    #[test]
    fn the_same_expression() {
        let tree = Tree::parse("def f(a, b):\n    g(a.b, [a.b for b in a], [a.b for a in b], a.c, a.b)\n");
        let facts = Facts::new(&tree);
        let asked: Vec<_> = tree.root().descendants().filter(|node| node.is("attribute")).collect();
        let same = asked[1..].iter().map(|other| facts.is_same_expression(asked[0], *other));
        assert_eq!(same.collect::<Vec<_>>(), [true, false, false, true]);
    }

    #[test]
    fn others_may_write() {
        assert_eq!(changes("pass", "u.item()", "g(i)"), "possible g(i)");
        assert_eq!(changes("t = torch.zeros(3)\ng(t)", "t.item()", "g(i)"), "possible g(i)");
        assert_eq!(changes("t = torch.zeros(3)\nrows.append(t)", "t.item()", "yield i"), "possible yield i");
        assert_eq!(changes("t = torch.zeros(3)\nrows.append(t)", "t.item()", "u.zero_()"), "possible u.zero_()");
        assert_eq!(changes("t = torch.zeros(3)\ndef h():\n    t.zero_()", "t.item()", "h()"), "possible h()");
        assert_eq!(changes("t = torch.zeros(3)\ndef h():\n    nonlocal t\n    t = u + 1", "t.item()", "h()"), "possible h()");
    }

    #[test]
    fn attributes() {
        assert_eq!(changes("pass", "self.t[0]", "print(i)"), "-");
        assert_eq!(changes("pass", "self.t[0]", "g(i)"), "possible g(i)");
        assert_eq!(changes("pass", "self.t.item()", "self.t = g"), "seen self.t");
        assert_eq!(changes("pass", "self.t.item()", "g.t = i"), "seen g.t");
        assert_eq!(changes("pass", "self.t.item()", "g.step()"), "seen g.step()");
        assert_eq!(changes("pass", "g.t.item()", "g(u)"), "seen g(u)");
        assert_eq!(changes("self.t = u", "self.t.item()", "self.h()"), "seen self.h()");
        assert_eq!(changes("pass", "g.m.t.item()", "g.m.update(i)"), "seen g.m.update(i)");
        assert_eq!(changes("pass", "g.m.t[0]", "self.h(g)"), "possible self.h(g)");
    }
}
