#!/usr/bin/env python3
"""Give mlfix files that were made to take long, and trees without end, and say what they took.

    python3 benches/reliability/limits.py --mlfix target/release/mlfix [--quick] [--only NAME ...]

Linux only. Each shape is repeated 1,000, 10,000, 100,000 and 1,000,000 times behind a function that mlfix fixes, as long
as the file stays below 4 MiB, which is as large as a file may be. The last lines are about trees: 10^6 empty files, and
3,000 files with 64 file descriptors and 16 threads. Prints a Markdown table: the longest processor time, the most memory,
and how many of the files were fixed, clean or skipped with a reason. Exit status: 0 within the limits, 1 not, 2 usage.
"""

import argparse
import collections
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SAFE = "def add(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\nprint(add(1))\n"
LARGEST = 4 << 20
# As documented: processor seconds for a file, or for each MiB of it, after which it is given up; reading, writing and the
# steps between two looks at the clock come on top.
SECONDS, EACH_MIB, MARGIN = 5.0, 2.0, 2.0
MEMORY = 2048  # MiB, for a file of 4 MiB; about 100 bytes for each token, and more for each node


def around(left: str, right: str = "") -> Callable[[int], str]:
    return lambda n: "x = " + left * n + "y" + right * n + "\n"


def behind(text: str) -> Callable[[int], str]:
    return lambda n: "x = y" + text * n + "\n"


def lines(text: str) -> Callable[[int], str]:
    return lambda n: text * n


def nested(header: str, deepest: int) -> Callable[[int], str]:
    """A block in a block; each line is longer than the one above it."""
    return lambda n: "".join(" " * level + header + "\n" for level in range(min(n, deepest))) + " " * min(n, deepest) + "pass\n"


SHAPES: dict[str, Callable[[int], str]] = {
    "parentheses": around("(", ")"),
    "lists": around("[", "]"),
    "dictionaries": around("{1: ", "}"),
    "calls": around("f(", ")"),
    "parentheses without end": around("("),
    "`not`": around("not "),
    "minus signs": around("-"),
    "`lambda`": around("lambda: "),
    "conditional expressions": around("1 if x else "),
    "f-strings in f-strings": lambda n: "x = " + "f'{" * n + "y" + "}'" * n + "\n",
    "sums": behind(" + 1"),
    "powers": behind(" ** 1"),
    "comparisons": behind(" < 1"),
    "`and`": behind(" and z"),
    "attributes": behind(".b"),
    "calls of calls": behind("()"),
    "items of items": behind("[0]"),
    "strings side by side": behind(" 's'"),
    "targets": lambda n: "x = " * n + "1\n",
    "a list on one line": lambda n: "x = [" + "1, " * n + "]\n",
    "a long string": lambda n: "x = '" + "s" * n + "'\n",
    "a string without end": lambda n: "x = '''" + "s\n" * n,
    "comment lines": lines("# c\n"),
    "comments and blank lines": lines("# c\n\n"),
    "lines of a backslash": lambda n: "x = 1 " + "\\\n" * n + "\n",
    "CR line ends": lines("y = 1\r"),
    "bracket soup": lines("([{)]}"),
    "lines of errors": lines("x = = 1 $\n"),
    "`if` in `if`": nested("if x:", 2000),
    "`for` in `for`": nested("for x in y:", 2000),
    "functions in functions": nested("def f():", 2000),
    "`elif`": lambda n: "if x:\n    pass\n" + "elif y:\n    pass\n" * n,
    "mutable defaults": lines("def f(a=[]):\n    a.append(1)\n    return a\n\n\n"),
    "files left open": lines("x = open(p).read()\n"),
    "loops that wait": lines("for b in loader:\n    total += loss(model(b)).item()\n"),
    "imports": lines("import torch\n"),
    "decorators": lambda n: "@d\n" * n + "def g(): pass\n",
    "one name": lines("x = x\n"),
    "global": lambda n: "def g():\n" + "    global x\n" * n,
}


