//! What may reach a terminal: no text from a file can move the cursor, forge a line or change the order of letters.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use anstream::AutoStream;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment says otherwise (`NO_COLOR`, `CLICOLOR`, `TERM=dumb`).
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What one of the output streams can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Whether a person looks at it: then what would not print as itself is shown as something that does.
    pub terminal: bool,
    /// Whether to colour.
    pub color: bool,
}

impl Screen {
    /// Asks the system about standard output.
    pub fn stdout(color: Color) -> Self {
        Self::of(&std::io::stdout(), color)
    }

    /// Asks the system about standard error.
    pub fn stderr(color: Color) -> Self {
        Self::of(&std::io::stderr(), color)
    }

    fn of<S: anstream::stream::RawStream>(stream: &S, color: Color) -> Self {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => AutoStream::choice(stream) != anstream::ColorChoice::Never,
        };
        Self { terminal: stream.is_terminal(), color }
    }

    /// The text in a colour, where there is colour.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.color { format!("\x1b[{}m{text}\x1b[0m", style as u8) } else { text.to_owned() }
    }
}

/// The codes of ECMA-48 that are used, by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Style {
    /// Brighter or thicker.
    Bold = 1,
    /// Less bright.
    Dim = 2,
    /// What goes, what is wrong.
    Red = 31,
    /// What comes.
    Green = 32,
    /// Where.
    Cyan = 36,
}

/// The same text with every character that has an effect instead of a shape written out: controls (also of the C1 set),
/// line ends, marks that change the direction of text (CVE-2021-42574). A tab stays.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(has_effect) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 16), |mut out, c| {
        if has_effect(c) {
            out.push_str(&spelled(c));
        } else {
            out.push(c);
        }
        out
    }))
}

/// The same for bytes, of which those that are no UTF-8 are written out too.
pub fn visible_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&visible(chunk.valid()));
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("a string takes all");
        }
    }
    out
}

/// A path as it is shown to people, on one line whatever its name.
pub fn path(path: &Path) -> String {
    visible_bytes(path.as_os_str().as_encoded_bytes()).replace('\t', "\\t")
}

/// Whether a character does something to the text around it instead of being seen.
pub(crate) fn has_effect(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A character with an effect, as an escape that shows which one it is.
pub(crate) fn spelled(c: char) -> String {
    match c {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        c if (c as u32) < 0x80 => format!("\\x{:02x}", c as u32),
        c => format!("\\u{{{:x}}}", c as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_with_an_effect_comes_through() {
        assert_eq!(visible("größe\t😀"), "größe\t😀");
        assert_eq!(visible("a\x1b[31mb\u{9b}c\r\n\u{202e}d\u{7f}"), "a\\x1b[31mb\\u{9b}c\\r\\n\\u{202e}d\\x7f");
        assert_eq!(visible_bytes(b"caf\xe9\x1b"), "caf\\xe9\\x1b");
        for c in (0..=0x9f).chain(0x2028..=0x2069).filter_map(char::from_u32).filter(|&c| c != '\t') {
            assert!(!visible(&c.to_string()).chars().any(has_effect), "{c:?}");
        }
        assert_eq!(path(Path::new("a\tb\nc.py")), "a\\tb\\nc.py");
    }

    #[test]
    fn colour_is_optional() {
        let plain = Screen::default();
        assert_eq!(plain.paint(Style::Bold, "x"), "x");
        assert_eq!(Screen { color: true, ..plain }.paint(Style::Red, "x"), "\x1b[31mx\x1b[0m");
    }
}
