#!/usr/bin/env python3
"""Run `mlfix --fix --unsafe-fixes` over a copy of the corpus and hold it to its promises.

    python3 benches/corpus/check.py --mlfix target/release/mlfix CORPUS [--work DIR] [--long]

CORPUS is a folder as `fetch.py` leaves it, or any other folder of Python code; it is only read. The promises:

 1. no crash: exit status 0 or 1, no panic on stderr, one JSON object on stdout;
 2. a file that CPython accepts before is accepted after, by the parser and by the compiler (which alone sees a name
    used before its `global`); nothing is run;
 3. a second run changes nothing, and no file appears or disappears;
 4. every changed line belongs to a fix that is reported as applied, and so does every changed byte;
 5. comments and strings stay what they were, except for an annotation inside quotes that now admits None, and for
    `"cuda"` in place of `.cuda()`, for code inside of an f-string, and for a default that is said once more elsewhere;
 6. a statement that no edit touches is the same to CPython (`ast.dump`), and stands in the same order.

With `--long`, which runs mlfix five times more:

 7. 1, 2 and 16 threads write the same files and say the same;
 8. `mlfix --diff | git apply` makes the same files, byte for byte.

Prints the figures, then each broken promise with the files concerned. Exit status: 0 all kept, 1 some broken, 2 usage.
With `--work` the copy is kept there for a look, together with what CPython said of the original files, so that a
repeated run asks only about what is new.
"""

import argparse
import ast
import bisect
import collections
import difflib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
import warnings
from pathlib import Path

from statements import other_statement

SUFFIXES = (".py", ".pyi", ".pyw")
SHOWN = 20  # offenders named for one promise


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mlfix", type=Path, required=True, help="the binary to check")
    parser.add_argument("--work", type=Path, help="keep the copy and the cache in this folder")
    parser.add_argument("--long", action="store_true", help="also try other numbers of threads, and the patch")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one run of mlfix (default 900)")
    args = parser.parse_args()
    if not args.corpus.is_dir() or not args.mlfix.is_file():
        parser.error(f"not there: {args.mlfix if args.corpus.is_dir() else args.corpus}")
    # Broken code of the corpus is not news: "invalid escape sequence" and the like.
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(20_000)
    if args.work is None:
        with tempfile.TemporaryDirectory(prefix="mlfix-corpus-") as work:
            return check(args, Path(work))
    args.work.mkdir(parents=True, exist_ok=True)
    return check(args, args.work)


def check(args, work):
    broken = collections.defaultdict(list)  # promise -> what broke it
    tree, mlfix = work / "tree", args.mlfix.resolve()
    if tree.exists():
        shutil.rmtree(tree)
    before = read_tree(args.corpus)
    for path, data in before.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
    print(f"corpus        {len(before):,} files, {sum(map(len, before.values())) / 1e6:.1f} MB", flush=True)

    first = run(mlfix, tree, args.timeout)
    broken["no crash"] += crashes(first, "first run")
    after = read_tree(tree)
    second = run(mlfix, tree, args.timeout)
    broken["no crash"] += crashes(second, "second run")
    again = read_tree(tree)
    broken["a second run changes nothing"] += sorted(p for p in after.keys() | again if after.get(p) != again.get(p))
    here = {str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file()}
    broken["no file appears or disappears"] += sorted(here.symmetric_difference(before))

    report = parse_report(first.stdout)
    print_figures(report, before, after, first, second)

    changed = sorted(p for p in before.keys() & after if before[p] != after[p])
    said = {p for p, file in report.items() if applied(file)}
    broken["a changed file is reported as fixed"] += sorted(set(changed) - said)
    broken["a file reported as fixed is changed"] += sorted(said - set(changed))
    broken["at least one fix is applied"] += [] if said else ["a run that does nothing proves nothing"]

    cache = Verdicts(work / "verdicts.json")
    verdicts = collections.Counter()
    lines = collections.Counter()
    unplaced = []  # files with an applied fix that has no place in the original text
    for path in changed:
        old, new = before[path], after[path]
        was, now = cache.of(old), verdict(new)
        verdicts[was] += 1
        if ACCEPTED.index(now) < ACCEPTED.index(was):
            broken["what CPython accepts before it accepts after"].append(f"{path}: {was} -> {now}: {complaint(new)}")
        removed, added = changed_lines(old, new)
        lines.update({"removed": removed, "added": added})
        edits = applied_edits(report.get(path, {}))
        if edits is None:
            unplaced.append(path)
        elif not only_between(old, new, wide := whole_lines(old, edits)):
            broken["every changed line belongs to a reported fix"].append(path + unexplained(old, new, wide))
        elif not only_between(old, new, edits):
            broken["every changed byte belongs to a reported fix"].append(path + unexplained(old, new, edits))
        if difference := lost_or_made_up(old, new, report.get(path, {})):
            broken["comments and strings stay"].append(f"{path}: {difference}")
        if edits is not None and was != "rejected" and (difference := other_statement(old, new, edits)):
            broken["a statement that no edit touches stays the same"].append(f"{path}: {difference}")
    cache.save()

    print(f"lines         {lines['removed']:,} removed, {lines['added']:,} added")
    if unplaced:
        print(f"unplaced      {len(unplaced)} files, their lines are not checked: {', '.join(unplaced[:SHOWN])}")
    print(f"CPython       {', '.join(f'{n:,} {v}' for v, n in verdicts.most_common())} before (of the changed files)")
    if args.long:
        for threads in (1, 2, 16):
            restore(tree, before, changed)
            other = run(mlfix, tree, args.timeout, "--jobs", str(threads))
            differ = differences(tree, after)
            broken[f"{threads} threads write the same"] += differ
            same = other.stdout == first.stdout
            broken[f"{threads} threads say the same"] += [] if same else ["standard output is another one"]
            print(f"{threads:2} threads    {other.seconds:.2f} s, {len(differ)} files differ", flush=True)
        restore(tree, before, changed)
        differ = patched(mlfix, tree, work, after, args.timeout)
        broken["`--diff | git apply` makes the same"] += differ
        print(f"patch         {len(changed):,} files, {len(differ)} differences")
    return print_broken(broken)


