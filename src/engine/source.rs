//! A file as it stands: its bytes, what they mean, its line ends.

use std::fmt;
use std::ops::Range;

/// Python's names for encodings in which every ASCII byte means itself and every other byte is one character.
/// Compared after lower-casing and turning `_` into `-`, as the tokenizer does (PEP 263).
/// Source: "Standard Encodings" in the documentation of Python's `codecs` module.
const SINGLE_BYTE: &[&str] = &[
    "latin-1",
    "latin1",
    "latin",
    "l1",
    "iso-8859-1",
    "iso8859-1",
    "8859",
    "cp819",
    "iso-8859-2",
    "iso8859-2",
    "latin2",
    "l2",
    "iso-8859-3",
    "iso8859-3",
    "latin3",
    "l3",
    "iso-8859-4",
    "iso8859-4",
    "latin4",
    "l4",
    "iso-8859-5",
    "iso8859-5",
    "cyrillic",
    "iso-8859-6",
    "iso8859-6",
    "arabic",
    "iso-8859-7",
    "iso8859-7",
    "greek",
    "greek8",
    "iso-8859-8",
    "iso8859-8",
    "hebrew",
    "iso-8859-9",
    "iso8859-9",
    "latin5",
    "l5",
    "iso-8859-10",
    "iso8859-10",
    "latin6",
    "l6",
    "iso-8859-11",
    "iso8859-11",
    "thai",
    "iso-8859-13",
    "iso8859-13",
    "latin7",
    "l7",
    "iso-8859-14",
    "iso8859-14",
    "latin8",
    "l8",
    "iso-8859-15",
    "iso8859-15",
    "latin9",
    "l9",
    "iso-8859-16",
    "iso8859-16",
    "latin10",
    "l10",
    "cp1250",
    "windows-1250",
    "cp1251",
    "windows-1251",
    "cp1252",
    "windows-1252",
    "cp1253",
    "windows-1253",
    "cp1254",
    "windows-1254",
    "cp1255",
    "windows-1255",
    "cp1256",
    "windows-1256",
    "cp1257",
    "windows-1257",
    "cp1258",
    "windows-1258",
    "koi8-r",
    "koi8-u",
    "koi8-t",
];
const UTF8: &[&str] = &["utf-8", "utf8", "u8", "utf", "utf8-ucs2", "utf8-ucs4", "cp65001", "utf-8-sig"];
const ASCII: &[&str] = &["ascii", "us-ascii", "646"];
/// The byte order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How the bytes of a file spell characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8 {
        /// Whether the file starts with the bytes EF BB BF.
        bom: bool,
    },
    /// A single-byte superset of ASCII; the name is the one in the file.
    SingleByte(String),
}

/// Why a file cannot be worked on. Its text says so to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are not what the file says they are.
    InvalidEncoding {
        /// The encoding that the file declares or, without a declaration, `utf-8`.
        name: String,
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// The declared encoding is none that can be edited byte by byte.
    UnknownEncoding {
        /// The name in the file.
        name: String,
    },
    /// The file holds a NUL byte, which Python does not accept in source.
    Nul {
        /// Offset of the first one.
        at: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidEncoding { name, at } => {
                write!(f, "byte {at} is not valid {name}; convert the file or declare its encoding")
            }
            Self::UnknownEncoding { name } => {
                write!(f, "encoding `{name}` cannot be edited byte by byte; convert the file to UTF-8")
            }
            Self::Nul { at } => write!(f, "not a Python text: NUL at byte {at}"),
        }
    }
}

