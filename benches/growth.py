#!/usr/bin/env python3
"""Measure how the time grows with the input: copies of a corpus, and single files made to be hard. Prints Markdown.

    python3 benches/growth.py target/corpus --mlfix target/release/mlfix

Nothing may take more than its share: the time for a megabyte stays the same from 1 to 16 copies, twice the bytes take
about twice the time, and what is beyond a limit is skipped with the reason.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import Command, machine, run, say, table

FINDING = b"def add(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\n"
MIB = 1 << 20
PATIENCE = 20  # seconds of processor time for one file
# The limits of src/walk.rs and src/engine/guard.rs, a little below and a little above.
SIZE, DEPTH = 4 * MIB, 1_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mlfix", type=Path, required=True, help="the binary to measure")
    parser.add_argument("--part", nargs="*", default=["gpytorch-1.15.2", "torchmetrics-1.9.0"], help="the packages that are copied")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each command (default 3)")
    args = parser.parse_args()
    mlfix = str(args.mlfix.resolve())
    missing = [part for part in args.part if not (args.corpus / part).is_dir()]
    if missing or not Path(mlfix).is_file():
        parser.error(f"not there: {', '.join(missing) or mlfix}")
    say(f"{machine()}.")
    with tempfile.TemporaryDirectory(prefix="mlfix-growth-") as scratch:
        copies(mlfix, [args.corpus / part for part in args.part], Path(scratch), args.rounds)
        single_files(mlfix, Path(scratch), args.rounds)
    return 0


def measured(mlfix: str, folder: Path, rounds: int, *words: str):
    """The median of the processor time, and the last run."""
    command = Command("", [mlfix, "--isolated", "--no-cache", *words], folder)
    limit = PATIENCE if words == ("hard.py",) else 900
    samples = [run(command, keep_stderr=True, limit=limit)]
    while len(samples) < rounds and samples[0].status >= 0:
        samples.append(run(command, keep_stderr=True, limit=limit))
    return statistics.median(sample.cpu for sample in samples), samples[-1]


def copies(mlfix: str, parts: list[Path], scratch: Path, rounds: int) -> None:
    say(f"\n## Copies of {', '.join(part.name for part in parts)}\n")
    tree = scratch / "copies"
    rows, first, made = [], None, 0
    for count in [1, 4, 16]:
        for number in range(made, count):
            for part in parts:
                shutil.copytree(part, tree / str(number) / part.name)
        made = count
        size = sum(path.stat().st_size for path in tree.rglob("*.py")) / 1e6
        cpu, last = measured(mlfix, tree, rounds, ".")
        first = first or cpu / size
        rows.append([f"{count}", f"{size:.1f}", f"{cpu:.2f}", f"{1000 * cpu / size:.1f}", f"{cpu / size / first:.2f}", f"{last.peak:.0f}"])
    say(table(["copies", "MB", "CPU s", "CPU ms per MB", "ratio to one copy", "peak MB"], rows))


def single_files(mlfix: str, scratch: Path, rounds: int) -> None:
    say("\n## Single files\n")
    folder = scratch / "single"
    folder.mkdir()
    rows = []
    for name, make, sizes in HARD:
        before = None
        for size in sizes:
            data = make(size)
            path = folder / "hard.py"
            path.write_bytes(data)
            cpu, last = measured(mlfix, folder, rounds, "hard.py")
            said = last.stderr.decode("utf-8", "replace").splitlines()
            reason = next((line.split(": ", 1)[-1] for line in said if line.startswith(("skipped", "error"))), "looked into")
            reason = f"KILLED after {PATIENCE} s of processor time" if last.status < 0 else reason
            megabytes = len(data) / 1e6
            times = f"{(cpu / before[0]) / (megabytes / before[1]):.2f}" if before else ""
            before = (cpu, megabytes) if last.status >= 0 else None
            say(f"<!-- {name}: {megabytes:.3f} MB, {cpu:.3f} s, {reason} -->")
            rows.append([name, f"{megabytes:.3f}", f"{cpu:.3f}", f"{1000 * cpu / megabytes:.0f}", times, f"{last.peak:.0f}", reason])
    head = ["file", "MB", "CPU s", "CPU ms per MB", "per byte, to the line above", "peak MB", "outcome"]
    say(table(head, rows))


# The files: a function of a size; each holds something to find, so that it is not passed over for lack of a word.


def functions(size: int) -> bytes:
    return FINDING * (size // len(FINDING))


def one_line(size: int) -> bytes:
    return FINDING + b"x = [" + b"1, " * (size // 3) + b"]\n"


def long_string(size: int) -> bytes:
    return FINDING + b"x = '" + b"a" * size + b"'\n"


def terms(count: int) -> bytes:
    return FINDING + b"x = 1" + b" + 1" * count + b"\n"


def brackets(depth: int) -> bytes:
    return FINDING + b"x = " + b"(" * depth + b"1" + b")" * depth + b"\n"


def open_brackets(count: int) -> bytes:
    return FINDING + b"(" * count + b"\n"


def blocks(depth: int) -> bytes:
    return FINDING + b"".join(b" " * level + b"if x:\n" for level in range(depth)) + b" " * depth + b"pass\n"


def loops(size: int) -> bytes:
    body = b"    for k in d:\n        if k:\n            del d[k]\n        total += loss.item()\n"
    return b"import torch\n\n\ndef f(d, loss, total):\n" + body * (size // len(body))


def parameters(size: int) -> bytes:
    return b"def f(" + b"".join(b"a%d=[], " % number for number in range(size // 10)) + b"):\n    a0.append(1)\n"


def assignments(size: int) -> bytes:
    line = b"    f = open(p)\n    x = f.read()\n"
    return b"def g(p):\n" + line * (size // len(line))


def elifs(size: int) -> bytes:
    return FINDING + b"if x == 0:\n    y = 0\n" + b"".join(b"elif x == 1:\n    y = 1\n" for _ in range(size // 23))


def comments(count: int) -> bytes:
    return FINDING + b"# a\n" * count + b"x = 1\n"


def quotes(size: int) -> bytes:
    return FINDING + b"'\"" * (size // 2) + b"\n"


def formatted(size: int) -> bytes:
    return FINDING + b"x = f'" + b"{x}" * (size // 3) + b"'\n"


HARD = [
    ("functions, below the limit of size", functions, [MIB, SIZE - 1024]),
    ("functions, above it", functions, [SIZE + 1024]),
    ("one list in one line", one_line, [MIB // 4, MIB, SIZE - 1024]),
    ("one string in one line", long_string, [MIB, SIZE - 1024]),
    ("terms of a sum, below the limit of depth", terms, [DEPTH - 20]),
    ("terms of a sum, above it", terms, [DEPTH + 20, 200_000]),
    ("brackets, below the limit of depth", brackets, [DEPTH - 20]),
    ("brackets, above it", brackets, [DEPTH + 20, 100_000]),
    ("brackets that nobody closes", open_brackets, [1_000, 100_000, MIB]),
    ("blocks in blocks", blocks, [50, 99, 480, 1_400]),
    ("loops in one function", loops, [MIB // 16, MIB // 4, MIB]),
    ("parameters of one function", parameters, [MIB // 64, MIB // 16, MIB // 4]),
    ("files opened in one function", assignments, [MIB // 16, MIB // 4, MIB]),
    ("branches of one `if`", elifs, [MIB // 64, MIB // 4, MIB]),
    ("comment lines, below the limit", comments, [1_900]),
    ("comment lines, above it", comments, [2_100, 100_000]),
    ("quotes", quotes, [MIB // 4, MIB]),
    ("fields of an f-string", formatted, [MIB // 4, MIB]),
]

if __name__ == "__main__":
    sys.exit(main())