def restore(tree, before, changed):
    for path in changed:
        (tree / path).write_bytes(before[path])


def differences(tree, wanted):
    found = read_tree(tree)
    return sorted(path for path in wanted.keys() | found if wanted.get(path) != found.get(path))


def patched(mlfix, tree, work, wanted, timeout):
    """Applies what `--diff` prints with git, which is not to look for a repository above; answers what differs."""
    command = [mlfix, "--diff", "--unsafe-fixes", "--isolated", "--no-cache", "."]
    patch = work / "all.patch"
    with patch.open("wb") as out:
        made = subprocess.run(command, cwd=tree, stdout=out, stderr=subprocess.PIPE, timeout=timeout)
    if made.returncode not in (0, 1):
        return [f"mlfix --diff ended with {made.returncode}: {made.stderr.decode(errors='replace')[-500:]}"]
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent)}
    # Other people's lines may end in white space.
    git = ["git", "apply", "--whitespace=nowarn", patch.resolve()]
    applied = subprocess.run(git, cwd=tree, env=env, capture_output=True, text=True)
    refused = [f"git apply: {applied.stderr[-500:]}"] if applied.returncode else []
    return refused + differences(tree, wanted)


def read_tree(root):
    """The Python files beneath a folder as {relative path: bytes}; a path is spelt with `/`."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in names:
            full = Path(folder, name)
            if name.endswith(SUFFIXES) and full.is_file() and not full.is_symlink():
                found[full.relative_to(root).as_posix()] = full.read_bytes()
    return found


# Running mlfix and reading what it says.


def run(mlfix, tree, timeout, *options):
    command = [mlfix, "--fix", "--unsafe-fixes", "--isolated", "--no-cache", "--output-format", "json", *options, "."]
    start = time.monotonic()
    try:
        done = subprocess.run(command, cwd=tree, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as stopped:
        done = subprocess.CompletedProcess(command, None, stopped.stdout or b"", stopped.stderr or b"")
    done.seconds = time.monotonic() - start
    return done


def crashes(done, which):
    if done.returncode is None:
        return [f"{which}: still running after {done.seconds:.0f} s"]
    stderr = done.stderr.decode("utf-8", "replace").splitlines()
    found = [f"{which}: {line}" for line in stderr if re.search(r"panick?ed|internal error", line)]
    if done.returncode not in (0, 1):
        found.append("\n        ".join([f"{which}: exit status {done.returncode}", *stderr[-5:]]))
    try:
        json.loads(done.stdout)
    except ValueError as error:
        found.append(f"{which}: stdout is not one JSON object: {error}")
    return found


def parse_report(stdout):
    """{path: the report's entry for the file}."""
    try:
        report = json.loads(stdout)
    except ValueError:
        return {}
    return {os.path.normpath(file["path"]).replace(os.sep, "/"): file for file in report.get("files", [])}


def applied(file):
    return [finding for finding in file.get("findings", []) if finding.get("status") == "applied"]


def print_figures(report, before, after, first, second):
    findings = [finding for file in report.values() for finding in file.get("findings", [])]
    fixes = [finding for finding in findings if finding.get("status") == "applied"]
    skipped = collections.Counter(file["skipped"] for file in report.values() if file.get("skipped"))
    changed = sum(1 for path, data in before.items() if after.get(path) != data)
    print(f"first run     {first.seconds:.2f} s, exit status {first.returncode}")
    print(f"second run    {second.seconds:.2f} s, exit status {second.returncode}")
    print(f"files         {changed:,} changed, {sum(skipped.values()):,} skipped")
    for reason, count in skipped.most_common(10):
        print(f"    {count:6,}  {reason}")
    print(f"findings      {len(findings):,}")
    for (transform, status), count in sorted(count_by(findings, "transform", "status").items()):
        print(f"    {count:6,}  {transform}  {status}")
    print(f"fixes         {len(fixes):,} applied")
    for (transform, tier), count in sorted(count_by(fixes, "transform", "tier").items()):
        print(f"    {count:6,}  {transform}  {tier}")


def count_by(findings, *keys):
    return collections.Counter(tuple(str(finding.get(key)) for key in keys) for finding in findings)


# What CPython says of a file.

ACCEPTED = ["rejected", "parsed", "compiled"]  # from worst to best


def verdict(data):
    try:
        tree = compile(data, "<file>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "rejected"
    try:
        compile(tree, "<file>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "parsed"
    return "compiled"


def complaint(data):
    try:
        compile(data, "<file>", "exec", dont_inherit=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


class Verdicts:
    """CPython's verdict of the original files, kept between runs under the digest of their content."""

    def __init__(self, path):
        self.path = path
        self.python = sys.version
        try:
            kept = json.loads(path.read_text())
        except (OSError, ValueError):
            kept = {}
        self.known = kept.get(self.python, {})

    def of(self, data):
        key = hashlib.sha256(data).hexdigest()
        if key not in self.known:
            self.known[key] = verdict(data)
        return self.known[key]

    def save(self):
        self.path.write_text(json.dumps({self.python: self.known}))


# Whether what changed is what was reported.


def applied_edits(file):
    """Byte ranges of the original that the applied fixes name: sorted, disjoint, half-open.

    None when a fix has no place in the original text, because it rewrites what a fix of an earlier round wrote.
    """
    fixes = [finding.get("edits") for finding in applied(file)]
    if None in fixes:
        return None
    return merge([(edit["start"], edit["end"]) for edits in fixes for edit in edits])


def whole_lines(data, ranges):
    """The ranges widened to the lines they touch; an insertion between two lines touches only the place itself."""
    starts = line_starts(data)
    wide = []
    for start, end in ranges:
        first = bisect.bisect_right(starts, start) - 1
        if start == end == starts[first]:
            wide.append((start, end))
        else:
            last = bisect.bisect_left(starts, max(end, start + 1))
            wide.append((starts[first], starts[min(last, len(starts) - 1)]))
    return merge(wide)


def line_starts(data):
    """The byte offset of each line, and that of the end."""
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def merge(ranges):
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def only_between(old, new, ranges):
    """Whether `new` is `old` with nothing but the bytes of the ranges replaced.

    What lies between the ranges must be in `new`, in order, the first piece at its start and the last at its end.
    Taking the leftmost place for each piece finds such an order if there is any. No diff is asked, whose choice among
    equal lines is arbitrary.
    """
    edges = [0, *(edge for pair in ranges for edge in pair), len(old)]
    pieces = [old[start:end] for start, end in zip(edges[::2], edges[1::2])]
    if len(pieces) == 1:
        return new == old
    head, *middle, tail = pieces
    if not new.startswith(head) or not new.endswith(tail):
        return False
    at, stop = len(head), len(new) - len(tail)
    for piece in middle:
        at = new.find(piece, at, stop)
        if at < 0:
            return False
        at += len(piece)
    return at <= stop


def opcodes(old, new):
    """Line opcodes without the equal ones; the equal ends are cut off first, which the matcher would be slow over."""
    a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    head = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    most = min(len(a), len(b)) - head
    tail = next((i for i, (x, y) in enumerate(zip(reversed(a), reversed(b))) if x != y or i == most), most)
    a, b = a[head : len(a) - tail], b[head : len(b) - tail]
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag != "equal":
            yield head + i1, a[i1:i2], b[j1:j2]


def changed_lines(old, new):
    hunks = list(opcodes(old, new))
    return sum(len(a) for _, a, _ in hunks), sum(len(b) for _, _, b in hunks)


def unexplained(old, new, ranges):
    """The first changed lines that no range touches (or else the first ones), for the eye."""
    starts = line_starts(old)
    hunks = list(opcodes(old, new))
    touched = [any(s <= starts[at + len(a)] and starts[at] <= e for s, e in ranges) for at, a, _ in hunks]
    at, a, b = hunks[touched.index(False) if False in touched else 0]
    shown = [b"-" + line for line in a[:3]] + [b"+" + line for line in b[:3]]
    return f":{at + 1}" + "".join("\n      " + line.decode("utf-8", "replace").rstrip() for line in shown)


CUDA = collections.Counter({text: sys.maxsize for text in ("'cuda'", '"cuda"')})


def lost_or_made_up(old, new, file):
    """How the comments and string tokens of two texts differ, as text; empty when they do not."""
    try:
        before, after = tokens(old), tokens(new)
        doubled = strings_said_twice(old, file)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return ""  # promise 2 speaks of these
    lost, made_up = before - after - (doubled & after), after - before
    # A quoted annotation may now admit None; the same holds of a `# type:` comment.
    lost = collections.Counter(without_none(text) for text in lost.elements())
    made_up = collections.Counter(without_none(text) for text in made_up.elements())
    lost, made_up = lost - made_up, made_up - lost
    # `torch.zeros(3).cuda()` becomes `torch.zeros(3, device="cuda")`.
    calls = max(0, old.count(b".cuda(") - new.count(b".cuda("))
    made_up -= collections.Counter(list((made_up & CUDA).elements())[:calls])
    return " ".join([f"-{text[:80]!r}" for text in lost] + [f"+{text[:80]!r}" for text in made_up])


def strings_said_twice(old, file):
    """The strings of defaults that became None: the function may have created them already, or be an abstract one."""
    said = collections.Counter()
    for finding in applied(file):
        for edit in finding.get("edits") or [] if finding.get("transform") == "mutable-default" else []:
            default = old[edit["start"] : edit["end"]]
            said += collections.Counter({text: n for text, n in tokens(b"(" + default + b")").items() if text[0] != "#"})
    return said


def tokens(data):
    # From 3.12 on an f-string is many tokens; all of them that hold text have "STRING" in their name.
    kinds = {number for number, name in tokenize.tok_name.items() if "STRING" in name} | {tokenize.COMMENT}
    found = (t.string for t in tokenize.tokenize(io.BytesIO(data).readline) if t.type in kinds)
    return collections.Counter(map(without_fields, found))


def without_fields(text):
    """An f-string without the code in it, which is code like any other; other tokens are left as they are."""
    if "f" not in text.partition("'" if "'" in text else '"')[0].lower():
        return text
    try:
        parts = ast.parse(text, mode="eval").body.values
    except (SyntaxError, ValueError, AttributeError):
        return text
    return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)


def without_none(text):
    """A quoted annotation with whatever admits None taken out; other text is left as it is."""
    if "Optional[" not in text and "None" not in text:
        # The brackets that `Optional[..]` brings go on the other side as well, so they go here, too.
        return text.replace("]", "")
    return re.sub(r"(\w+\.)*Optional\[|\]|\s*\|\s*None\b|\bNone\s*\|\s*", "", text)


def print_broken(broken):
    failed = {promise: found for promise, found in broken.items() if found}
    for promise, found in failed.items():
        print(f"BROKEN        {promise}: {len(found)}")
        for offender in found[:SHOWN]:
            print(f"    {offender}")
        if len(found) > SHOWN:
            print(f"    and {len(found) - SHOWN} more")
    print("all promises are kept" if not failed else f"{len(failed)} promises are broken")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
