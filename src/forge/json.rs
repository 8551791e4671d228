//! What the answers of all forges have in common.

use serde_json::Value;

use super::{Class, Error, RepoName};

/// A text of an object.
pub(super) fn text(json: &Value, key: &str) -> Option<String> {
    json.get(key)?.as_str().map(str::to_owned)
}

/// The texts of a list.
pub(super) fn texts(json: &Value, key: &str) -> Vec<String> {
    let list = json[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The name of a repository, which is in the same place at GitHub and Gitea.
pub(super) fn name(json: &Value) -> Option<RepoName> {
    text(json, "full_name")?.parse().ok()
}

/// Whether one of these counts more than nothing.
pub(super) fn any(json: &Value, keys: &[&str]) -> bool {
    keys.iter().any(|key| json[key].as_u64().is_some_and(|count| count > 0))
}

/// The names of the labels, which are objects or names.
pub(super) fn labels(json: &Value) -> Vec<String> {
    let labels = json["labels"].as_array().map(Vec::as_slice).unwrap_or_default();
    labels.iter().filter_map(|label| text(label, "name").or_else(|| label.as_str().map(str::to_owned))).collect()
}

/// An answer, or a wish, that makes no sense.
pub(super) fn odd(what: &str) -> Error {
    Error { class: Class::Refused, text: what.to_owned() }
}
