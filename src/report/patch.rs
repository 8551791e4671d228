//! The unified diff that `git apply` takes as it stands, byte for byte.

use std::ops::Range;
use std::path::{Path, PathBuf};

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::terminal::{Screen, Style, visible_bytes};

/// Lines of context around a change, as git has them.
const CONTEXT: usize = 3;

/// Two texts, line by line. A line ends with a line feed, or where the text does; a carriage return is part of its line.
pub struct Changes<'a> {
    old: Vec<&'a [u8]>,
    new: Vec<&'a [u8]>,
    ops: Vec<DiffOp>,
}

impl<'a> Changes<'a> {
    /// Compares two texts.
    pub fn between(old: &'a [u8], new: &'a [u8]) -> Self {
        let split = |text: &'a [u8]| text.split_inclusive(|&byte| byte == b'\n').collect::<Vec<_>>();
        let (old, new) = (split(old), split(new));
        let ops = capture_diff_slices(Algorithm::Histogram, &old, &new);
        Self { old, new, ops }
    }

    /// What has to be done to the old lines to get the new ones.
    pub fn into_ops(self) -> Vec<DiffOp> {
        self.ops
    }

    /// The patch as programs read it. `name` is the path in the patch, without `a/`.
    pub fn write(&self, name: &[u8], out: &mut Vec<u8>) {
        let hunks = self.hunks();
        if hunks.is_empty() {
            return;
        }
        for (mark, side) in [("---", b"a/"), ("+++", b"b/")] {
            out.extend_from_slice(mark.as_bytes());
            out.push(b' ');
            out.extend(quoted(&[side, name].concat()));
            // Behind a name with a space, so that nobody takes what follows the space for a date; git does the same.
            if name.contains(&b' ') {
                out.push(b'\t');
            }
            out.push(b'\n');
        }
        for hunk in &hunks {
            out.extend_from_slice(header(hunk).as_bytes());
            self.each_line(hunk, |mark, line| {
                out.push(mark);
                out.extend_from_slice(line);
                if !line.ends_with(b"\n") {
                    out.extend_from_slice(b"\n\\ No newline at end of file\n");
                }
            });
        }
    }

    /// The patch as a person sees it: coloured, nothing in it has an effect on a terminal. `behind` gives a line to set
    /// before each hunk, from the range of old lines that the hunk changes (from 0).
    pub fn show(&self, name: &[u8], screen: Screen, behind: impl Fn(Range<usize>) -> String, out: &mut Vec<u8>) {
        let hunks = self.hunks();
        if hunks.is_empty() {
            return;
        }
        let mut put = |text: &str| {
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        };
        let name = visible_bytes(name);
        put(&screen.paint(Style::Bold, &format!("--- a/{name}")));
        put(&screen.paint(Style::Bold, &format!("+++ b/{name}")));
        for hunk in &hunks {
            let ids = behind(old_changed(hunk));
            if !ids.is_empty() {
                put(&screen.paint(Style::Dim, &ids));
            }
            put(&screen.paint(Style::Cyan, header(hunk).trim_end()));
            self.each_line(hunk, |mark, line| {
                let has_end = line.ends_with(b"\n");
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let text = format!("{}{}", char::from(mark), visible_bytes(line));
                put(&match mark {
                    b'-' => screen.paint(Style::Red, &text),
                    b'+' => screen.paint(Style::Green, &text),
                    _ => text,
                });
                if !has_end {
                    put(&screen.paint(Style::Dim, "\\ No newline at end of file"));
                }
            });
        }
    }

    fn hunks(&self) -> Vec<Vec<DiffOp>> {
        group_diff_ops(self.ops.clone(), CONTEXT)
    }

    fn each_line(&self, hunk: &[DiffOp], mut put: impl FnMut(u8, &[u8])) {
        for op in hunk {
            if let DiffOp::Equal { .. } = op {
                self.old[op.old_range()].iter().for_each(|line| put(b' ', line));
            } else {
                self.old[op.old_range()].iter().for_each(|line| put(b'-', line));
                self.new[op.new_range()].iter().for_each(|line| put(b'+', line));
            }
        }
    }
}

/// `@@ -1,4 +1,5 @@`, as POSIX and GNU diff write it: a count of 1 is left out, an empty range is named by the line before.
fn header(hunk: &[DiffOp]) -> String {
    let side = |start: usize, end: usize| match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    };
    let (first, last) = (&hunk[0], &hunk[hunk.len() - 1]);
    let old = side(first.old_range().start, last.old_range().end);
    let new = side(first.new_range().start, last.new_range().end);
    format!("@@ -{old} +{new} @@\n")
}

/// The old lines from the first to the last change, without the context around them.
fn old_changed(hunk: &[DiffOp]) -> Range<usize> {
    let mut changed = hunk.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).map(DiffOp::old_range);
    let first = changed.next().unwrap_or(0..0);
    let last = changed.next_back().unwrap_or_else(|| first.clone());
    first.start..last.end
}

