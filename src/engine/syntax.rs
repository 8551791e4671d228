//! The syntax tree as a flat table, and questions about its nodes.
//!
//! Nodes stand in pre-order in one vector, so that a subtree is a slice, a parent is one look-up and no walk recurses:
//! a chain of 200,000 `+` is 200,003 levels deep.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

use rustc_hash::FxHashMap;
use tree_sitter::{Language, ParseOptions, ParseState, Parser, TreeCursor};

use super::deadline;

use super::parse;

/// Kind id that tree-sitter gives to a node of unexpected text.
const ERROR: u16 = u16::MAX;

/// The grammar.
pub fn language() -> &'static Language {
    static LANGUAGE: OnceLock<Language> = OnceLock::new();
    LANGUAGE.get_or_init(|| tree_sitter_python::LANGUAGE.into())
}

#[inline]
fn kind_name(kind: u16) -> &'static str {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let count = u16::try_from(language().node_kind_count()).expect("the grammar has fewer than 65,536 kinds");
        (0..count).map(|id| language().node_kind_for_id(id).unwrap_or("")).collect()
    });
    if kind == ERROR { "ERROR" } else { names[kind as usize] }
}

#[inline]
fn field_name(field: u16) -> Option<&'static str> {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let count = u16::try_from(language().field_count()).expect("the grammar has fewer than 65,536 fields");
        (0..=count).map(|id| language().field_name_for_id(id).unwrap_or("")).collect()
    });
    (field != 0).then(|| names[field as usize])
}

/// Numbers of all constructs with this name: what the grammar calls alike may have several. None when there is none.
pub(super) fn kinds_called(name: &str) -> Vec<u16> {
    let count = u16::try_from(language().node_kind_count()).expect("the grammar has fewer than 65,536 kinds");
    let is_called =
        |&id: &u16| language().node_kind_is_named(id) && language().node_kind_is_visible(id) && kind_name(id) == name;
    (0..count).filter(is_called).collect()
}

/// The number of the role with this name.
pub(super) fn role_called(name: &str) -> Option<u16> {
    language().field_id_for_name(name).map(std::num::NonZeroU16::get)
}

/// Something for each kind of node, so that a walk over a whole file compares no names.
pub struct KindTable<T>(Vec<T>);

impl<T: Copy> KindTable<T> {
    /// Asks once for each kind of the grammar.
    pub fn new(of: impl Fn(&str) -> T) -> Self {
        let count = u16::try_from(language().node_kind_count()).expect("the grammar has fewer than 65,536 kinds");
        Self((0..count).map(|id| of(kind_name(id))).collect())
    }

    /// What there is for the kind of a node; `None` for text that the grammar did not expect.
    #[inline]
    pub fn get(&self, node: Node<'_>) -> Option<T> {
        self.0.get(node.kind_id() as usize).copied()
    }
}

/// One node of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u16,
    pub(super) field: u16,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) parent: u32,
    /// Index behind the last descendant.
    pub(super) skip: u32,
    pub(super) named: bool,
    pub(super) missing: bool,
}

/// A parsed file: its text and the table of its nodes.
pub struct Tree {
    code: String,
    records: Vec<Record>,
    errors: Vec<u32>,
    depth: usize,
    by_kind: OnceCell<ByKind>,
    parsed: OnceCell<tree_sitter::Tree>,
}

impl Tree {
    /// Parses the text of a whole file. What is ordinary takes the fast way, and everything else goes through tree-sitter;
    /// where both know a text, they agree. Ends the work
    /// on it when its [time](deadline) is over.
    pub fn parse(code: &str) -> Self {
        match parse::parse(code) {
            Some((records, depth)) => Self::new(code, records, Vec::new(), depth),
            None => Self::parse_fully(code),
        }
    }

    /// Parses the text with tree-sitter, whatever it is.
    pub fn parse_fully(code: &str) -> Self {
        let parsed = tree_sitter_tree(code);
        let (records, errors, depth) = flatten(parsed.walk());
        let tree = Self::new(code, records, errors, depth);
        let _ = tree.parsed.set(parsed);
        tree
    }

    fn new(code: &str, records: Vec<Record>, errors: Vec<u32>, depth: usize) -> Self {
        Self { code: code.to_string(), records, errors, depth, by_kind: OnceCell::new(), parsed: OnceCell::new() }
    }

    /// The text that was parsed.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The table.
    #[cfg(test)]
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// tree-sitter's own tree, for queries that need it. It is made on first use.
    pub fn parsed(&self) -> &tree_sitter::Tree {
        self.parsed.get_or_init(|| tree_sitter_tree(&self.code))
    }

