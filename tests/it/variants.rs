//! The same Python text in other dress: line ends, tabs, inside a method or a function in a function, other encodings.
//!
//! With the text as it stands (LF) these are twelve.

use std::fmt::Write as _;

use mlfix::engine::syntax::{Node, Tree};

/// Gives the variant, or `None` where it would change nothing or has no meaning.
type Vary<T> = fn(&str) -> Option<T>;

/// Under these the same edits must appear: the variant of "before" becomes the variant of "after". The second word, behind
/// `no=` in a case's fence, is how the case says that the variant does not apply.
pub(crate) const EXACT: &[(&str, &str, Vary<String>)] = &[
    ("crlf", "crlf", crlf),
    ("cr", "crlf", cr),
    ("tabs", "tabs", tabs),
    ("eof", "eof", without_final_newline),
    ("class", "class", inside_a_method),
    ("nested function", "class", inside_a_nested_function),
    ("bom", "bom", bom),
];

/// A name, the variant, and what turns its result into that of the text itself, where that can be.
type Loose = (&'static str, Vary<Vec<u8>>, Option<fn(&[u8]) -> String>);

/// Under these some bytes of the result depend on their place. What always holds is checked, and what is left of the
/// result when the variant is undone.
pub(crate) const LOOSE: &[Loose] = &[
    ("mixed", mixed, Some(with_one_line_end)),
    ("latin-1", latin_1, Some(without_latin_1)),
    ("form feed", form_feed, Some(without_form_feeds)),
    ("trailing comments", trailing_comments, None),
];

fn with_one_line_end(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n")
}

fn without_latin_1(text: &[u8]) -> String {
    let text = text.strip_prefix(COOKIE).and_then(|text| text.strip_suffix(CAFE)).expect("the first and the last line stay");
    text.iter().copied().map(char::from).collect()
}

fn without_form_feeds(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace('\x0c', "")
}

fn cr(text: &str) -> Option<String> {
    (!text.contains('\r')).then(|| text.replace('\n', "\r"))
}

/// Every other line ends with CRLF.
fn mixed(text: &str) -> Option<Vec<u8>> {
    let odd = |(number, (_, line)): (usize, (usize, &str))| match line.strip_suffix('\n') {
        Some(bare) if number % 2 == 1 => format!("{bare}\r\n"),
        _ => line.to_string(),
    };
    (!text.contains('\r')).then(|| lines(text).enumerate().map(odd).collect::<String>().into_bytes())
}

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
    inside(text, "class C:\n    def m(self):\n")
}

/// The same with a function in a function.
fn inside_a_nested_function(text: &str) -> Option<String> {
    inside(text, "def outer():\n    def inner():\n")
}

/// Wraps everything but the docstring and the imports at the top into two headers.
fn inside(text: &str, headers: &str) -> Option<String> {
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
    let mut out = format!("{top}{headers}");
    for (start, line) in lines(body) {
        if !line.trim().is_empty() && !inside.holds(top.len() + start) {
            out.push_str("        ");
        }
        out.push_str(line);
    }
    Some(out)
}

const COOKIE: &[u8] = b"# -*- coding: latin-1 -*-\n";
const CAFE: &[u8] = b"# caf\xe9\n";

fn latin_1(text: &str) -> Option<Vec<u8>> {
    let mut out = COOKIE.to_vec();
    for c in text.chars() {
        out.push(u8::try_from(u32::from(c)).ok()?);
    }
    if !text.ends_with('\n') {
        out.push(b'\n');
    }
    out.extend(CAFE);
    Some(out)
}

fn bom(text: &str) -> Option<String> {
    (!text.starts_with('\u{feff}')).then(|| format!("\u{feff}{text}"))
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
    assert_eq!(inside_a_nested_function("x = 1\n").as_deref(), Some("def outer():\n    def inner():\n        x = 1\n"));
    assert_eq!(mixed("a\nb\nc"), Some(b"a\nb\r\nc".to_vec()));
    assert_eq!(with_one_line_end(b"a\r\nb\rc\n"), "a\nb\nc\n");
    assert_eq!(form_feed("x = 1\ndef f(): pass\n"), Some(b"x = 1\n\x0cdef f(): pass\n".to_vec()));
    assert_eq!(
        trailing_comments("x = '''\n'''\ny = 1  # why\nz = \\\n    2\n").map(|text| String::from_utf8(text).expect("ASCII")),
        Some("x = '''\n'''  # note 1\ny = 1  # why\nz = \\\n    2  # note 4\n".to_string())
    );
    assert_eq!(latin_1("é = 1"), Some(b"# -*- coding: latin-1 -*-\n\xe9 = 1\n# caf\xe9\n".to_vec()));
}