/// The bytes of a file and a text of the same length for the parsers.
///
/// All offsets in the program are byte offsets into both. In the parsers' text each byte of a single-byte encoding that is
/// not ASCII is an `x`, and a carriage return that stands alone is a line feed, as Python reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// What the parsers read.
    code: String,
    /// The bytes on disk where they are others.
    bytes: Option<Vec<u8>>,
    encoding: Encoding,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// Reads the declaration of the encoding (PEP 263) and checks the bytes against it.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Refusal> {
        if let Some(at) = memchr::memchr(0, &bytes) {
            return Err(Refusal::Nul { at });
        }
        let bom = bytes.starts_with(BOM);
        let declared = declared_encoding(&bytes);
        let normal = declared.as_deref().map(|name| name.to_ascii_lowercase().replace('_', "-"));
        let normal = normal.as_deref().unwrap_or("utf-8");
        let encoding = if UTF8.contains(&normal) {
            Encoding::Utf8 { bom }
        } else if bom {
            // Python refuses a byte order mark together with any other declaration.
            return Err(Refusal::InvalidEncoding { name: normal.to_string(), at: 0 });
        } else if ASCII.contains(&normal) {
            match bytes.iter().position(|byte| !byte.is_ascii()) {
                Some(at) => return Err(Refusal::InvalidEncoding { name: normal.to_string(), at }),
                None => Encoding::Utf8 { bom },
            }
        } else if SINGLE_BYTE.contains(&normal) {
            Encoding::SingleByte(normal.to_string())
        } else {
            return Err(Refusal::UnknownEncoding { name: declared.unwrap_or_default() });
        };
        let (code, bytes) = match &encoding {
            Encoding::Utf8 { .. } => match String::from_utf8(bytes) {
                Ok(text) if !has_lone_cr(text.as_bytes()) => (text, None),
                Ok(text) => (with_lone_cr_as_lf(&text), Some(text.into_bytes())),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    return Err(Refusal::InvalidEncoding { name: "utf-8".to_string(), at });
                }
            },
            Encoding::SingleByte(_) => {
                let ascii: String = bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { 'x' }).collect();
                (with_lone_cr_as_lf(&ascii), Some(bytes))
            }
        };
        let mut file = Self { code, bytes, encoding, line_starts: Vec::new() };
        file.line_starts = line_starts(file.code().as_bytes());
        Ok(file)
    }

    /// The bytes as they stand on disk.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.code.as_bytes())
    }

    /// What the parsers read: as long as [`bytes`](Self::bytes), the same at every ASCII byte but lone carriage returns.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// How the bytes spell characters.
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Whether the bytes in `range` can be read in the parsers' text without loss.
    pub fn is_exact(&self, range: Range<usize>) -> bool {
        matches!(self.encoding, Encoding::Utf8 { .. }) || self.bytes()[range].is_ascii()
    }

    /// Offset of the first byte that is part of the program: 3 behind a byte order mark, else 0.
    pub fn start(&self) -> usize {
        if self.encoding == (Encoding::Utf8 { bom: true }) { BOM.len() } else { 0 }
    }

    /// Zero-based number of the line that holds `offset`.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start as usize <= offset) - 1
    }

    /// How many lines there are; a final line end starts no further line.
    pub fn line_count(&self) -> usize {
        match self.line_starts.last() {
            Some(&last) if last as usize == self.code.len() && self.line_starts.len() > 1 => self.line_starts.len() - 1,
            _ => self.line_starts.len(),
        }
    }

    /// Byte range of a zero-based line, its line end included.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.line_starts[line] as usize;
        let end = self.line_starts.get(line + 1).map_or(self.code.len(), |&next| next as usize);
        start..end
    }

    /// Offset of the first byte of the line that holds `offset`.
    pub fn line_start(&self, offset: usize) -> usize {
        self.line_starts[self.line(offset)] as usize
    }

    /// Offset behind the line end of the line that holds `offset`.
    pub fn line_end(&self, offset: usize) -> usize {
        self.line_range(self.line(offset)).end
    }

    /// How many bytes stand before `offset` in its line. A byte order mark does not count, nor what stands before a form feed
    /// in the indentation.
    pub fn column(&self, offset: usize) -> usize {
        let before = &self.code()[self.line_start(offset).max(self.start())..offset];
        let white = before.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
        before.len() - before[..white].rfind('\x0c').map_or(0, |at| at + 1)
    }

    /// The bytes in `range` with a line feed for each lone carriage return: what goes into an edit that gets the line ends of
    /// its place.
    pub fn lines_of(&self, range: Range<usize>) -> Vec<u8> {
        let pairs = self.bytes()[range.clone()].iter().zip(&self.code.as_bytes()[range]);
        pairs.map(|(&byte, &code)| if byte == b'\r' { code } else { byte }).collect()
    }

    /// The white space at the start of the line that holds `offset`. A form feed restarts the count, as in Python.
    pub fn indent(&self, offset: usize) -> &str {
        let start = self.line_start(offset).max(self.start());
        let line = &self.code()[start..];
        let width = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
        let indent = &line[..width];
        indent.rfind('\x0c').map_or(indent, |at| &indent[at + 1..])
    }

    /// How many bytes a line may have before a careful author breaks it: as many as the longest one here, but at least the
    /// 79 of PEP 8 and at most 120.
    pub fn width(&self) -> usize {
        let lines = (0..self.line_count()).map(|line| self.code()[self.line_range(line)].trim_end().len());
        lines.max().unwrap_or(0).clamp(79, 120)
    }

    /// The line end used where `offset` stands: that of its own line, or of the line above when it is the last one.
    pub fn newline_at(&self, offset: usize) -> &'static str {
        let line = self.line(offset);
        let own = self.newline_of(line);
        own.or_else(|| line.checked_sub(1).and_then(|above| self.newline_of(above))).unwrap_or("\n")
    }

    fn newline_of(&self, line: usize) -> Option<&'static str> {
        let bytes = &self.bytes()[self.line_range(line)];
        if bytes.ends_with(b"\r\n") {
            Some("\r\n")
        } else if bytes.ends_with(b"\n") {
            Some("\n")
        } else if bytes.ends_with(b"\r") {
            Some("\r")
        } else {
            None
        }
    }
}

