//! A transform's query, run on the flat table.
//!
//! Queries need little here: kinds, roles, captures, and comparison with literals. One that uses more is run by
//! tree-sitter, which then parses the file for it.

use std::sync::OnceLock;

use tree_sitter::{QueryCursor, StreamingIterator};

use super::syntax::{Node, Tree, kinds_called, language, role_called};
use super::transform::Match;

/// A compiled query.
pub struct Query {
    text: &'static str,
    /// `None` for what only tree-sitter can run.
    patterns: Option<Vec<Pattern>>,
    full: OnceLock<tree_sitter::Query>,
}

impl Query {
    /// Compiles the text of a query.
    pub fn new(text: &'static str) -> Self {
        Self { text, patterns: compile(text), full: OnceLock::new() }
    }

    /// Whether it runs without tree-sitter.
    pub fn is_plain(&self) -> bool {
        self.patterns.is_some()
    }

    /// All matches, in the order in which their last nodes stand in the text. Panics when the query is wrong: a mistake in
    /// the transform.
    pub fn matches<'t>(&self, tree: &'t Tree) -> Vec<Match<'t>> {
        match &self.patterns {
            Some(patterns) => matches(patterns, tree),
            None => self.full_matches(tree),
        }
    }

    /// The same by tree-sitter.
    pub fn full_matches<'t>(&self, tree: &'t Tree) -> Vec<Match<'t>> {
        let query = self.full.get_or_init(|| match tree_sitter::Query::new(language(), self.text) {
            Ok(query) => query,
            Err(error) => panic!("query.scm: {error}"),
        });
        let mut cursor = QueryCursor::new();
        let names = query.capture_names();
        let mut matches = cursor.matches(query, tree.parsed().root_node(), tree.code().as_bytes());
        let mut all = Vec::new();
        while let Some(found) = matches.next() {
            let captures = found.captures().iter();
            let captures = captures.map(|c| (self.capture_name(names[c.index as usize]), tree.lookup(c.node))).collect();
            all.push(Match { pattern: found.pattern_index, captures });
        }
        all
    }

    /// A capture's name with the life of the program.
    fn capture_name(&self, name: &str) -> &'static str {
        let at = self.text.find(&format!("@{name}")).expect("the query's text holds its captures");
        &self.text[at + 1..=at + name.len()]
    }
}

struct Pattern {
    form: Form,
}

/// What a node must be like.
struct Form {
    /// One of these kinds; any construct when there is none.
    kinds: Vec<u16>,
    role: Option<u16>,
    captures: Vec<&'static str>,
    /// Its text is one of these; anything when there is none.
    texts: Vec<&'static str>,
    /// What must be among its children, in this order.
    children: Vec<Form>,
}

/// The text of a capture is one of these.
struct Predicate {
    capture: &'static str,
    texts: Vec<&'static str>,
}

/// A match in the making.
#[derive(Clone)]
struct Partial<'t> {
    captures: Vec<(&'static str, Node<'t>)>,
    last: u32,
}

fn matches<'t>(patterns: &[Pattern], tree: &'t Tree) -> Vec<Match<'t>> {
    let mut all: Vec<(u32, u32, Match<'t>)> = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        for node in tree.of_kinds(&pattern.form.kinds) {
            if !pattern.form.may_fit(node) {
                continue;
            }
            let start = Partial { captures: Vec::new(), last: 0 };
            pattern.form.each(node, &start, &mut |found| {
                all.push((found.last, node.id(), Match { pattern: index, captures: found.captures }));
            });
        }
    }
    all.sort_by_key(|(last, first, found)| (*last, *first, found.pattern));
    all.into_iter().map(|(_, _, found)| found).collect()
}

impl Form {
    /// Calls `take` for each way in which this form fits the node.
    fn each<'t>(&self, node: Node<'t>, so_far: &Partial<'t>, take: &mut dyn FnMut(Partial<'t>)) {
        if !self.fits(node) {
            return;
        }
        let mut next = so_far.clone();
        next.last = next.last.max(node.id());
        next.captures.extend(self.captures.iter().map(|&name| (name, node)));
        each_child(&self.children, node.children().next(), &next, take);
    }

    /// Whether the node itself fits, whatever is inside.
    fn fits(&self, node: Node<'_>) -> bool {
        self.role.is_none_or(|role| node.role() == role)
            && (if self.kinds.is_empty() { node.is_named() } else { self.kinds.contains(&node.kind_id()) })
            && (self.texts.is_empty() || self.texts.contains(&node.text()))
    }

    /// Whether each part fits somewhere, in any order: most nodes are done with here, at no cost.
    fn may_fit(&self, node: Node<'_>) -> bool {
        self.fits(node) && self.children.iter().all(|form| node.children().any(|child| form.may_fit(child)))
    }

    /// Asks for a text where this capture is.
    fn demand(&mut self, predicate: &Predicate) {
        if self.captures.contains(&predicate.capture) {
            self.texts.extend(&predicate.texts);
        }
        for form in &mut self.children {
            form.demand(predicate);
        }
    }
}

fn each_child<'t>(forms: &[Form], from: Option<Node<'t>>, so_far: &Partial<'t>, take: &mut dyn FnMut(Partial<'t>)) {
    let Some((first, rest)) = forms.split_first() else { return take(so_far.clone()) };
    let mut child = from;
    while let Some(node) = child {
        child = node.next_sibling();
        first.each(node, so_far, &mut |found| each_child(rest, child, &found, take));
    }
}

