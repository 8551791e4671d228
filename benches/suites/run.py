#!/usr/bin/env python3
"""Run the tests of published packages before and after `mlfix --fix`, and name every test that fails only after.

    python3 benches/suites/run.py [--mlfix BINARY] [--work FOLDER] [--quick] [PACKAGE ..]

Each package of the table `SUITES` is downloaded as its authors published it (the sdist, of the pinned version), and its
tests run from the unpacked folder in a virtual environment of their own, with the requirements pinned in
`constraints.txt`. Then three copies are changed, and the tests run again in each:

 - `safe`: `mlfix --fix` on the code of the library;
 - `unsafe`: `mlfix --fix --unsafe-fixes` on the code of the library;
 - `everything`: `mlfix --fix --unsafe-fixes` on the whole folder, so on the tests themselves, too.

A copy that ends equal to an earlier one is not tested twice. A test that passed before and now fails, or is gone, is run
once more in both trees; what changes its mind is called unsteady, and what does not is a new failure. The tests run
under `coverage`, which looks at the changed files alone: a fix counts as exercised if a test ran a line that it wrote.

Prints a Markdown table, what each copy got, and each new failure with the end of its traceback. Exit status: 0 no new
failure, 1 some, 2 a package could not be fetched or its tests could not be run.
"""

import argparse
import ast
import collections
import dataclasses
import difflib
import filecmp
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ALWAYS = ("pytest", "pytest-timeout", "coverage")
MODES = ("safe", "unsafe", "everything")
GOOD = ("passed", "skipped")


@dataclasses.dataclass(frozen=True)
class Suite:
    """A package, and how its tests are run; paths are relative to the unpacked folder."""

    name: str
    version: str
    library: tuple[str, ...]
    tests: tuple[str, ...]  # may be patterns
    requires: tuple[str, ...] = ()
    options: tuple[str, ...] = ()  # of pytest
    exclude: tuple[str, ...] = ()  # tests that lie inside of the library
    path: tuple[str, ...] = (".",)  # PYTHONPATH
    quick: bool = False

    @property
    def pin(self):
        return f"{self.name}=={self.version}"


SUITES = (
    Suite("boltons", "26.2.0", ("boltons",), ("tests",), quick=True),
    Suite("bottle", "0.13.4", ("bottle.py",), ("test",), ("jinja2", "mako"), quick=True),
    Suite("petl", "1.7.30", ("petl",), ("petl/test",), exclude=("petl/test/",), quick=True),
    Suite(
        "pyparsing",
        "3.3.3",
        ("pyparsing",),
        ("tests/test_simple_unit.py", "tests/test_unit.py", "tests/test_util.py", "tests/test_diagram.py"),
        ("railroad-diagrams", "jinja2", "matplotlib"),
    ),
    Suite("mako", "1.4.3", ("mako",), ("test",), ("markupsafe",), quick=True),
    Suite("deap", "1.4.4", ("deap",), ("tests",), ("numpy", "moocore")),
    # One of its test modules holds a class called `TestSuite`, which is no test.
    Suite("markdown", "3.11.3", ("markdown",), ("tests",), ("pyyaml",), ("-o", "python_classes=")),
    Suite("pystache", "0.6.8", ("pystache",), ("pystache/tests", "test_pystache.py"), exclude=("pystache/tests/",)),
    Suite("tinydb", "4.9.0", ("tinydb",), ("tests",), ("pyyaml",)),
    # The rest holds more files that are opened without `with`.
    Suite("docutils", "0.23", ("docutils",), ("test",), ("pygments",)),
    Suite(
        "luigi",
        "3.8.1",
        ("luigi",),
        # The others need servers and clouds, or wait for workers for minutes.
        (
            "test/local_target_test.py",
            "test/lock_test.py",
            "test/rpc_test.py",
            "test/interface_test.py",
            "test/retcodes_test.py",
            "test/parameter_test.py",
            "test/contrib/lsf_test.py",
            "test/contrib/pai_test.py",
            "test/contrib/salesforce_test.py",
            "test/contrib/scalding_test.py",
            "test/contrib/spark_test.py",
            "test/contrib/streaming_test.py",
        ),
        ("python-daemon", "python-dateutil", "tenacity", "tornado", "typing-extensions", "mock", "hypothesis", "psutil"),
        ("-o", "python_files=*_test.py"),
        path=(".", "test"),
    ),
    Suite("mutagen", "1.48.1", ("mutagen",), ("tests",), ("hypothesis",)),
    Suite(
        "nltk",
        "3.10.4",
        ("nltk",),
        # Those of the code that is changed. The others need data that is not in the sdist, or take long.
        (
            "nltk/test/unit/test_boxer_security.py",
            "nltk/test/unit/test_ccg_*.py",
            "nltk/test/unit/test_chat80*.py",
            "nltk/test/unit/test_chunk*.py",
            "nltk/test/unit/test_corenlp_options_security.py",
            "nltk/test/unit/test_downloader*.py",
            "nltk/test/unit/test_drt_anaphora.py",
            "nltk/test/unit/test_framenet_security.py",
            "nltk/test/unit/test_prover9_security.py",
            "nltk/test/unit/test_util.py",
            "nltk/test/unit/test_weka*.py",
            "nltk/test/unit/test_wordnet_app.py",
        ),
        ("regex", "click", "joblib", "tqdm", "defusedxml", "pytest-mock"),
        exclude=("nltk/test/",),
    ),
    Suite("polib", "1.2.0", ("polib.py",), ("tests/tests.py",)),
)


