//! Tests of `syntax`.

use super::*;

#[test]
fn the_table_agrees_with_the_tree() {
    let tree = Tree::parse("def f(a, b=[1]):\n    # why\n    return a + b\n");
    let function = tree.root().named_children().next().expect("one statement");
    assert_eq!(function.kind(), "function_definition");
    let parameters = function.child("parameters").expect("parameters");
    assert_eq!(parameters.named_children().map(Node::text).collect::<Vec<_>>(), ["a", "b=[1]"]);
    let value = parameters.named_children().nth(1).and_then(|p| p.child("value")).expect("a default");
    assert_eq!((value.kind(), value.range()), ("list", 11..14));
    assert_eq!(value.parent().map(Node::kind), Some("default_parameter"));
    assert!(function.contains(value) && !value.contains(function));
    let comment = tree.root().descendants().find(|n| n.is("comment")).expect("a comment");
    assert_eq!(comment.next_sibling().map(Node::kind), Some("block"));
    assert_eq!(tree.covering(11..12).kind(), "list");
}

#[test]
fn captures_are_found_again() {
    let tree = Tree::parse("x = f(f(1))\n");
    let mut cursor = tree.parsed().walk();
    let mut seen = 0;
    loop {
        let found = tree.lookup(cursor.node());
        assert_eq!((found.range(), found.kind()), (cursor.node().byte_range(), cursor.node().kind()));
        seen += 1;
        if cursor.goto_first_child() {
            continue;
        }
        let mut up = true;
        while up && !cursor.goto_next_sibling() {
            up = cursor.goto_parent();
        }
        if !up {
            break;
        }
    }
    assert_eq!(seen, tree.len());
}

#[test]
fn depth_does_not_matter() {
    let deep = format!("x = {}1{}\n", "(".repeat(100_000), ")".repeat(100_000));
    let tree = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(move || Tree::parse(&deep).root().and_descendants().filter(|n| n.is("integer")).count())
        .expect("a thread");
    assert_eq!(tree.join().expect("no overflow"), 1);
}

#[test]
fn errors_are_listed() {
    assert_eq!(Tree::parse("x = (1\n").errors().count(), 1);
    assert_eq!(Tree::parse("x = 1\n").errors().count(), 0);
}