/// A name as git prints it (`core.quotePath`): within quotes, with escapes of C, when it has bytes that need it.
fn quoted(name: &[u8]) -> Vec<u8> {
    if !name.iter().any(|&byte| !(b' '..0x7f).contains(&byte) || byte == b'"' || byte == b'\\') {
        return name.to_vec();
    }
    let mut out = vec![b'"'];
    for &byte in name {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            0x0b => out.extend(b"\\v"),
            0x0c => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            0..0x20 | 0x7f.. => out.extend(format!("\\{byte:03o}").bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    out
}

/// The path of a file in a patch: relative to the nearest folder above it that holds `.git`, else to `working`, else to
/// `root`, which holds the file. All are absolute and without links.
pub fn name(real: &Path, working: &Path, root: &Path) -> Vec<u8> {
    let repository = real.ancestors().skip(1).find(|folder| folder.join(".git").exists());
    let below = [repository, Some(working), Some(root)].into_iter().flatten().find_map(|base| real.strip_prefix(base).ok());
    let path: PathBuf = below.unwrap_or(real).components().collect();
    let bytes = path.into_os_string().into_encoded_bytes();
    if cfg!(windows) { bytes.into_iter().map(|byte| if byte == b'\\' { b'/' } else { byte }).collect() } else { bytes }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn patch(name: &str, old: &str, new: &str) -> String {
        let mut out = Vec::new();
        Changes::between(old.as_bytes(), new.as_bytes()).write(name.as_bytes(), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn hunks_are_written_as_diff_writes_them() {
        assert_eq!(patch("x.py", "a\n", "a\n"), "");
        assert_eq!(patch("x.py", "a\n", "b\n"), "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n");
        assert_eq!(
            patch("x y.py", "1\n2\n3\n4\n5", "1\n2\n3\n4\n6"),
            "--- a/x y.py\t\n+++ b/x y.py\t\n@@ -2,4 +2,4 @@\n 2\n 3\n 4\n-5\n\\ No newline at end of file\n+6\n\\ No newline at end of file\n"
        );
        assert_eq!(
            patch("é\n\".py", "", "b\n"),
            "--- \"a/\\303\\251\\n\\\".py\"\n+++ \"b/\\303\\251\\n\\\".py\"\n@@ -0,0 +1 @@\n+b\n"
        );
    }

    #[test]
    fn git_applies_them_to_the_same_bytes() {
        let many: Vec<u8> = (0..200).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
        let mut changed = many.clone();
        changed.splice(100..100, *b"one more\n");
        changed.truncate(changed.len() - 1);
        let cases: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
            ("lf.py", b"a\nb\n".to_vec(), b"a\nc\nb\n".to_vec()),
            ("crlf.py", b"a\r\nb\r\nc\r\n".to_vec(), b"a\r\nx\r\nc\r\n".to_vec()),
            ("mixed.py", b"a\r\nb\nc\r\nd".to_vec(), b"a\nb\nc\r\ne".to_vec()),
            ("cr.py", b"a\rb\rc\r".to_vec(), b"a\rx\rc\r".to_vec()),
            ("bom.py", b"\xef\xbb\xbfa\nb\n".to_vec(), b"\xef\xbb\xbfa\nc\n".to_vec()),
            ("latin.py", b"# coding: latin-1\n'\xe9'\na\n".to_vec(), b"# coding: latin-1\n'\xe9'\nb\n".to_vec()),
            ("escape.py", b"'\x1b[31m'\x0c\na\n".to_vec(), b"'\x1b[31m'\x0c\nb\n".to_vec()),
            ("no end.py", b"a\nb".to_vec(), b"a\nb\n".to_vec()),
            ("sp ace/t\tab\n\"q\\.py", b"a\n".to_vec(), b"b\n".to_vec()),
            ("größe.py", b"a\n".to_vec(), b"b\n".to_vec()),
            ("-x.py", b"-- a\n".to_vec(), b"++ b\n".to_vec()),
            ("many.py", many, changed),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let git = |arguments: &[&str]| {
            let run = Command::new("git").args(arguments).current_dir(folder.path()).output().expect("git is installed");
            assert!(run.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        };
        git(&["init", "-q"]);
        let mut all = Vec::new();
        for (name, old, new) in &cases {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            std::fs::write(&path, old).expect("written");
            let real = path.canonicalize().expect("it exists");
            Changes::between(old, new).write(&super::name(&real, Path::new("/"), Path::new("/")), &mut all);
        }
        std::fs::write(folder.path().join("patch"), all).expect("written");
        git(&["-c", "core.autocrlf=false", "apply", "patch"]);
        for (name, _, new) in &cases {
            assert_eq!(&std::fs::read(folder.path().join(name)).expect("readable"), new, "{name:?}");
        }
    }

    #[test]
    fn a_person_sees_colours_and_no_effects() {
        let mut out = Vec::new();
        let changes = Changes::between(b"a\nb\x1b\r\n", b"a\nc");
        let screen = Screen { terminal: true, color: true };
        changes.show(b"x\n.py", screen, |lines| format!("for lines {lines:?}"), &mut out);
        let text = String::from_utf8(out).expect("text");
        assert_eq!(
            text,
            "\x1b[1m--- a/x\\n.py\x1b[0m\n\x1b[1m+++ b/x\\n.py\x1b[0m\n\x1b[2mfor lines 1..2\x1b[0m\n\x1b[36m@@ -1,2 +1,2 @@\x1b[0m\n a\n\
             \x1b[31m-b\\x1b\x1b[0m\n\x1b[32m+c\x1b[0m\n\x1b[2m\\ No newline at end of file\x1b[0m\n"
        );
    }
}