class Unusable(Exception):
    """A package cannot be had, or its tests cannot be run."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="names out of the table (default: all)")
    parser.add_argument("--mlfix", type=Path, default=ROOT / "target" / "release" / "mlfix", help="the binary to check")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "suites", help="where downloads and copies stay")
    parser.add_argument("--quick", action="store_true", help="only the packages marked as quick")
    parser.add_argument("--modes", default=",".join(MODES), help=f"which of {', '.join(MODES)}")
    args = parser.parse_args()
    unknown = set(args.packages) - {suite.name for suite in SUITES} | set(args.modes.split(",")) - set(MODES)
    if unknown or not args.mlfix.is_file():
        parser.error(f"not known: {', '.join(sorted(unknown))}" if unknown else f"not there: {args.mlfix}")
    chosen = [s for s in SUITES if (not args.packages or s.name in args.packages) and (s.quick or not args.quick)]

    rows, bad, unusable = [], [], []
    for suite in chosen:
        start = time.monotonic()
        print(f"{suite.pin}", flush=True)
        try:
            results = examine(suite, args.mlfix.resolve(), args.work.resolve(), args.modes.split(","))
        except Unusable as error:
            unusable.append(suite.pin)
            print(f"    {error}", file=sys.stderr, flush=True)
            continue
        rows += results
        bad += [(row, test) for row in results for test in row.new]
        print(f"    {time.monotonic() - start:.0f} s", flush=True)

    version = subprocess.run([args.mlfix, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"\n{version}, CPython {platform.python_version()}, {time.strftime('%Y-%m-%d')}\n")
    print_table(rows)
    for row, test in bad:
        print(f"\nNEW FAILURE in {row.suite.name} ({row.mode}): {test}\n{row.after.why.get(test, '')}")
    if unusable:
        print(f"\nnot examined: {', '.join(unusable)}")
    return 2 if unusable else 1 if bad else 0


@dataclasses.dataclass
class Outcomes:
    """What became of each test, and why the failed ones failed."""

    of: dict[str, str]
    why: dict[str, str]
    executed: dict[str, set[int]]  # file -> lines, 1-based, of the files that coverage looked at

    def bad(self):
        return sorted(test for test, outcome in self.of.items() if outcome not in GOOD)


@dataclasses.dataclass
class Row:
    """What one copy of a package got, and what its tests say."""

    suite: Suite
    mode: str
    before: Outcomes
    after: Outcomes
    applied: collections.Counter  # transform -> fixes
    exercised: collections.Counter
    new: list[str]


def examine(suite, mlfix, work, modes):
    home = work / suite.name
    home.mkdir(parents=True, exist_ok=True)
    original = unpacked(suite, work)
    python = environment(suite, home)
    reports = {mode: fixed_copy(suite, mlfix, original, home / mode, mode) for mode in modes}
    changed = sorted({path for report in reports.values() for path in report})
    before = outcomes(suite, python, original, changed)
    print(f"    before: {len(before.of):,} tests, {len(before.bad())} failures", flush=True)
    rows = []
    for mode in modes:
        twin = next((row for row in rows if same(home / row.mode, home / mode, changed)), None)
        if twin is not None:
            rows.append(dataclasses.replace(twin, mode=mode))
            continue
        report = reports[mode]
        after = outcomes(suite, python, home / mode, changed) if report else before
        new = newly_bad(before, after)
        if new:
            again, earlier = outcomes(suite, python, home / mode, changed), outcomes(suite, python, original, changed)
            steady = [test for test in new if test in newly_bad(earlier, again)]
            if unsteady := sorted(set(new) - set(steady)):
                print(f"    {mode}: unsteady: {', '.join(unsteady)}")
            new = steady
        applied = collections.Counter(fix["transform"] for fixes in report.values() for fix in fixes)
        exercised = exercised_fixes(original, home / mode, report, after)
        rows.append(Row(suite, mode, before, after, applied, exercised, new))
        print(f"    {mode}: {len(after.of):,} tests, {applied.total()} fixes, {len(new)} new failures", flush=True)
    return rows


def newly_bad(before, after):
    """Tests that were good before and are not now; one that is gone is not good."""
    return sorted(t for t, outcome in before.of.items() if outcome in GOOD and after.of.get(t) not in GOOD)


# Getting a package, and a Python that has what its tests need.


def unpacked(suite, work):
    folder = work / suite.name / f"{suite.name}-{suite.version}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = run([*pip, "--no-binary", suite.name, "--dest", scratch, suite.pin])
        archives = list(Path(scratch).glob("*.tar.gz"))
        if done.returncode or len(archives) != 1:
            raise Unusable(f"cannot download {suite.pin}:\n{done.stdout}")
        shutil.unpack_archive(archives[0], Path(scratch, "unpacked"))
        (inner,) = Path(scratch, "unpacked").iterdir()
        inner.rename(folder)
    return folder


def environment(suite, home):
    wanted = ", ".join((*ALWAYS, *suite.requires)) + "\n" + (HERE / "constraints.txt").read_text()
    stamp, python = home / "venv" / "wanted.txt", home / "venv" / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(home / "venv", ignore_errors=True)
    made = run([sys.executable, "-m", "venv", "--without-pip", home / "venv"])
    if not made.returncode:
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
        made = run([*pip, "--only-binary", ":all:", "--constraint", HERE / "constraints.txt", *ALWAYS, *suite.requires])
    if made.returncode:
        raise Unusable(f"cannot make a virtual environment for {suite.pin}:\n{made.stdout}")
    stamp.write_text(wanted)
    return python


# Changing a copy.


def fixed_copy(suite, mlfix, original, copy, mode):
    """Makes the copy and fixes it; answers the applied fixes of each file."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(original, copy, symlinks=True)
    command = [mlfix, "--fix", "--isolated", "--output-format", "json", "--color", "never"]
    command += ["--unsafe-fixes"] if mode != "safe" else []
    if mode == "everything":
        command += ["."]
    else:
        command += [part for pattern in suite.exclude for part in ("--exclude", pattern)] + list(suite.library)
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise Unusable(f"mlfix ended with {done.returncode}:\n{done.stderr}")
    report = {}
    for file in json.loads(done.stdout)["files"]:
        if fixes := [finding for finding in file["findings"] if finding["status"] == "applied"]:
            report[file["path"].removeprefix("./")] = fixes
    return report


