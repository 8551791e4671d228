//! From the nodes of the parser to the table of the tree: comments find their parents.

use super::Node;
use super::lexer::Extra;
use crate::engine::syntax::Record;

/// A comment belongs to the innermost node that begins before it and ends behind it.
pub(super) fn build(nodes: &[Node], extras: &[Extra]) -> (Vec<Record>, usize) {
    let mut table = Table { records: Vec::with_capacity(nodes.len() + extras.len()), extras, next: 0 };
    table.next = table.start_of_next();
    let mut open: Vec<Open> = Vec::with_capacity(32);
    // Around the root there is nothing, and it never ends.
    let mut inner = Open { record: 0, last: usize::MAX, end: u32::MAX };
    let mut depth = 0;
    for (index, node) in nodes.iter().enumerate() {
        while index > inner.last {
            inner = table.close(inner, &mut open);
        }
        if table.next < node.start {
            table.take_extras(node.start, inner.record);
        }
        let id = table.records.len() as u32;
        table.records.push(Record {
            kind: node.kind,
            field: node.field,
            start: node.start,
            end: node.end,
            parent: inner.record,
            skip: id + 1,
            named: super::kinds::is_named(node.kind),
            missing: false,
        });
        if node.inside > 0 || index == 0 {
            open.push(inner);
            inner = Open { record: id, last: index + node.inside as usize, end: node.end };
            depth = depth.max(open.len());
        }
    }
    while !open.is_empty() {
        inner = table.close(inner, &mut open);
    }
    if table.records.len() == 1 {
        depth = 0;
    }
    (table.records, depth)
}

/// What is done, and the comments that have no place yet.
struct Table<'e> {
    records: Vec<Record>,
    extras: &'e [Extra],
    /// Where the next of them starts.
    next: u32,
}

impl Table<'_> {
    fn start_of_next(&self) -> u32 {
        self.extras.first().map_or(u32::MAX, |extra| extra.start)
    }

    /// Ends a node behind the comments in it, and gives the one around it.
    fn close(&mut self, node: Open, open: &mut Vec<Open>) -> Open {
        if self.next < node.end {
            self.take_extras(node.end, node.record);
        }
        self.records[node.record as usize].skip = self.records.len() as u32;
        open.pop().expect("what has been opened has something around it")
    }

    /// Comments that start before `end` become leaves of a node.
    fn take_extras(&mut self, end: u32, parent: u32) {
        while let Some((extra, rest)) = self.extras.split_first().filter(|(extra, _)| extra.start < end) {
            self.records.push(leaf(extra, self.records.len() as u32, parent));
            self.extras = rest;
        }
        self.next = self.start_of_next();
    }
}

/// A node that may hold further ones.
#[derive(Clone, Copy)]
struct Open {
    record: u32,
    /// Index of the last node inside.
    last: usize,
    end: u32,
}

fn leaf(extra: &Extra, id: u32, parent: u32) -> Record {
    Record { kind: extra.kind, field: 0, start: extra.start, end: extra.end, parent, skip: id + 1, named: true, missing: false }
}