    /// The node of the whole file. Its range starts behind leading white space and comments count as its children.
    pub fn root(&self) -> Node<'_> {
        self.node(0)
    }

    /// The node with this id. Ids are positions in pre-order: an ancestor's is smaller than a descendant's.
    #[inline]
    pub fn node(&self, id: u32) -> Node<'_> {
        Node { tree: self, id }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// False: there is always a root.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The entry for a node of tree-sitter's own tree, such as a query's capture.
    pub fn lookup(&self, node: tree_sitter::Node<'_>) -> Node<'_> {
        let (start, end, kind) = (node.start_byte() as u32, node.end_byte() as u32, node.kind_id());
        // Zero-width nodes break strict order of starts only among equals, so the first of the equals is a safe origin.
        let mut id = self.records.partition_point(|record| record.start < start);
        while id < self.records.len() {
            let record = self.records[id];
            if record.start == start && record.end == end && record.kind == kind {
                return self.node(id as u32);
            }
            id += 1;
        }
        self.root()
    }

    /// The smallest named node that holds the range.
    pub fn covering(&self, range: Range<usize>) -> Node<'_> {
        let mut node = self.root();
        'down: loop {
            for child in node.children() {
                if child.start() <= range.start && range.end <= child.end() && child.is_named() && child.start() < child.end() {
                    node = child;
                    continue 'down;
                }
            }
            return node;
        }
    }

    /// All nodes of this kind, in text order. The index is built once, so that asking for each function of a file what
    /// calls it costs no walk of the whole table.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = Node<'_>> {
        self.by_kind().ids(kind).iter().map(|&id| self.node(id))
    }

    /// All nodes of these kinds, kind by kind; with no kind, all constructs.
    pub(super) fn of_kinds(&self, kinds: &[u16]) -> Vec<Node<'_>> {
        if kinds.is_empty() {
            return self.root().and_descendants().filter(|node| node.is_named()).collect();
        }
        let index = self.by_kind();
        // What the grammar calls alike is one list there.
        let mut first: Vec<u16> = kinds.iter().map(|&kind| kind_numbers().first[kind as usize]).collect();
        first.sort_unstable();
        first.dedup();
        first.into_iter().flat_map(|number| index.of_number(number)).map(|&id| self.node(id)).collect()
    }

    fn by_kind(&self) -> &ByKind {
        self.by_kind.get_or_init(|| ByKind::new(&self.records))
    }

    /// How deep the deepest node lies; the root lies at 0.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// All nodes that stand for text the grammar did not expect, or for expected text that is not there.
    pub fn errors(&self) -> impl Iterator<Item = Node<'_>> {
        self.errors.iter().map(|&id| self.node(id))
    }
}

/// The constructs of a table, sorted by kind and then by place.
struct ByKind {
    ids: Vec<u32>,
    /// Where the nodes of each kind begin, by the first of the numbers that the grammar has for it.
    starts: Vec<u32>,
}

impl ByKind {
    fn new(records: &[Record]) -> Self {
        let first = &kind_numbers().first;
        let mut starts = vec![0_u32; first.len() + 1];
        let named = || records.iter().enumerate().filter(|(_, record)| record.named && record.kind != ERROR);
        for (_, record) in named() {
            starts[first[record.kind as usize] as usize + 1] += 1;
        }
        for kind in 1..starts.len() {
            starts[kind] += starts[kind - 1];
        }
        let mut next = starts.clone();
        let mut ids = vec![0; starts[first.len()] as usize];
        for (id, record) in named() {
            let place = &mut next[first[record.kind as usize] as usize];
            ids[*place as usize] = id as u32;
            *place += 1;
        }
        Self { ids, starts }
    }

    fn ids(&self, kind: &str) -> &[u32] {
        kind_numbers().by_name.get(kind).map_or(&[], |&number| self.of_number(number))
    }

    /// The nodes of a kind, by the first of its numbers.
    fn of_number(&self, number: u16) -> &[u32] {
        &self.ids[self.starts[number as usize] as usize..self.starts[number as usize + 1] as usize]
    }
}

/// The numbers of the grammar's constructs.
struct KindNumbers {
    by_name: FxHashMap<&'static str, u16>,
    /// For each number the first one with the same name.
    first: Vec<u16>,
}

fn kind_numbers() -> &'static KindNumbers {
    static NUMBERS: OnceLock<KindNumbers> = OnceLock::new();
    NUMBERS.get_or_init(|| {
        let count = u16::try_from(language().node_kind_count()).expect("the grammar has fewer than 65,536 kinds");
        let mut by_name = FxHashMap::default();
        let mut first: Vec<u16> = (0..count).collect();
        for id in (0..count).filter(|&id| language().node_kind_is_named(id) && language().node_kind_is_visible(id)) {
            first[id as usize] = *by_name.entry(kind_name(id)).or_insert(id);
        }
        KindNumbers { by_name, first }
    })
}