def same(one, other, paths):
    return all(filecmp.cmp(one / path, other / path, shallow=False) for path in paths)


# Running tests.


def outcomes(suite, python, tree, watched):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        clean = scratch / "tree"  # tests leave files behind
        shutil.copytree(tree, clean, symlinks=True)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": os.pathsep.join(str(clean / part) for part in suite.path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }
        # No configuration of coverage counts but this one.
        (scratch / "coveragerc").touch()
        command = [python, "-m", "coverage", "run", f"--rcfile={scratch / 'coveragerc'}", f"--data-file={scratch / 'coverage'}"]
        command += ["--include=" + ",".join(str(clean / path) for path in watched)] if watched else ["--include=nothing"]
        command += ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no", "--timeout=300"]
        command += ["--continue-on-collection-errors", f"--junitxml={scratch / 'report.xml'}", *suite.options]
        # Each pattern stands for what it finds, in an order that does not depend on the disk.
        command += [str(found.relative_to(clean)) for pattern in suite.tests for found in sorted(clean.glob(pattern))]
        done = run(command, cwd=clean, env=env)
        try:
            report = ElementTree.parse(scratch / "report.xml")
        except (OSError, ElementTree.ParseError):
            raise Unusable(f"the tests of {suite.pin} did not run:\n{done.stdout[-4000:]}") from None
        found = Outcomes({}, {}, {})
        for case in report.iter("testcase"):
            test = "::".join(filter(None, (case.get("classname"), case.get("name"))))
            what = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
            outcome = "passed" if what is None else what.tag
            # Two tests of one name count as one, and as the worse of the two.
            if found.of.get(test) in (None, *GOOD):
                found.of[test] = outcome
            if outcome not in (*GOOD, "passed"):
                found.why[test] = "\n".join((what.text or what.get("message") or "").splitlines()[-25:])
        found.executed = executed_lines(python, scratch, clean, env)
        return found


