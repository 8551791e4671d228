"""``fix_batch``: a table of texts in, the same table with what became of them out.

It takes what Ray Data, Spark, Dask and ``datasets`` hand to a function, and imports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Iterable, List, Optional, Tuple, Union

COLUMNS = ("status", "because", "findings", "content")


def fix_batch(
    batch: Any,
    *,
    content: str = "content",
    path: Optional[str] = "path",
    prefix: str = "mlfix_",
    select: Union[str, Iterable[str]] = (),
    ignore: Union[str, Iterable[str]] = (),
    exclude: Union[str, Iterable[str]] = (),
    unsafe_fixes: bool = False,
    target_version: Optional[str] = None,
    config: Optional[str] = None,
) -> Any:
    """Fixes each text of a ``pyarrow.Table``, a ``pandas.DataFrame`` or a mapping of lists, and returns the like of it with
    four columns more:

    - ``mlfix_status``: ``clean``, ``findings``, ``changed``, ``skipped`` or ``failed``; never null
    - ``mlfix_because``: why it was skipped or failed, else null
    - ``mlfix_findings``: what was found, as a JSON list, else null
    - ``mlfix_content``: the new text where the status is ``changed``, else null

    ``content`` names the column of the texts (text or bytes), ``path`` that of their paths in their repositories, or none if
    there is no such column. As in a scan, files that are not Python by their name, generated code and code of others are
    skipped; without paths, everything is taken for Python.

    A row is never an exception: null, bytes that are not UTF-8, a text of 5 MB, what is not Python at all, and what takes
    too long are rows with a status. Raises ``KeyError`` if there is no such column, ``TypeError`` if it holds numbers, and
    ``ValueError`` for an option that cannot be, or when a column of the new names is there already.
    """
    from mlfix import _fixer

    fixer = _fixer(select, ignore, exclude, unsafe_fixes, target_version, config)
    names = [prefix + name for name in COLUMNS]
    is_arrow = hasattr(batch, "append_column")
    if not (is_arrow or isinstance(batch, Mapping) or hasattr(batch, "assign")):
        raise TypeError(f"a pyarrow.Table, a pandas.DataFrame or a mapping is needed, not {type(batch).__name__}")
    columns = batch.column_names if is_arrow else list(batch)
    for column in (content, path):
        if column is not None and column not in columns:
            raise KeyError(f"there is no column `{column}`; there are: {', '.join(map(str, columns))}")
    for name in names:
        if name in columns:
            raise ValueError(f"there is a column `{name}` already; choose another prefix")

    if is_arrow:
        return _of_arrow(fixer, batch, content, path, names)
    paths = None if path is None else list(batch[path])
    made = dict(zip(names, _lists(fixer.fix(list(batch[content]), paths, False, False))))
    if isinstance(batch, Mapping):
        return {**batch, **made}
    return batch.assign(**{name: _series(batch, made[name], batch[content].dtype if name == names[-1] else "string") for name in names})


def _series(frame: Any, values: List[Any], kind: Any) -> Any:
    """A column of its own type also where every value is missing, so that all parts of a table have the same."""
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype=kind)


def _of_arrow(fixer: Any, batch: Any, content: str, path: Optional[str], names: List[str]) -> Any:
    import pyarrow as pa

    texts, is_text = _bytes(batch.column(content), content)
    paths = None if path is None else _bytes(batch.column(path), path)[0].to_pylist()
    *told, contents = _lists(fixer.fix(texts.to_pylist(), paths, False, is_text))
    kind = texts.type
    if is_text:
        kind = pa.string() if kind == pa.binary() else pa.large_string()
    columns = [*(pa.array(column, pa.string()) for column in told), pa.array(contents, texts.type).cast(kind)]
    for name, column in zip(names, columns):
        batch = batch.append_column(name, column)
    return batch


def _bytes(column: Any, name: str) -> Tuple[Any, bool]:
    """The column as bytes, and whether it was text. Text is not trusted to be UTF-8: nobody checks that in a file."""
    import pyarrow as pa
    import pyarrow.types as is_a

    if is_a.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if is_a.is_binary(kind) or is_a.is_large_binary(kind):
        return column, False
    if is_a.is_string(kind) or is_a.is_null(kind):
        return column.cast(pa.binary()), True
    if is_a.is_large_string(kind):
        return column.cast(pa.large_binary()), True
    if getattr(is_a, "is_string_view", is_a.is_null)(kind) or getattr(is_a, "is_binary_view", is_a.is_null)(kind):
        return column.cast(pa.large_binary()), is_a.is_string_view(kind)
    raise TypeError(f"column `{name}` holds {kind}, which is neither text nor bytes")


def _lists(rows: List[Tuple[Any, ...]]) -> List[List[Any]]:
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in COLUMNS]