fn tree_sitter_tree(code: &str) -> tree_sitter::Tree {
    thread_local! {
        static PARSER: RefCell<Parser> = RefCell::new({
            let mut parser = Parser::new();
            parser.set_language(language()).expect("the grammar fits the library: both are pinned");
            parser
        });
    }
    let parsed = PARSER.with_borrow_mut(|parser| {
        let mut may_go_on =
            |_: &ParseState| if deadline::is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let options = ParseOptions::new().progress_callback(&mut may_go_on);
        let rest = &mut |at: usize, _| code.as_bytes().get(at..).unwrap_or_default();
        let parsed = parser.parse_with_options(rest, None, Some(options));
        if parsed.is_none() {
            // Otherwise the next text would be taken for the rest of this one.
            parser.reset();
        }
        parsed
    });
    parsed.unwrap_or_else(|| deadline::give_up())
}

fn flatten(mut cursor: TreeCursor<'_>) -> (Vec<Record>, Vec<u32>, usize) {
    let mut records: Vec<Record> = Vec::new();
    let mut errors = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    let mut depth = 0;
    loop {
        let node = cursor.node();
        let id = records.len() as u32;
        records.push(Record {
            kind: node.kind_id(),
            field: cursor.field_id().map_or(0, std::num::NonZeroU16::get),
            start: node.start_byte() as u32,
            end: node.end_byte() as u32,
            parent: open.last().copied().unwrap_or(0),
            skip: id + 1,
            named: node.is_named(),
            missing: node.is_missing(),
        });
        if node.is_error() || node.is_missing() {
            errors.push(id);
        }
        if cursor.goto_first_child() {
            open.push(id);
            depth = depth.max(open.len());
            continue;
        }
        while !cursor.goto_next_sibling() {
            let Some(done) = open.pop() else { return (records, errors, depth) };
            records[done as usize].skip = records.len() as u32;
            cursor.goto_parent();
        }
    }
}

/// One node of a [`Tree`]: a copyable handle.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    id: u32,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Node<'_> {}
impl std::hash::Hash for Node<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
impl PartialOrd for Node<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node<'_> {
    /// Order in the text, outer before inner.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}
impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.kind(), self.range(), self.text())
    }
}