/// The patterns of a query; `None` when it uses anything that is not known here, be it wrong or not.
fn compile(text: &'static str) -> Option<Vec<Pattern>> {
    let mut reader = Reader { words: words(text), at: 0 };
    let mut patterns = Vec::new();
    while reader.at < reader.words.len() {
        let mut predicates: Vec<Predicate> = Vec::new();
        let mut form = reader.form(&mut predicates)?;
        // Two demands on one text would have to meet.
        if (1..predicates.len()).any(|at| predicates[..at].iter().any(|other| other.capture == predicates[at].capture)) {
            return None;
        }
        for predicate in &predicates {
            form.demand(predicate);
        }
        patterns.push(Pattern { form });
    }
    Some(patterns)
}

/// The words of a query: brackets, names, and literals with their opening quote.
fn words(text: &'static str) -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ';' => {
                rest = rest.split_once('\n').map_or("", |(_, below)| below).trim_start();
                continue;
            }
            '(' | ')' | '[' | ']' => 1,
            '"' => {
                let length = rest[1..].find('"').map_or(rest.len() - 1, |end| end + 1);
                words.push(&rest[..length]);
                rest = rest.get(length + 1..).unwrap_or_default().trim_start();
                continue;
            }
            _ => rest.find(|c: char| c.is_whitespace() || "()[]\"".contains(c)).unwrap_or(rest.len()),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

struct Reader {
    words: Vec<&'static str>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<&'static str> {
        let word = self.words.get(self.at).copied()?;
        self.at += 1;
        Some(word)
    }

    fn peek(&self) -> Option<&'static str> {
        self.words.get(self.at).copied()
    }

    fn form(&mut self, predicates: &mut Vec<Predicate>) -> Option<Form> {
        let mut form = Form { kinds: Vec::new(), role: None, captures: Vec::new(), texts: Vec::new(), children: Vec::new() };
        let mut word = self.next()?;
        if let Some(role) = word.strip_suffix(':') {
            form.role = Some(role_called(role)?);
            word = self.next()?;
        }
        match word {
            "[" => {
                while self.peek()? != "]" {
                    let one = self.form(predicates)?;
                    // Alternatives that are no more than kinds are one form with several kinds.
                    if one.role.is_some() || !one.captures.is_empty() || !one.children.is_empty() || one.kinds.is_empty() {
                        return None;
                    }
                    form.kinds.extend(one.kinds);
                }
                self.next();
            }
            "(" => {
                let kind = self.next()?;
                if kind != "_" {
                    form.kinds = kinds_called(kind);
                    if form.kinds.is_empty() {
                        return None;
                    }
                }
                loop {
                    match self.peek()? {
                        ")" => break,
                        "(" if self.words.get(self.at + 1)?.starts_with('#') => predicates.push(self.predicate()?),
                        _ => form.children.push(self.form(predicates)?),
                    }
                }
                self.next();
            }
            _ => return None,
        }
        while let Some(name) = self.peek().and_then(|word| word.strip_prefix('@')) {
            form.captures.push(name);
            self.next();
        }
        Some(form)
    }

    /// `(#any-of? @method "to" "cuda")`
    fn predicate(&mut self) -> Option<Predicate> {
        self.next();
        let name = self.next()?;
        let capture = self.next()?.strip_prefix('@')?;
        let mut texts = Vec::new();
        while self.peek()? != ")" {
            texts.push(self.next()?.strip_prefix('"').filter(|text| !text.contains('\\'))?);
        }
        self.next();
        let known = name == "#any-of?" || (name == "#eq?" && texts.len() == 1);
        known.then_some(Predicate { capture, texts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "f(a.item(), b[0].item().item())\nfor x in y: g(x); h(x)\n[x for x in y]\nz.cuda()\n";

    #[track_caller]
    fn same(text: &'static str, expected: usize) {
        let query = Query::new(text);
        assert!(query.is_plain(), "{text}");
        let tree = Tree::parse(CODE);
        let told = |matches: Vec<Match<'_>>| {
            let one =
                |m: Match<'_>| (m.pattern, m.captures.iter().map(|(name, node)| (*name, node.range())).collect::<Vec<_>>());
            matches.into_iter().map(one).collect::<Vec<_>>()
        };
        let plain = told(query.matches(&tree));
        assert_eq!(plain.len(), expected, "{text}");
        assert_eq!(plain, told(query.full_matches(&tree)), "{text}");
    }

    #[test]
    fn matches_are_those_of_tree_sitter() {
        same("(call) @call", 7);
        same("(call function: (identifier) @f) @call", 3);
        same("; a word\n[(list_comprehension) (for_statement)] @loop", 2);
        same("(call function: (attribute object: (_) @on attribute: (identifier) @m) (#eq? @m \"item\")) @call", 3);
        same("(call function: (attribute attribute: (identifier) @m) (#any-of? @m \"item\" \"cuda\"))", 4);
        same("(argument_list (call) @one)", 2);
        same("(block (expression_statement) @a (expression_statement) @b)", 1);
    }

    #[test]
    fn what_is_more_is_left_to_tree_sitter() {
        for text in [
            "(call . (identifier))",
            "[(call function: (_)) (list)]",
            "((call) @c (#match? @c \"x\"))",
            "(call)?",
            "\"for\" @f",
        ] {
            assert!(!Query::new(text).is_plain(), "{text}");
        }
        assert_eq!(Query::new("\"for\" @f").matches(&Tree::parse(CODE)).len(), 2);
    }
}
