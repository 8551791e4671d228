//! The cheap test: may a text open something outside the header of a `with`?

use std::sync::OnceLock;

use crate::engine::skim;
use crate::semantics::handles::opener_names;

/// Whether some call of a name that opens things is no item of a `with`. `code` has neither comments nor strings.
pub(super) fn may_open(code: &[u8]) -> bool {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    let has_paths = skim::behind_word(code, "pathlib").next().is_some();
    let names = NAMES.get_or_init(|| opener_names().collect());
    names.iter().any(|&name| {
        skim::behind_word(code, name).any(|end| {
            let next = skim::skip_blank(code, end);
            if code.get(next) != Some(&b'(') {
                // `from gzip import open as gopen`
                return skim::word_at(code, next) == b"as";
            }
            is_unmanaged(code, end, next, has_paths)
        })
    })
}

/// Whether the call of the name that ends at `end`, with its bracket at `bracket`, may be one that nothing closes.
fn is_unmanaged(code: &[u8], end: usize, bracket: usize, has_paths: bool) -> bool {
    let start = skim::start_of_chain(code, end);
    let before = skim::word_before(code, start);
    let is_method = code[start..end].iter().any(|byte| !skim::is_word(*byte));
    let is_computed = code[start..end].iter().any(|byte| matches!(byte, b')' | b']'));
    // Only a path is opened by a method of something that is computed.
    if before == b"def" && !is_method || is_computed && !has_paths {
        return false;
    }
    let behind = skim::skip_blank(code, skim::behind_bracket(code, bracket));
    let is_named = skim::word_at(code, behind) == b"as";
    let last = code[..start].iter().rev().find(|byte| !byte.is_ascii_whitespace());
    match last {
        _ if before == b"with" => !is_named && !matches!(code.get(behind), Some(b':' | b',')),
        Some(b',' | b'(') => !is_named,
        _ => true,
    }
}
