#!/usr/bin/env python3
"""Fetch the corpus: download the packages and unpack them, one folder per package.

    python3 benches/corpus/fetch.py [FOLDER] [--requirements FILE]

FOLDER defaults to `target/corpus` of this repository. A package that is already there, in the pinned version if any, is
skipped, so the script can be run again after a failure. Packages are downloaded as wheels, without their
dependencies, by the newest CPython >= 3.11 on PATH; nothing of them is installed or run.

Exit status: 0 all there, 1 some package cannot be had (each is named with pip's own words), 2 no usable Python.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = (3, 11)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=HERE.parents[1] / "target" / "corpus")
    parser.add_argument("--requirements", type=Path, default=HERE / "requirements.txt")
    args = parser.parse_args()

    packages = read_requirements(args.requirements)
    missing = [pin for pin in packages if not (args.folder / folder_name(pin)).is_dir()]
    print(f"{len(packages) - len(missing)} of {len(packages)} packages are in {args.folder}", flush=True)
    if not missing:
        return 0
    python = newest_python()
    if python is None:
        print("fetch.py: no CPython 3.11 or newer with pip on PATH", file=sys.stderr)
        return 2

    args.folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for pin in missing:
        print(f"fetching {pin}", flush=True)
        error = fetch(python, pin, args.folder)
        if error:
            failed.append(pin)
            print(f"fetch.py: cannot fetch {pin}:\n{error}", file=sys.stderr, flush=True)
    if failed:
        print(f"fetch.py: {len(failed)} of {len(packages)} packages are missing: {', '.join(failed)}", file=sys.stderr)
        return 1
    files = sum(1 for _ in args.folder.rglob("*.py"))
    print(f"{len(packages)} packages, {files} Python files in {args.folder}")
    return 0


def read_requirements(path):
    """The packages of a requirements file: `name==version`, or `name` for the newest; comments are allowed."""
    pins = []
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line and not re.fullmatch(r"[A-Za-z0-9._-]+(==[A-Za-z0-9.]+)?", line):
            sys.exit(f"fetch.py: {path.name}: not a package: {line}")
        if line:
            pins.append(line)
    return pins


def folder_name(pin):
    return pin.replace("==", "-")


def newest_python():
    """The newest working CPython on PATH that has pip; a shim that is on PATH may still not run."""
    names = ["python3", "python"] + [f"python3.{minor}" for minor in range(OLDEST[1], 30)]
    found = []
    for name in names:
        path = shutil.which(name)
        if path is None:
            continue
        code = "import sys, pip; print(sys.implementation.name, *sys.version_info[:2])"
        answer = subprocess.run([path, "-c", code], capture_output=True, text=True).stdout.split()
        if len(answer) == 3 and answer[0] == "cpython" and (version := (int(answer[1]), int(answer[2]))) >= OLDEST:
            found.append((version, path))
    return max(found, key=lambda it: it[0])[1] if found else None


def fetch(python, pin, folder):
    """Download one package and unpack it; answers what went wrong, or None."""
    # Unpacked beside its final place and renamed, so that a folder that exists is whole.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        scratch = Path(scratch)
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run([*command, "--dest", scratch, pin], capture_output=True, text=True)
        wheels = list(scratch.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            return done.stderr.strip() or f"pip left {len(wheels)} wheels"
        unpacked = scratch / "unpacked"
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(unpacked)
        unpacked.rename(folder / folder_name(pin))
    return None


if __name__ == "__main__":
    sys.exit(main())
