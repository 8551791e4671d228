#!/usr/bin/env python3
"""Tables of real files in parquet, and what is in a folder of them.

    python3 tests/clusters/tables.py make OUT ROWS CORPUS [CORPUS ..]
    python3 tests/clusters/tables.py merge FOLDER FILE
    python3 tests/clusters/tables.py files FOLDER OUT

`make` writes the Python files of packages, again from the start if there are fewer than ROWS, and rows that are no good. `merge`
writes one line of JSON for each row, sorted, so that the same rows make the same bytes, and prints how many there are of each
status and what is wrong with them. `files` makes files of the texts again. It needs pyarrow.
"""

import hashlib
import json
import sys
from collections import Counter
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

IN_A_FILE = 2500
FIXABLE = "def add(x, acc=[]):\n    acc.append(x)\n    return acc\n"
# Path, text, and the status that it must come to.
BAD = [
    ("null.py", None, "skipped"),
    ("huge.py", "x = 1\n" * 1_000_000, "skipped"),
    ("broken.py", FIXABLE + "def f(:\n", "skipped"),
    ("nul.py", FIXABLE + "\0", "skipped"),
    ("deep.py", FIXABLE + "(" * 100_000, "skipped"),
    ("chain.py", FIXABLE + "x = " + " + ".join(["1"] * 200_000) + "\n", "skipped"),
    ("long.py", FIXABLE + "# a comment\n" * 100_000, "skipped"),
    ("rejected.py", FIXABLE + "return\nbreak\n", None),
    ("notes.txt", FIXABLE, "skipped"),
    ("vendor/a.py", FIXABLE, "skipped"),
    ("made_pb2.py", FIXABLE, "skipped"),
    ("generated.py", "# @generated\n" + FIXABLE, "skipped"),
    (None, FIXABLE, "skipped"),
    ("good.py", FIXABLE, "changed"),
    ("clean.py", "x = 1\n", "clean"),
    ("crlf.py", FIXABLE.replace("\n", "\r\n"), "changed"),
    ("empty.py", "", "clean"),
]
TEXT = pa.schema([("row", pa.int64()), ("repo", pa.string()), ("path", pa.string()), ("content", pa.string())])


def make(out: Path, rows: int, corpora: list[Path]) -> None:
    packages = sorted((path for corpus in corpora for path in corpus.iterdir() if path.is_dir()), key=lambda path: path.name)
    files = [(package, file) for package in packages for file in sorted(package.rglob("*.py")) if file.is_file()]
    out.mkdir(parents=True)
    size, number, seen = 0, 0, 0

    def put(table: list[dict]) -> int:
        table = [{"row": number + index, **row} for index, row in enumerate(table)]
        pq.write_table(pa.Table.from_pylist(table, TEXT), out / f"part-{number:09}.parquet", compression="zstd")
        return number + len(table)

    number = put([{"repo": "bad", "path": path, "content": content} for path, content, _ in BAD])
    table: list[dict] = []
    for package, file in cycle(files):
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        seen += 1
        size += len(text.encode())
        table.append({"repo": package.name, "path": file.relative_to(package).as_posix(), "content": text})
        if len(table) >= IN_A_FILE or seen + len(BAD) == rows:
            number, table = put(table), []
        if number == rows:
            break
    print(f"{rows} rows, {size / 1e6:.0f} MB of text in {len(list(out.iterdir()))} files; {len(files)} files were there")


def merge(folder: Path, file: Path) -> None:
    expected = {index: status for index, (_, _, status) in enumerate(BAD)}
    lines, statuses, wrong = {}, Counter(), []
    for part in [folder] if folder.is_file() else sorted(folder.rglob("*.parquet")):
        rows = pq.read_table(part, partitioning=None)
        for row in rows.drop_columns(["content"]).to_pylist():
            if row["row"] in lines:
                wrong.append(f"row {row['row']} is there twice")
            statuses[row["mlfix_status"]] += 1
            must = expected.get(row["row"])
            if must is not None and row["mlfix_status"] != must:
                wrong.append(f"{row['path']} is {row['mlfix_status']}, not {must}: {row['mlfix_because']}")
            if (row["mlfix_content"] is not None) != (row["mlfix_status"] == "changed"):
                wrong.append(f"row {row['row']} is {row['mlfix_status']}, and its text says otherwise")
            lines[row["row"]] = json.dumps(row, sort_keys=True)
    text = "".join(lines[row] + "\n" for row in sorted(lines)).encode()
    file.write_bytes(text)
    said = {"rows": len(lines), "sha256": hashlib.sha256(text).hexdigest(), **dict(sorted(statuses.items()))}
    print(json.dumps({**said, "wrong": wrong[:10]}))


def files(folder: Path, out: Path) -> None:
    for part in sorted(folder.rglob("*.parquet")):
        for row in pq.read_table(part, partitioning=None).to_pylist():
            if row["repo"] != "bad":
                # A file that is there again is another one here.
                file = out / f"{row['row']:09}-{row['repo']}" / row["path"]
                file.parent.mkdir(parents=True)
                file.write_bytes(row["content"].encode())


if __name__ == "__main__":
    match sys.argv[1:]:
        case "make", out, rows, *corpora:
            make(Path(out), int(rows), [Path(corpus) for corpus in corpora])
        case "merge", folder, file:
            merge(Path(folder), Path(file))
        case "files", folder, out:
            files(Path(folder), Path(out))
        case _:
            sys.exit(__doc__)
