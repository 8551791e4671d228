"""``python -m mlfix.parquet``: parquet files in, the same with what became of their texts out; a part of them for each job.

    python -m mlfix.parquet code fixed --shard 0/4

Each file of the first folder becomes one of the same name in the second, with the columns of ``mlfix.fix_batch``. It
appears there in one step when it is done, and what is there is not done again: run it again after a crash. Which part a file
belongs to depends on its name alone. It needs ``pyarrow``.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from pathlib import Path
from typing import Any, List, Tuple, Union

import pyarrow as pa
import pyarrow.parquet as pq

from mlfix.batch import fix_batch

__all__ = ["fix_files"]

AT_ONCE = 1024
"""Rows in memory at a time."""


def fix_files(
    source: Union[str, "os.PathLike[str]"],
    out: Union[str, "os.PathLike[str]"],
    *,
    shard: Tuple[int, int] = (0, 1),
    **options: Any,
) -> List[Path]:
    """Fixes the files of one part, of ``shard[1]`` parts counted from 0, and returns those that were not done before.
    ``options`` are those of ``mlfix.fix_batch``.

    Raises ``ValueError`` when there is no such part, ``FileNotFoundError`` when there are no parquet files, and
    ``pyarrow.ArrowInvalid`` when one cannot be read.
    """
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"there is no part {index} of {count}: parts are counted from 0")
    source, out = Path(source), Path(out)
    files = sorted(path for path in source.rglob("*.parquet") if path.is_file())
    if not files:
        raise FileNotFoundError(f"there are no parquet files in {source}")
    made = []
    for file in files:
        name = file.relative_to(source)
        target = out / name
        if zlib.crc32(name.as_posix().encode()) % count != index or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with pq.ParquetFile(file) as rows:
            schema = fix_batch(rows.schema_arrow.empty_table(), **options).schema
            with pq.ParquetWriter(part, schema, compression=_compression(rows.metadata)) as writer:
                for batch in rows.iter_batches(AT_ONCE):
                    writer.write_table(fix_batch(pa.Table.from_batches([batch]), **options).cast(schema))
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
        made.append(target)
    return made


def _compression(of: Any) -> str:
    """That of the first column, as the writer calls it."""
    known = of.row_group(0).column(0).compression if of.num_row_groups and of.num_columns else "SNAPPY"
    return "NONE" if known == "UNCOMPRESSED" else str(known)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mlfix.parquet", description="Fix the texts of parquet files.")
    parser.add_argument("source", metavar="FOLDER", help="where the files are")
    parser.add_argument("out", metavar="OUT", help="where they go")
    parser.add_argument("--shard", metavar="I/N", default="0/1", help="only this part of the files, counted from 0")
    parser.add_argument("--content", default="content", help="the column of the texts (default content)")
    parser.add_argument("--path", default="path", help="the column of their paths; empty if there is none (default path)")
    parser.add_argument("--prefix", default="mlfix_", help="what new columns begin with (default mlfix_)")
    for name in ("select", "ignore", "exclude", "target-version", "config"):
        parser.add_argument(f"--{name}", help="as for mlfix")
    parser.add_argument("--unsafe-fixes", action="store_true", help="as for mlfix")
    options = vars(parser.parse_args())
    source, out, shard = options.pop("source"), options.pop("out"), options.pop("shard")
    index, slash, count = shard.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        parser.error(f"--shard: write it as I/N, such as 0/4, not {shard}")
    lists = {name: options.pop(name) or () for name in ("select", "ignore", "exclude")}
    options["path"] = options["path"] or None
    try:
        made = fix_files(source, out, shard=(int(index), int(count)), **lists, **options)
    except (KeyError, OSError, TypeError, ValueError) as error:
        sys.exit(f"error: {error.args[0] if isinstance(error, KeyError) else error}")
    print(f"{len(made)} files in {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
