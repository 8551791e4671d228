//! From the nodes of the parser to the table of the tree: comments find their parents.

use super::Node;
use super::lexer::Extra;
use crate::engine::syntax::Record;

/// A comment belongs to the innermost node that begins before it and ends behind it.
pub(super) fn build(nodes: &[Node], extras: &[Extra]) -> (Vec<Record>, usize) {
    let mut records: Vec<Record> = Vec::with_capacity(nodes.len() + extras.len());
    let mut open: Vec<Open> = Vec::with_capacity(32);
    let mut extras = extras.iter().peekable();
    let mut depth = 0;
    for (index, node) in nodes.iter().enumerate() {
        while let Some(&Open { record, last, end }) = open.last() {
            if index <= last {
                break;
            }
            while let Some(extra) = extras.next_if(|extra| extra.start < end) {
                records.push(leaf(extra, records.len() as u32, record));
            }
            records[record as usize].skip = records.len() as u32;
            open.pop();
        }
        let parent = open.last().map_or(0, |open| open.record);
        while let Some(extra) = extras.next_if(|extra| extra.start < node.start) {
            records.push(leaf(extra, records.len() as u32, parent));
        }
        let id = records.len() as u32;
        records.push(Record {
            kind: node.kind,
            field: node.field,
            start: node.start,
            end: node.end,
            parent,
            skip: id + 1,
            named: super::kinds::is_named(node.kind),
            missing: false,
        });
        if node.inside > 0 || index == 0 {
            open.push(Open { record: id, last: index + node.inside as usize, end: node.end });
            depth = depth.max(open.len());
        }
    }
    while let Some(Open { record, end, .. }) = open.pop() {
        while let Some(extra) = extras.next_if(|extra| extra.start < end) {
            records.push(leaf(extra, records.len() as u32, record));
        }
        records[record as usize].skip = records.len() as u32;
    }
    if records.len() == 1 {
        depth = 0;
    }
    (records, depth)
}

/// A node that may hold further ones.
struct Open {
    record: u32,
    /// Index of the last node inside.
    last: usize,
    end: u32,
}

fn leaf(extra: &Extra, id: u32, parent: u32) -> Record {
    Record { kind: extra.kind, field: 0, start: extra.start, end: extra.end, parent, skip: id + 1, named: true, missing: false }
}
