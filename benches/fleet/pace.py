#!/usr/bin/env python3
"""Repositories a minute and core, beside a shell loop that clones, runs `ruff check --fix` and commits.

    python3 benches/fleet/pace.py --mlfix target/release/mlfix CORPUS [--count 23]

CORPUS is a folder of packages as `benches/corpus/fetch.py` leaves it; repositories are made from it, in folders, so that no
network is measured. It is processor time, so it does not matter what else the machine does. Needs git, and ruff for the loop.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/fleet"))
from repositories import git, real  # noqa: E402

RULES = "B006,B909,SIM115"  # those of ruff's that come near to ours


def cost(work: Callable[[], None]) -> float:
    """Seconds of processor time, of all children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(mlfix: Path, corpus: Path, count: int, work: Path) -> None:
    repositories = real(corpus, work, count)
    listed = work / "repos.txt"
    listed.write_text("".join(f"{repository.path}\n" for repository in repositories))

    def ours() -> None:
        command = [mlfix, "fleet", "scan", "--repos", listed, "--out", work / "run", "--jobs", "1"]
        subprocess.run(command, check=True, capture_output=True)

    def theirs() -> None:
        for repository in repositories:
            folder = work / "loop"
            shutil.rmtree(folder, ignore_errors=True)
            git(work, "clone", "-q", "--depth=1", "--single-branch", f"file://{repository.path}", str(folder))
            fix = ["ruff", "check", "--fix", "--unsafe-fixes", "--preview", "--exit-zero", "-q", "--no-cache", "--select", RULES, "."]
            subprocess.run(fix, cwd=folder, check=True, capture_output=True, env=os.environ | {"RAYON_NUM_THREADS": "1"})
            git(folder, "add", "-A")
            git(folder, "commit", "-qm", "fix", "--no-verify", "--allow-empty")

    times = {}
    for name, once in (("mlfix", ours), ("the shell loop", theirs)):
        if once is theirs and not shutil.which("ruff"):
            return print("there is no ruff here: the shell loop is left out")
        times[name] = cost(once)
        print(f"{name}: {60 * len(repositories) / times[name]:.0f} repositories a minute and core", flush=True)
    print(f"ratio: {times['the shell loop'] / times['mlfix']:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mlfix", type=Path, required=True, help="the binary to measure")
    parser.add_argument("--count", type=int, default=23, help="how many repositories (default 23)")
    arguments = parser.parse_args()
    if not arguments.corpus.is_dir() or not arguments.mlfix.is_file():
        parser.error(f"not there: {arguments.mlfix if arguments.corpus.is_dir() else arguments.corpus}")
    with tempfile.TemporaryDirectory(prefix="mlfix-pace-") as work:
        measure(arguments.mlfix.resolve(), arguments.corpus.resolve(), arguments.count, Path(work).resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