def executed_lines(python, scratch, clean, env):
    report = scratch / "coverage.json"
    command = [python, "-m", "coverage", "json", "-i", f"--rcfile={scratch / 'coveragerc'}"]
    run([*command, f"--data-file={scratch / 'coverage'}", "-o", report], cwd=clean, env=env)
    if not report.is_file():
        return {}
    files = json.loads(report.read_text())["files"]
    return {os.path.relpath(clean / path, clean): set(file["executed_lines"]) for path, file in files.items()}


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def exercised_fixes(original, tree, report, after):
    """The fixes of which a test ran a statement that the fix wrote; definitions do not count, they run on import."""
    counted = collections.Counter()
    for path, fixes in report.items():
        old, new = (folder.joinpath(path).read_bytes() for folder in (original, tree))
        ran = after.executed.get(path, set()) & statement_lines(new)
        matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
        hunks = [(i1, i2, j1, j2) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]
        for fix in fixes:
            # An edit of lines a to b, counted from 1, lies in the hunk that touches them.
            edits = fix.get("edits") or []
            mine = [h for h in hunks if any(h[0] <= e["lines"][1] and e["lines"][0] - 1 <= h[1] for e in edits)]
            counted[fix["transform"]] += any(line in ran for h in mine for line in range(h[2] + 1, h[3] + 1))
    return counted


def statement_lines(data):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.lineno for node in ast.walk(ast.parse(data)) if isinstance(node, ast.stmt) and not isinstance(node, kinds)}


def print_table(rows):
    print("| package | fixed with | tests | failures before | fixes applied | exercised by a test | new failures |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: |")
    for row in rows:
        applied = ", ".join(f"{count} {transform}" for transform, count in sorted(row.applied.items())) or "none"
        first = (row.suite.pin.replace("==", " "), len(row.before.of), len(row.before.bad()))
        print(f"| {first[0]} | {row.mode} | {first[1]:,} | {first[2]} | {applied} | {row.exercised.total()} | {len(row.new)} |")
    for mode in MODES:
        mine = [row for row in rows if row.mode == mode]
        if mine:
            applied = sum((row.applied for row in mine), collections.Counter())
            tests, failed = (sum(map(len, (f(row) for row in mine))) for f in (lambda r: r.before.of, lambda r: r.before.bad()))
            told = ", ".join(f"{count} {transform}" for transform, count in sorted(applied.items())) or "none"
            ran = sum(row.exercised.total() for row in mine)
            print(f"| all {len(mine)} | {mode} | {tests:,} | {failed} | {told} | {ran} | {sum(len(row.new) for row in mine)} |")


if __name__ == "__main__":
    sys.exit(main())
