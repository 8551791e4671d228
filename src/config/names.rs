//! What users may write for a transform or a key, and what they probably meant when they wrote something else.

use crate::engine::transform::{Meta, Transform};
use crate::transforms::SUITE;

/// The transform with this id, or with this code of another tool (`B006`), in any case.
///
/// The error names the nearest id.
pub fn transform(name: &str) -> Result<&'static dyn Transform, String> {
    let named =
        |meta: &Meta| meta.id.eq_ignore_ascii_case(name) || meta.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
    SUITE.iter().copied().find(|transform| named(transform.meta())).ok_or_else(|| {
        let ids: Vec<&str> = SUITE.iter().map(|transform| transform.meta().id).collect();
        format!("there is no transform `{name}`{}", did_you_mean(name, &ids))
    })
}

/// The place of a transform in the suite, from 0: the order in which transforms are run and printed.
pub fn rank(id: &str) -> usize {
    SUITE.iter().position(|transform| transform.meta().id == id).unwrap_or(usize::MAX)
}

/// The description of a transform that is known to exist.
pub fn meta(id: &str) -> Option<&'static Meta> {
    SUITE.iter().map(|transform| transform.meta()).find(|meta| meta.id == id)
}

/// `; did you mean ...?` with the candidate that is the most like `word`, or all candidates where none is like it.
pub fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    match similar::get_close_matches(word, candidates, 1, 0.5).first() {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None if candidates.is_empty() => String::new(),
        None => format!("; known: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_codes_name_a_transform() {
        for name in ["mutable-default", "B006", "b006", "Mutable-Default"] {
            assert_eq!(transform(name).map(|t| t.meta().id), Ok("mutable-default"), "{name}");
        }
        let error = transform("mutabel-default").err().expect("unknown");
        assert_eq!(error, "there is no transform `mutabel-default`; did you mean `mutable-default`?");
        assert!(transform("zzz").err().expect("unknown").contains("known: mutable-default, "));
    }
}
