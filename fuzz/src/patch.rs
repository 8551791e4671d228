//! A patch says how the new text is made from the old one, to the byte, and the other way round.

use mlfix::report::patch::Changes;

/// The text before the first 0xff byte is the old one, that behind it the new one.
pub fn patch(data: &[u8]) {
    let at = data.iter().position(|&byte| byte == 0xff).unwrap_or(data.len());
    let (old, new) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    let name = &old[..old.len().min(12)];
    let mut patch = Vec::new();
    Changes::between(old, new).write(name, &mut patch);
    if old == new {
        assert!(patch.is_empty(), "a patch that changes nothing");
        return;
    }
    let mut lines = patch.split_inclusive(|&byte| byte == b'\n');
    for (mark, side) in [("--- ", "a/"), ("+++ ", "b/")] {
        let header = lines.next().expect("a patch starts with two names");
        let rest = header.strip_prefix(mark.as_bytes()).expect("each name stands behind its mark");
        assert_eq!(named(rest), [side.as_bytes(), name].concat(), "the name is another one");
    }
    let lines: Vec<&[u8]> = lines.collect();
    assert_eq!(applied(old, &lines, b'-', b'+'), new, "the patch makes another text");
    assert_eq!(applied(new, &lines, b'+', b'-'), old, "backwards the patch makes another text");
}

/// What `git apply` makes of a text: the lines under `gone` must stand there, those under `come` take their place.
fn applied(text: &[u8], patch: &[&[u8]], gone: u8, come: u8) -> Vec<u8> {
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let (mut out, mut at) = (Vec::new(), 0);
    let mut patch = patch.iter().peekable();
    while let Some(line) = patch.next() {
        let Some((mark, body)) = line.split_first() else { panic!("an empty line in a patch") };
        // A line without an end is followed by a line that says so.
        let body = match patch.next_if(|next| next.starts_with(b"\\ ")) {
            Some(_) => &body[..body.len() - 1],
            None => body,
        };
        match *mark {
            b'@' => {
                let start = hunk_start(line, gone);
                out.extend(lines[at..start].concat());
                at = start;
            }
            b' ' => {
                assert_eq!(lines[at], body, "the context is another one");
                out.extend(body);
                at += 1;
            }
            mark if mark == gone => {
                assert_eq!(lines[at], body, "what should go is not there");
                at += 1;
            }
            mark => {
                assert_eq!(mark, come, "no mark of a patch");
                out.extend(body);
            }
        }
    }
    out.extend(lines[at..].concat());
    out
}

/// Index of the first line of a hunk, from its `@@ -3,2 +3 @@`. An empty range names the line before.
fn hunk_start(header: &[u8], side: u8) -> usize {
    let text = std::str::from_utf8(header).expect("a hunk's header is ASCII");
    let range = text.split(' ').find_map(|word| word.strip_prefix(char::from(side))).expect("both sides are named");
    let (start, count) = range.split_once(',').unwrap_or((range, "1"));
    let start: usize = start.parse().expect("a line number");
    if count == "0" { start } else { start - 1 }
}

/// The name of a header line, as git reads it.
fn named(header: &[u8]) -> Vec<u8> {
    let text = header.strip_suffix(b"\n").expect("a header is a line");
    let Some(quoted) = text.strip_prefix(b"\"") else { return text.strip_suffix(b"\t").unwrap_or(text).to_vec() };
    let mut out = Vec::new();
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return out,
            b'\\' => match bytes.next().expect("something is escaped") {
                b'a' => out.push(7),
                b'b' => out.push(8),
                b't' => out.push(b'\t'),
                b'n' => out.push(b'\n'),
                b'v' => out.push(11),
                b'f' => out.push(12),
                b'r' => out.push(b'\r'),
                digit @ b'0'..=b'3' => {
                    let mut next = || u32::from(bytes.next().expect("three digits") - b'0');
                    let value = u32::from(digit - b'0') * 64 + next() * 8 + next();
                    out.push(u8::try_from(value).expect("three octal digits, the first at most 3"));
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    panic!("a quoted name without an end");
}