def measured(command: list[str], folder: Path, **options: object) -> tuple[int, float, float, bytes]:
    """Exit status, processor seconds, most memory in MiB, standard output."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.DEVNULL, **options)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return child.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read()


def shape(mlfix: str, work: Path, make: Callable[[int], str], quick: bool) -> tuple[bool, str]:
    slowest, most, outcomes, right, last = 0.0, 0.0, collections.Counter(), True, 0
    for repeats in (1_000, 10_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        text = (SAFE + make(repeats)).encode()
        # The largest that is still looked at.
        while len(text) > LARGEST:
            repeats = repeats * (LARGEST - 1024) // len(text)
            text = (SAFE + make(repeats)).encode()
        if repeats <= last:
            continue
        last = repeats
        path = work / "shape.py"
        path.write_bytes(text)
        code, seconds, memory, told = measured(
            [mlfix, "--fix", "--unsafe-fixes", "--isolated", "--no-cache", "--output-format", "json", "."], work)
        slowest, most = max(slowest, seconds), max(most, memory)
        limit = max(SECONDS, EACH_MIB * len(text) / (1 << 20)) + MARGIN
        right &= code in (0, 1, 2) and told.startswith(b"{") and seconds <= limit and memory <= MEMORY
        changed = path.read_bytes() != text
        outcomes["fixed" if changed else "skipped" if b'"skipped":1' in told else "exit " + str(code)] += 1
    return right, f"{slowest:.1f} s | {most:,.0f} MiB | " + ", ".join(f"{n} {what}" for what, n in outcomes.items())


def large_tree(mlfix: str, work: Path, quick: bool) -> tuple[bool, str]:
    files = 100_000 if quick else 1_000_000
    for number in range(files):
        folder = work / f"d{number // 1000}"
        if number % 1000 == 0:
            folder.mkdir()
        os.close(os.open(folder / f"m{number}.py", os.O_CREAT | os.O_WRONLY))
    code, seconds, memory, _ = measured([mlfix, "--isolated", "--no-cache", "."], work)
    return code == 0 and memory < 300, f"{seconds:.1f} s | {memory:,.0f} MiB | {files:,} clean, exit {code}"


def few_descriptors(mlfix: str, work: Path, quick: bool) -> tuple[bool, str]:
    files = 300 if quick else 3000
    for number in range(files):
        (work / f"m{number}.py").write_text(SAFE)
    command = [mlfix, "--fix", "--isolated", "--jobs", "16", "."]
    code, seconds, memory, _ = measured(
        command, work, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    done = sum("acc=None" in (work / f"m{number}.py").read_text() for number in range(files))
    return (code, done) == (0, files), f"{seconds:.1f} s | {memory:,.0f} MiB | {done:,} of {files:,} fixed, exit {code}"


TREES = {"many files": large_tree, "64 file descriptors": few_descriptors}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mlfix", type=Path, required=True, help="the program")
    parser.add_argument("--quick", action="store_true", help="at most 100,000 of everything")
    parser.add_argument("--only", nargs="+", default=[""], help="lines whose name holds one of these words")
    arguments = parser.parse_args()
    if not arguments.mlfix.is_file():
        parser.error(f"not there: {arguments.mlfix}")
    mlfix, right = str(arguments.mlfix.resolve()), True
    print("| | longest | most memory | files |\n| --- | ---: | ---: | --- |", flush=True)
    for name, part in [*SHAPES.items(), *TREES.items()]:
        if not any(word in name for word in arguments.only):
            continue
        with tempfile.TemporaryDirectory(prefix="mlfix-limits-") as work:
            if name in TREES:
                kept, figures = TREES[name](mlfix, Path(work), arguments.quick)
            else:
                kept, figures = shape(mlfix, Path(work), part, arguments.quick)
        right &= kept
        print(f"| {name} | {figures}{'' if kept else ' **over the limit**'} |", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
