"""Whether the code that no edit touches is the same program to CPython; a part of `check.py`."""

import ast
import re

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def other_statement(old, new, edits):
    """The first statement that no edit touches and that is not in the new text, in its place; empty if there is none.

    `edits` are byte ranges of the old text. A compound statement counts without its blocks. An insertion at the start
    of a line moves the line or puts another one before it: it does not touch a statement, even where a statement of
    several lines goes on.
    """
    try:
        before, after = ast.parse(old), ast.parse(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""  # promise 2 speaks of these
    starts = python_lines(old)
    there = iter([shallow(statement) for statement in statements(after)])
    for statement in statements(before):
        start, end = extent(statement, starts)
        if any(s < end and start < e if s < e else start < s <= end and s not in starts for s, e in edits):
            continue
        wanted = shallow(statement)
        if not any(found == wanted for found in there):
            return f"line {statement.lineno}: {old[start:end][:80]!r}"
    return ""


def statements(tree):
    """All statements, handlers and cases, in the order of the text."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if not isinstance(node, ast.Module):
            yield node
        stack.extend(reversed([child for block in BLOCKS for child in in_block(node, block)]))


def in_block(node, block):
    children = getattr(node, block, [])
    return children if isinstance(children, list) else []  # the body of a lambda is no block, and is not reached


def shallow(node):
    """What CPython makes of a statement without its blocks."""
    return type(node).__name__ + "".join(f" {name}={dump(value)}" for name, value in own_fields(node))


def dump(value):
    if isinstance(value, list):
        return [dump(element) for element in value]
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def own_fields(node):
    return [(name, value) for name, value in ast.iter_fields(node) if name not in BLOCKS]


def extent(node, starts):
    """The bytes of a statement without its blocks, and of its decorators."""
    own = [part for _, value in own_fields(node) for part in nodes(value)]
    simple = not any(in_block(node, block) for block in BLOCKS)
    parts = [part for part in ([node] if simple else own) if hasattr(part, "end_lineno")]
    ends = [starts[part.end_lineno - 1] + part.end_col_offset for part in parts]
    # A case of `match` and a decorator have no place in the statement's own.
    firsts = [part for part in (node, *own) if hasattr(part, "lineno")]
    start = min(starts[part.lineno - 1] + part.col_offset for part in firsts)
    return start, max([start + 1, *ends])


def nodes(value):
    if isinstance(value, ast.AST):
        return list(ast.walk(value))
    return [part for element in value for part in nodes(element)] if isinstance(value, list) else []


def python_lines(data):
    """The byte offset of each line as CPython counts them."""
    return [0] + [match.end() for match in re.finditer(rb"\r\n|\n|\r", data)]
