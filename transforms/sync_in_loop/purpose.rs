//! What a value is wanted for, and the cheaper habit.

use crate::engine::finding::quoted;
use crate::semantics::tensors::syncs::{Asks, Sync};

/// Methods that show a value.
const SHOWING: &[&str] = &[
    "print",
    "info",
    "debug",
    "warning",
    "write",
    "set_postfix",
    "set_description",
    "set_postfix_str",
    "log",
    "add_scalar",
    "add_scalars",
    "log_metric",
    "log_metrics",
    "format",
    "set_description_str",
    "log_scalar",
    "record",
    "scalar",
];

/// Why the value cannot simply wait, in words that follow "no fix:".
pub(super) fn of(site: &Sync<'_>) -> String {
    let sync = site.node;
    let path = sync.and_ancestors().zip(sync.ancestors()).take_while(|(inside, _)| !inside.is_statement());
    for (inside, around) in path {
        let field = inside.field();
        match around.kind() {
            "while_statement" if field == Some("condition") => {
                return "the value decides whether the loop goes on; test it every few steps".to_string();
            }
            "if_statement" | "elif_clause" if field == Some("condition") => return deciding(),
            "conditional_expression" if around.named_children().nth(1) == Some(inside) => return deciding(),
            "assert_statement" => return deciding(),
            "subscript" if field == Some("subscript") => {
                return "it is an index; index with the tensor itself, or fetch all indices at once".to_string();
            }
            "interpolation" => return showing(),
            "call" if field == Some("arguments") => {
                let function = around.child("function");
                let name = function.map_or("", |function| function.child("attribute").unwrap_or(function).text());
                match name {
                    _ if SHOWING.contains(&name) => return showing(),
                    "update" => return "let the meter keep the tensor, and read it when it is shown".to_string(),
                    "append" | "add" | "extend" if site.asks == Asks::Copy => return copying(),
                    "append" | "add" | "extend" => return keeping(),
                    "range" => return "it is a bound of a loop; fetch all of them at once".to_string(),
                    "int" | "float" | "round" | "abs" | "str" | "min" | "max" => {}
                    _ => {
                        return format!(
                            "it is handed to `{}`; hand it the tensor, or every few steps only",
                            quoted(function.unwrap_or(around))
                        );
                    }
                }
            }
            "assignment" | "augmented_assignment"
                if around.child("left").is_some_and(|left| left.is_any(&["subscript", "attribute"])) =>
            {
                return if site.asks == Asks::Copy { copying() } else { keeping() };
            }
            "dictionary" | "pair" | "list" => return keeping(),
            _ => {}
        }
    }
    if site.asks == Asks::Copy {
        return "the step goes on with the copy; go on with the tensor, or copy what several steps give at once".to_string();
    }
    "the step goes on with the number; go on with the tensor, and read it behind the loop".to_string()
}

fn deciding() -> String {
    "the value decides what happens next; decide every few steps, or on the device with `torch.where`".to_string()
}

fn showing() -> String {
    "it is shown in every step; show it every few steps".to_string()
}

fn copying() -> String {
    "all of them on the device may be too much for it; if they are small, keep `.detach()` of each and copy them at once \
     behind the loop, else copy several at a time"
        .to_string()
}

fn keeping() -> String {
    "it is kept where other code may look; keep `.detach()` of the tensor, and read it behind the loop".to_string()
}
