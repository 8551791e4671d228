//! The expression that is added or appended, taken apart: the value of the tensor, and what belongs to the step.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// How many parts of the step are kept beside the value; more would be hard to follow.
const MOST: usize = 3;

/// The parts of the expression, besides the value, literals and operators, that belong to the step, in text order.
/// `None` when the expression cannot be computed again later.
pub(super) fn parts<'t>(cx: &Context<'t>, sync: Node<'t>, expression: Node<'t>) -> Option<Vec<Node<'t>>> {
    let mut found = Vec::new();
    let mut open = vec![expression];
    while let Some(node) = open.pop() {
        if node == sync || node.is_any(&["integer", "float", "none", "true", "false"]) {
            continue;
        }
        let holds = node.contains(sync);
        match node.kind() {
            "parenthesized_expression" | "unary_operator" | "binary_operator" | "tuple" | "dictionary" | "list" if holds => {
                open.extend(node.named_children());
            }
            "pair" => {
                let key = node.child("key").filter(|key| is_plain_text(*key))?;
                open.extend(node.named_children().filter(|child| *child != key));
            }
            // A text is put together for people to read: what is left of it behind the loop would be hard to follow.
            "string"
                if is_plain_text(node) && node.parent().is_some_and(|around| around.is_any(&["tuple", "list", "pair"])) => {}
            "call" if holds => {
                let name = cx.facts().called_name(node)?;
                let arguments = node.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
                let is_plain = arguments
                    .named_children()
                    .all(|argument| !argument.is_any(&["keyword_argument", "list_splat", "dictionary_splat"]));
                if !matches!(name[..], ["builtins", "round" | "float" | "int" | "abs"] | ["math", "exp" | "sqrt" | "log"])
                    || !is_plain
                {
                    return None;
                }
                open.extend(arguments.named_children());
            }
            _ if holds => return None,
            "identifier" | "attribute" | "call" | "subscript" if found.len() < MOST => found.push(node),
            _ => return None,
        }
    }
    found.sort_by_key(|part| part.start());
    Some(found)
}

fn is_plain_text(node: Node<'_>) -> bool {
    node.is("string") && !node.named_children().any(|part| part.is("interpolation"))
}
