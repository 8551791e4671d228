#!/usr/bin/env python3
"""Say what mlfix does with every place that a rule of ruff reports.

    python3 benches/corpus/account.py --mlfix target/release/mlfix --peer SIM115 CORPUS [CORPUS ..] [--show WORD]

Runs `ruff check --preview --select PEER` and mlfix over the same folders, which are only read, and puts each place of
the one beside what the other says about it: a fix and its tier, a report, a reason why it was left alone, a file that
it does not read - or nothing, which is what this script is for. `--show WORD` lists the places whose group or reason
has the word in it. `--places DIR` keeps ruff's report there and takes it from there the next time.

Exit status: 0 every place is accounted for, 1 some are not, 2 usage.
"""

import argparse
import collections
import json
import re
import subprocess
import sys
from pathlib import Path

# The transform that speaks of what a rule reports.
TRANSFORMS = {"SIM115": "open-without-with", "B006": "mutable-default", "B909": "mutate-while-iterating"}
# Reasons that say that closing is up to somebody else: no linter expects a `with` there.
ELSEWHERE = re.compile(r"closing it is up to")
# Reasons that say that the fix of another place is the fix of this one.
TOGETHER = re.compile(r"closes it, too$|closes what either branch opens$|holds for it$")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--mlfix", type=Path, required=True, help="the binary to ask")
    parser.add_argument("--peer", choices=TRANSFORMS, required=True, help="the rule of ruff")
    parser.add_argument("--ruff", default="ruff", help="how ruff is called (default: ruff)")
    parser.add_argument("--places", type=Path, help="keep ruff's reports in this folder")
    parser.add_argument("--show", help="list the places whose group or reason has this word")
    args = parser.parse_args()
    groups: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[tuple[str, str]] = collections.Counter()
    elsewhere = 0
    for corpus in args.corpus:
        said, skipped = answers(args, corpus)
        for path, line, column in places(args, corpus):
            group, reason = said.get(path, {}).get((line, column)) or unread(path, skipped)
            if group == "left" and TOGETHER.search(reason):
                group = "with another"
            groups[group] += 1
            reasons[group, generic(reason)] += 1
            elsewhere += group == "left" and bool(ELSEWHERE.search(reason))
            if args.show and args.show in f"{group} {reason}":
                print(f"{corpus / path}:{line}:{column}: {group}: {reason}")
    for (group, reason), count in sorted(reasons.items(), key=lambda row: (row[0][0], -row[1])):
        print(f"{count:6} {group:12} {reason}")
    total = groups.total()
    fixed = groups["safe"] + groups["unsafe"] + groups["with another"]
    print(f"\n{total} places: " + ", ".join(f"{count} {group}" for group, count in groups.most_common()))
    if rest := total - elsewhere:
        print(f"{rest} of them are closed by nobody else: {groups['safe'] / rest:.1%} safe, {fixed / rest:.1%} fixed")
    return 1 if groups["silent"] else 0


def places(args: argparse.Namespace, corpus: Path) -> list[tuple[str, int, int]]:
    """Path below the corpus, line and column of everything that ruff reports."""
    kept = args.places / f"{args.peer}-{corpus.name}.json" if args.places else None
    if kept and kept.is_file():
        text = kept.read_text()
    else:
        command = [args.ruff, "check", "--isolated", "--preview", "--no-cache", "--ignore-noqa", "--exit-zero"]
        command += ["--select", args.peer, "--output-format", "json", "."]
        text = subprocess.run(command, cwd=corpus, check=True, capture_output=True, text=True).stdout
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(text)
    found = [entry for entry in json.loads(text) if entry["code"] == args.peer]
    base = corpus.resolve()
    def place(entry: dict) -> tuple[str, int, int]:
        path = Path(entry["filename"]).relative_to(base)
        return str(path), entry["location"]["row"], entry["location"]["column"]

    return sorted(map(place, found))


Said = dict[str, dict[tuple[int, int], tuple[str, str]]]


def answers(args: argparse.Namespace, corpus: Path) -> tuple[Said, dict[str, str]]:
    """What mlfix says: by path, then by line and column, the group and the reason; and what it did not read, and why."""
    command = [args.mlfix.resolve(), "--isolated", "--exit-zero", "-v", "--select", TRANSFORMS[args.peer]]
    run = subprocess.run([*command, "--output-format", "json", "."], cwd=corpus, capture_output=True, text=True)
    skipped = dict(re.findall(r"(?m)^skipped (.+?): (.+)$", run.stderr))
    said: Said = {}
    for file in json.loads(run.stdout)["files"]:
        here = said.setdefault(file["path"], {})
        for left in file.get("left", []):
            here[left["line"], left["column"]] = "left", left["because"]
        for finding in file.get("findings", []):
            group = {"fixable": "safe", "needs-unsafe": "unsafe"}.get(finding["status"], finding["status"])
            here[finding["line"], finding["column"]] = group, finding["because"] or ""
        if file.get("skipped"):
            skipped[file["path"]] = file["skipped"]
    return said, skipped


def unread(path: str, skipped: dict[str, str]) -> tuple[str, str]:
    """What holds of a place that nothing was said about."""
    folders = [path, *map(str, Path(path).parents)]
    because = next((skipped[folder] for folder in folders if folder in skipped), None)
    return ("not read", because) if because else ("silent", "nothing is said about it")


def generic(reason: str) -> str:
    """A reason without the names and numbers of one place."""
    return re.sub(r"\b\d+\b", "N", re.sub(r"`[^`]*`", "`..`", reason))


if __name__ == "__main__":
    sys.exit(main())
