//! Where the loops and functions of a text begin and end, by its indents.

use super::{skip_blank, word_at};

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// A `for` or `while` statement.
    Loop,
    /// A function.
    Function,
}

/// A loop or a function: from the start of the line of its header to the end of its body. The `else` of a loop is no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Offset of the first byte of the line of its header.
    pub start: usize,
    /// Offset behind its word: `for`, `while` or `def`.
    pub behind_word: usize,
    /// Offset behind its last line.
    pub end: usize,
    /// Index of the innermost block around it.
    pub around: Option<usize>,
}

/// All loops and functions, in text order. `None` where brackets, indents or line ends leave it open where they are.
pub(super) fn blocks(code: &[u8]) -> Option<Vec<Block>> {
    if code.contains(&b'\x0c') || memchr::memchr_iter(b'\r', code).any(|at| code.get(at + 1) != Some(&b'\n')) {
        return None;
    }
    let mut blocks: Vec<Block> = Vec::new();
    // The blocks that have not ended yet, and how far their headers are indented.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut tabs, mut spaces) = (false, false);
    let mut depth = 0_i32;
    let mut is_continued = false;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', code).chain([code.len()]) {
        let line = &code[start..end];
        let indent = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let is_blank = line[indent..].trim_ascii_start().is_empty();
        if depth == 0 && !is_continued && !is_blank {
            tabs |= line[..indent].contains(&b'\t');
            spaces |= line[..indent].contains(&b' ');
            while let Some((block, _)) = open.pop_if(|(_, column)| indent <= *column) {
                blocks[block].end = start;
            }
            if let Some((kind, behind_word)) = opened(code, start + indent) {
                let around = open.last().map(|(block, _)| *block);
                open.push((blocks.len(), indent));
                blocks.push(Block { kind, start, behind_word, end: code.len(), around });
            }
        }
        depth += balance(line);
        if depth < 0 {
            return None;
        }
        is_continued = line.trim_ascii_end().ends_with(b"\\");
        start = end + 1;
    }
    (depth == 0 && !(tabs && spaces)).then_some(blocks)
}

/// What the statement at `at` opens, and the offset behind the word that says so.
fn opened(code: &[u8], at: usize) -> Option<(BlockKind, usize)> {
    let first = word_at(code, at);
    let at = if first == b"async" { skip_blank(code, at + first.len()) } else { at };
    match word_at(code, at) {
        b"for" => Some((BlockKind::Loop, at + 3)),
        b"while" => Some((BlockKind::Loop, at + 5)),
        b"def" => Some((BlockKind::Function, at + 3)),
        _ => None,
    }
}

/// How many brackets more are opened than closed.
fn balance(line: &[u8]) -> i32 {
    // Square brackets and braces differ in one bit, and the sums of so many bytes fit into one: the compiler does 32 of
    // them at a time.
    let opens = |byte: u8| byte == b'(' || byte | 0x20 == b'{';
    let closes = |byte: u8| byte == b')' || byte | 0x20 == b'}';
    let of_part = |part: &[u8]| part.iter().map(|&byte| i8::from(opens(byte)) - i8::from(closes(byte))).sum::<i8>();
    line.chunks(127).map(|part| i32::from(of_part(part))).sum()
}