impl<'t> Node<'t> {
    #[inline]
    fn record(self) -> &'t Record {
        &self.tree.records[self.id as usize]
    }

    /// Position in pre-order.
    #[inline]
    pub fn id(self) -> u32 {
        self.id
    }

    /// The tree that this node is of.
    #[inline]
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// The grammar's name: `call`, `identifier`, or the token itself, such as `+=`.
    #[inline]
    pub fn kind(self) -> &'static str {
        kind_name(self.record().kind)
    }

    /// The grammar's number of the kind.
    #[inline]
    pub(super) fn kind_id(self) -> u16 {
        self.record().kind
    }

    /// The grammar's number of the role in the parent; 0 for none.
    #[inline]
    pub(super) fn role(self) -> u16 {
        self.record().field
    }

    /// Whether the kind is this one.
    #[inline]
    pub fn is(self, kind: &str) -> bool {
        self.kind() == kind
    }

    /// Whether the kind is one of these.
    #[inline]
    pub fn is_any(self, kinds: &[&str]) -> bool {
        kinds.contains(&self.kind())
    }

    /// The role in the parent: `body`, `left`, `function` ...
    #[inline]
    pub fn field(self) -> Option<&'static str> {
        field_name(self.record().field)
    }

    /// Whether it is a construct of the grammar and no mere token. Comments are named.
    #[inline]
    pub fn is_named(self) -> bool {
        self.record().named
    }

    /// Whether it stands for expected text that is not there.
    pub fn is_missing(self) -> bool {
        self.record().missing
    }

    /// Byte offset of the first byte.
    #[inline]
    pub fn start(self) -> usize {
        self.record().start as usize
    }

    /// Byte offset behind the last byte.
    #[inline]
    pub fn end(self) -> usize {
        self.record().end as usize
    }

    /// Half-open byte range.
    #[inline]
    pub fn range(self) -> Range<usize> {
        self.start()..self.end()
    }

    /// The text in the parsers' view of the file.
    #[inline]
    pub fn text(self) -> &'t str {
        &self.tree.code[self.range()]
    }

    /// The node around this one; none for the root.
    #[inline]
    pub fn parent(self) -> Option<Node<'t>> {
        (self.id != 0).then(|| self.tree.node(self.record().parent))
    }

    /// From the parent outwards to the root.
    pub fn ancestors(self) -> impl Iterator<Item = Node<'t>> {
        std::iter::successors(self.parent(), |node| node.parent())
    }

    /// This node, then its ancestors.
    pub fn and_ancestors(self) -> impl Iterator<Item = Node<'t>> {
        std::iter::successors(Some(self), |node| node.parent())
    }

    /// All children, tokens and comments included.
    #[inline]
    pub fn children(self) -> impl Iterator<Item = Node<'t>> {
        deadline::check_seldom();
        let end = self.record().skip;
        let mut next = self.id + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = self.tree.node(next);
                next = child.record().skip;
                child
            })
        })
    }

    /// Children that are constructs: no tokens, no comments, no line continuations.
    #[inline]
    pub fn named_children(self) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(|child| child.is_named() && !child.is_any(&["comment", "line_continuation"]))
    }

    /// The only construct inside, if there is exactly one.
    pub fn only_child(self) -> Option<Node<'t>> {
        let mut children = self.named_children();
        let first = children.next()?;
        children.next().is_none().then_some(first)
    }

    /// The first child with this role.
    #[inline]
    pub fn child(self, field: &str) -> Option<Node<'t>> {
        self.children().find(|child| child.field() == Some(field))
    }

    /// All children with this role, without comments.
    pub fn children_of(self, field: &'static str) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(move |child| child.field() == Some(field) && !child.is("comment"))
    }

    /// The first child of this kind.
    pub fn child_of_kind(self, kind: &str) -> Option<Node<'t>> {
        self.children().find(|child| child.is(kind))
    }

    /// Everything inside, in text order, without this node.
    pub fn descendants(self) -> impl DoubleEndedIterator<Item = Node<'t>> {
        deadline::check_seldom();
        (self.id + 1..self.record().skip).map(|id| self.tree.node(id))
    }

    /// This node and everything inside, in text order.
    pub fn and_descendants(self) -> impl DoubleEndedIterator<Item = Node<'t>> {
        deadline::check_seldom();
        (self.id..self.record().skip).map(|id| self.tree.node(id))
    }

    /// Like [`and_descendants`](Self::and_descendants), but does not go into nodes for which `prune` is true (they are
    /// themselves yielded).
    pub fn walk(self, prune: impl Fn(Node<'t>) -> bool) -> impl Iterator<Item = Node<'t>> {
        deadline::check_seldom();
        let end = self.record().skip;
        let mut next = self.id;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let node = self.tree.node(next);
                next = if prune(node) { node.record().skip } else { next + 1 };
                node
            })
        })
    }

    /// Whether `other` is this node or inside it.
    #[inline]
    pub fn contains(self, other: Node<'_>) -> bool {
        self.id <= other.id && other.id < self.record().skip
    }

    /// The next child of the same parent, tokens and comments included.
    pub fn next_sibling(self) -> Option<Node<'t>> {
        let parent = self.parent()?;
        let next = self.record().skip;
        (next < parent.record().skip).then(|| self.tree.node(next))
    }

    /// The previous child of the same parent, tokens and comments included.
    pub fn previous_sibling(self) -> Option<Node<'t>> {
        let parent = self.parent()?;
        // What stands right before this node in the table is the last node inside that sibling.
        let before = self.tree.node(self.id - 1);
        before.and_ancestors().find(|node| node.record().parent == parent.id && *node != parent)
    }

    /// Whether it is a statement: a child of a module or of a block that is no token and no comment.
    pub fn is_statement(self) -> bool {
        self.is_named()
            && !self.is_any(&["comment", "line_continuation", "ERROR"])
            && self.parent().is_some_and(|parent| parent.is_any(&["module", "block"]))
    }

    /// The innermost statement that holds this node, or the node itself if it is one.
    pub fn statement(self) -> Option<Node<'t>> {
        self.and_ancestors().find(|node| node.is_statement())
    }

    /// The innermost function, lambda, class or module around this node (decorators, defaults and annotations of a
    /// function are around it, not in it: ask the scopes where that matters).
    pub fn enclosing_definition(self) -> Node<'t> {
        self.ancestors()
            .find(|node| node.is_any(&["function_definition", "lambda", "class_definition"]))
            .unwrap_or(self.tree.root())
    }

    /// Without any parentheses around it: `((x))` gives `x`.
    pub fn unparenthesized(self) -> Node<'t> {
        let mut node = self;
        while node.is("parenthesized_expression") {
            match node.only_child() {
                Some(inner) => node = inner,
                None => break,
            }
        }
        node
    }
}

#[cfg(test)]
mod tests;
