//! The same Python text in other dress: line ends, tabs, inside a method, other encodings.

use std::fmt::Write as _;

use mlfix::engine::syntax::{Node, Tree};

/// Gives the variant, or `None` where it would change nothing or has no meaning.
type Vary<T> = fn(&str) -> Option<T>;

/// Under these the same edits must appear: the variant of "before" becomes the variant of "after".
pub(crate) const EXACT: &[(&str, Vary<String>)] =
    &[("crlf", crlf), ("tabs", tabs), ("eof", without_final_newline), ("class", inside_a_method)];

/// Under these the result may differ, and only what always holds is checked.
pub(crate) const LOOSE: &[(&str, Vary<Vec<u8>>)] =
    &[("latin-1", latin_1), ("bom", bom), ("form feed", form_feed), ("trailing comments", trailing_comments)];

fn crlf(text: &str) -> Option<String> {
    (!text.contains('\r')).then(|| text.replace('\n', "\r\n"))
}

/// Every four leading spaces become a tab, except where a line begins inside a string.
fn tabs(text: &str) -> Option<String> {
    let inside = Strings::of(text);
    let mut changed = false;
    let lines = lines(text).map(|(start, line)| {
        let width = line.bytes().take_while(|&byte| byte == b' ').count();
        if width < 4 || inside.holds(start) {
            return line.to_string();
        }
        changed = true;
        format!("{}{}{}", "\t".repeat(width / 4), " ".repeat(width % 4), &line[width..])
    });
    let out = lines.collect();
    changed.then_some(out)
}

fn without_final_newline(text: &str) -> Option<String> {
    text.strip_suffix('\n').map(str::to_string)
}

/// Wraps everything but the docstring and the imports at the top into `class C:`, `def m(self):`.
fn inside_a_method(text: &str) -> Option<String> {
    let tree = Tree::parse(text);
    let is_top = |node: Node<'_>| {
        node.is_any(&["import_statement", "import_from_statement", "future_import_statement"])
            || (node.is("expression_statement") && node.only_child().is_some_and(|child| child.is("string")))
    };
    let mut top = 0;
    for node in tree.root().children() {
        if is_top(node) {
            top = line_end(text, node.end());
        } else if !node.is("comment") && !node.is(";") {
            break;
        }
    }
    let blank: usize = lines(&text[top..]).take_while(|(_, line)| line.trim().is_empty()).map(|(_, line)| line.len()).sum();
    let (top, body) = text.split_at(top + blank);
    if body.is_empty() {
        return None;
    }
    let inside = Strings::of(text);
    let mut out = format!("{top}class C:\n    def m(self):\n");
    for (start, line) in lines(body) {
        if !line.trim().is_empty() && !inside.holds(top.len() + start) {
            out.push_str("        ");
        }
        out.push_str(line);
    }
    Some(out)
}

fn latin_1(text: &str) -> Option<Vec<u8>> {
    let mut out = b"# -*- coding: latin-1 -*-\n".to_vec();
    for c in text.chars() {
        out.push(u8::try_from(u32::from(c)).ok()?);
    }
    if !text.ends_with('\n') {
        out.push(b'\n');
    }
    out.extend(b"# caf\xe9\n");
    Some(out)
}

fn bom(text: &str) -> Option<Vec<u8>> {
    (!text.starts_with('\u{feff}')).then(|| [b"\xef\xbb\xbf", text.as_bytes()].concat())
}

/// A form feed before every definition and compound statement at the top level, as old Emacs users like it.
fn form_feed(text: &str) -> Option<Vec<u8>> {
    let tree = Tree::parse(text);
    let starts: Vec<usize> =
        tree.root().named_children().filter(|node| node.child("body").is_some()).map(Node::start).collect();
    let mut out = text.as_bytes().to_vec();
    for &start in starts.iter().rev() {
        out.insert(start, b'\x0c');
    }
    (!starts.is_empty()).then_some(out)
}

/// A comment behind every line that can carry one.
fn trailing_comments(text: &str) -> Option<Vec<u8>> {
    let inside = Strings::of(text);
    let tree = Tree::parse(text);
    let commented: Vec<usize> = tree.root().descendants().filter(|node| node.is("comment")).map(Node::end).collect();
    let mut out = String::new();
    for (number, (start, line)) in lines(text).enumerate() {
        let bare = line.trim_end();
        let end = start + bare.len();
        let free = !bare.is_empty() && !bare.ends_with('\\') && !inside.holds(start + line.len());
        if free && !commented.contains(&end) {
            write!(out, "{bare}  # note {number}{}", &line[bare.len()..]).expect("memory is enough");
        } else {
            out.push_str(line);
        }
    }
    (out != text).then(|| out.into_bytes())
}

/// Where the strings of a text are.
struct Strings(Vec<(usize, usize)>);

impl Strings {
    fn of(text: &str) -> Self {
        let tree = Tree::parse(text);
        Self(tree.root().descendants().filter(|node| node.is("string")).map(|node| (node.start(), node.end())).collect())
    }

    /// Whether an offset lies behind the first and before the last byte of a string.
    fn holds(&self, offset: usize) -> bool {
        self.0.iter().any(|&(start, end)| start < offset && offset < end)
    }
}

/// Each line with its end, and the offset where it starts.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let this = start;
        start += line.len();
        (this, line)
    })
}

fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |at| offset + at + 1)
}

#[test]
fn variants_are_the_same_program() {
    let text = "\"\"\"Doc.\"\"\"\nimport os\n\n# about f\ndef f(x):\n    '''a\n    b'''\n    return {\n        1: x\n    }\n\nprint(1)\n";
    assert_eq!(
        inside_a_method(text).as_deref(),
        Some(
            "\"\"\"Doc.\"\"\"\nimport os\n\nclass C:\n    def m(self):\n        # about f\n        def f(x):\n            '''a\n    b'''\n            \
             return {\n                1: x\n            }\n\n        print(1)\n"
        )
    );
    assert_eq!(
        tabs(text).as_deref(),
        Some("\"\"\"Doc.\"\"\"\nimport os\n\n# about f\ndef f(x):\n\t'''a\n    b'''\n\treturn {\n\t\t1: x\n\t}\n\nprint(1)\n")
    );
    assert_eq!(tabs("x = 1\n"), None);
    assert_eq!(form_feed("x = 1\ndef f(): pass\n"), Some(b"x = 1\n\x0cdef f(): pass\n".to_vec()));
    assert_eq!(
        trailing_comments("x = '''\n'''\ny = 1  # why\nz = \\\n    2\n").map(|text| String::from_utf8(text).expect("ASCII")),
        Some("x = '''\n'''  # note 1\ny = 1  # why\nz = \\\n    2  # note 4\n".to_string())
    );
    assert_eq!(latin_1("é = 1"), Some(b"# -*- coding: latin-1 -*-\n\xe9 = 1\n# caf\xe9\n".to_vec()));
}
