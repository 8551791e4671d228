//! Tests of `storage`.

use super::*;

#[test]
fn tables_are_sorted() {
    assert!(COMPUTE.is_sorted() && FUNCTIONS.is_sorted() && SHARING.is_sorted());
}

#[test]
fn methods() {
    assert_eq!(
        ["item", "sum", "clone", "to", "view", "numpy", "add_", "zero_"].map(method),
        [Own, Own, Own, Shared, Shared, Shared, Written, Written]
    );
    assert_eq!(["__len__", "register_hook", "share_memory", "map"].map(method), [Unknown; 4]);
}

#[test]
fn functions() {
    assert_eq!(function(&["torch", "cat"]), Own);
    assert_eq!(function(&["torch", "as_tensor"]), Shared);
    assert_eq!(function(&["torch", "relu_"]), Written);
    assert_eq!(function(&["torch", "nn", "init", "zeros_"]), Written);
    assert_eq!(function(&["torch", "nn", "functional", "relu"]), Unknown);
    assert_eq!(function(&["torch", "nn", "functional", "nll_loss"]), Own);
    assert_eq!(function(&["torch", "load"]), Unknown);
    assert_eq!(function(&["builtins", "print"]), Own);
    assert_eq!(function(&["builtins", "list"]), Unknown);
}