/// The name in a PEP 263 comment on the first or second line.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    for line in text.split(|&byte| byte == b'\n' || byte == b'\r').take(3).take(2) {
        let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
        let comment = &line[blank..];
        if comment.first() != Some(&b'#') {
            if comment.is_empty() {
                continue;
            }
            return None;
        }
        for (at, _) in comment.windows(6).enumerate().filter(|(_, word)| *word == b"coding") {
            let rest = &comment[at + 6..];
            let Some(rest) = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"=")) else { continue };
            let rest = &rest[rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()..];
            let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
            if length > 0 {
                return Some(String::from_utf8_lossy(&rest[..length]).into_owned());
            }
        }
    }
    None
}

fn has_lone_cr(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

fn with_lone_cr_as_lf(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        out.push(if c == '\r' && rest.peek() != Some(&'\n') { '\n' } else { c });
    }
    out
}

fn line_starts(code: &[u8]) -> Vec<u32> {
    std::iter::once(0).chain(memchr::memchr_iter(b'\n', code).map(|at| at as u32 + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> SourceFile {
        SourceFile::new(bytes.to_vec()).expect("a readable file")
    }

    #[test]
    fn encodings_are_read_as_python_reads_them() {
        assert_eq!(file(b"x = 1\n").encoding(), &Encoding::Utf8 { bom: false });
        assert_eq!(file(b"\xef\xbb\xbfx = 1\n").start(), 3);
        assert_eq!(file(b"# -*- coding: latin_1 -*-\ns = '\xe9'\n").encoding(), &Encoding::SingleByte("latin-1".into()));
        assert_eq!(file(b"\n# vim: set fileencoding=CP1251 :\n").encoding(), &Encoding::SingleByte("cp1251".into()));
        // The declaration counts on the first two lines only, and not below code.
        assert_eq!(file(b"\n\n# coding: klingon\n").encoding(), &Encoding::Utf8 { bom: false });
        assert_eq!(file(b"x = 1\n# coding: klingon\n").encoding(), &Encoding::Utf8 { bom: false });
    }

    #[test]
    fn what_python_refuses_or_hides_is_refused() {
        let refused = |bytes: &[u8]| SourceFile::new(bytes.to_vec()).expect_err("refused").to_string();
        assert!(refused(b"s = '\xe9'\n").starts_with("byte 5 is not valid utf-8"));
        assert!(refused(b"# coding: utf-7\n").contains("`utf-7`"));
        assert!(refused(b"# coding: shift_jis\n").contains("`shift_jis`"));
        assert!(refused(b"# coding: ascii\ns = '\xe9'\n").starts_with("byte 21 is not valid ascii"));
        assert!(refused(b"\xef\xbb\xbf# coding: latin-1\n").contains("latin-1"));
        assert!(refused(b"x\0").contains("NUL at byte 1"));
    }

    #[test]
    fn the_parsers_text_has_the_same_length() {
        let latin = file(b"# coding: latin-1\ns = '\xe9\xff'\n");
        assert_eq!(latin.code(), "# coding: latin-1\ns = 'xx'\n");
        let mac = file("a = 'é'\rb = 1\r\nc\r".as_bytes());
        assert_eq!(mac.code(), "a = 'é'\nb = 1\r\nc\n");
        assert_eq!(mac.line_count(), 3);
        assert_eq!((mac.newline_at(0), mac.newline_at(10), mac.newline_at(16)), ("\r", "\r\n", "\r"));
    }

    #[test]
    fn lines_and_indents() {
        let text = file(b"if x:\n\t y = 1\n\x0c  z");
        assert_eq!((text.line(0), text.line(6), text.line(17)), (0, 1, 2));
        assert_eq!((text.indent(9), text.indent(17)), ("\t ", "  "));
        assert_eq!(text.newline_at(17), "\n");
        assert_eq!(text.line_count(), 3);
    }
}
