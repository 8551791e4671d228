#!/usr/bin/env python3
"""Run mlfix and its neighbours side by side over a corpus and print what each takes, as Markdown.

    python3 benches/corpus/fetch.py target/corpus
    cargo build --release
    python3 benches/commands.py target/corpus --mlfix target/release/mlfix --tools VENV/bin

`--tools` is where `pip install ruff==0.17.6 ast-grep-cli codemodder ripgrep` put its programs; without it they are
looked for on PATH, and what is missing is said and left out. All commands of a table are run in turn, `--rounds` times;
a ratio is the median of the quotients within a round, so that a busy machine changes it little. The corpus is only
read: what writes works on a copy.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from measure import Command, find_tool, instructions, machine, median, ratio, say, side_by_side, table, version

# What ruff's three rules find, and what no rule of ruff does.
FOUR = "mutable-default,mutate-while-iterating,open-without-with,sync-in-loop,elementwise-item,create-on-device"
RULES = ["--isolated", "--preview", "--select", "B006,B909,SIM115"]
ONE_PATTERN = "{id: one, language: python, rule: {pattern: '$F = open($$$A)'}}"
PATTERNS = [
    ONE_PATTERN,
    "{id: two, language: python, rule: {any: [{kind: default_parameter}, {kind: typed_default_parameter}],"
    " has: {field: value, any: [{kind: list}, {kind: dictionary}, {kind: set}]}}}",
    "{id: three, language: python, rule: {kind: for_statement, has: {field: right, pattern: $X},"
    " any: [{has: {pattern: 'del $X[$$$I]', stopBy: end}}, {has: {pattern: $X.remove($$$A), stopBy: end}}]}}",
    "{id: four, language: python, rule: {pattern: $T.item(), inside: {kind: for_statement, stopBy: end}}}",
]
CODEMODS = "pixee:python/fix-mutable-params,pixee:python/fix-file-resource-leak"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mlfix", type=Path, required=True, help="the binary to measure")
    parser.add_argument("--tools", type=Path, help="the folder with ruff, ast-grep, codemodder and rg")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each command (default 7)")
    parser.add_argument("--part", default="gpytorch-1.15.2", help="the package that codemodder, being slow, is run on")
    args = parser.parse_args()
    mlfix, corpus = str(args.mlfix.resolve()), args.corpus.resolve()
    if not Path(mlfix).is_file() or not corpus.is_dir():
        parser.error(f"not there: {mlfix if corpus.is_dir() else corpus}")
    tools = {name: find_tool(name, args.tools) for name in ["ruff", "ast-grep", "codemodder", "rg"]}
    with tempfile.TemporaryDirectory(prefix="mlfix-bench-") as scratch:
        Bench(mlfix, tools, corpus, Path(scratch), args.rounds, args.part).all()
    return 0


class Bench:
    def __init__(self, mlfix, tools, corpus, scratch, rounds, part):
        self.mlfix, self.tools, self.corpus, self.scratch = mlfix, tools, corpus, scratch
        self.rounds, self.part = rounds, part

    def all(self) -> None:
        files = [path for path in self.corpus.rglob("*.py") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        say(f"{machine()}. {len(files):,} files, {size:.1f} MB; {self.rounds} rounds.")
        names = {"mlfix": self.mlfix, **self.tools}
        say("Versions: " + "; ".join(f"{name}: {version([path]) if path else 'missing'}" for name, path in names.items()))
        self.cold()
        self.warm()
        self.fixes()
        self.small_file()
        self.codemodder()

    def command(self, name: str, tool: str, *words: str, folder: Path | None = None, before=None) -> list[Command]:
        """One command, or none where the program is missing."""
        program = self.mlfix if tool == "mlfix" else self.tools[tool]
        if program is None:
            return []
        return [Command(name, [program, *words], folder or self.corpus, before)]

    def rg(self) -> list[Command]:
        return self.command("`rg -c`", "rg", "--no-ignore", "--hidden", "-c", "-tpy", "open\\(", ".")

    def show(self, title: str, commands: list[Command], reference: str, rounds: int | None = None) -> None:
        say(f"\n## {title}\n")
        if not commands:
            say("The programs are missing.")
            return
        samples = side_by_side(commands, rounds or self.rounds)
        named = [index for index, command in enumerate(commands) if command.name == reference]
        base = samples[named[0]] if named else None
        rows = []
        for command, own in zip(commands, samples):
            counted = instructions(command)
            row = [command.name, f"{median(own, 'cpu'):.3f}", f"{median(own, 'wall'):.3f}", f"{median(own, 'peak'):.0f}"]
            row.append(f"{counted:,.0f}" if counted else "")
            row += [f"{ratio(own, base, what):.2f}" if base else "" for what in ["cpu", "wall", "peak"]]
            bad = [sample.status for sample in own if sample.status not in (0, 1)]
            rows.append([row[0] + (f" (exit status {bad[0]})" if bad else ""), *row[1:]])
        head = ["", "CPU s", "wall s", "peak MB", "10^6 instructions", "CPU ratio", "wall ratio", "peak ratio"]
        say(table(head, rows))
        say(f"Ratios are to {reference}." if base else f"{reference} is missing, so there are no ratios.")

    def cold(self) -> None:
        ruff = self.command("ruff, 3 rules", "ruff", "check", "--no-cache", *RULES, ".")
        self.show(
            "Cold: no cache",
            self.rg()
            + self.command("mlfix, comparable transforms", "mlfix", "--isolated", "--no-cache", "--select", FOUR, ".")
            + self.command("mlfix, all transforms", "mlfix", "--isolated", "--no-cache", ".")
            + ruff,
            "ruff, 3 rules",
        )
        rules = "\n---\n".join(PATTERNS)
        commands = (
            self.command("mlfix, comparable transforms", "mlfix", "--isolated", "--no-cache", "--select", FOUR, ".")
            + self.command("ast-grep, 1 pattern", "ast-grep", "scan", "--no-ignore", "hidden", "--inline-rules", ONE_PATTERN, ".")
            + self.command("ast-grep, 4 patterns", "ast-grep", "scan", "--no-ignore", "hidden", "--inline-rules", rules, ".")
        )
        self.show("Against ast-grep", commands, "ast-grep, 1 pattern", min(self.rounds, 3))

    def warm(self) -> None:
        ours, theirs = self.scratch / "mlfix-cache", self.scratch / "ruff-cache"
        commands = (
            self.rg()
            + self.command("mlfix, all transforms", "mlfix", "--isolated", "--cache-dir", str(ours), ".")
            + self.command("ruff, 3 rules", "ruff", "check", "--cache-dir", str(theirs), *RULES, ".")
        )
        side_by_side(commands, 1)
        self.show("Warm: nothing changed since the last run", commands, "ruff, 3 rules")

    def fixes(self) -> None:
        commands = self.command("mlfix --diff", "mlfix", "--isolated", "--no-cache", "--diff", "--select", FOUR, ".")
        commands += self.command("mlfix --diff, warm", "mlfix", "--isolated", "--diff", "--select", FOUR, "--cache-dir", str(self.scratch / "diff-cache"), ".")
        commands += self.command("ruff --diff", "ruff", "check", "--no-cache", *RULES, "--diff", ".")
        self.show("The patch", commands, "ruff --diff")
        tree = self.scratch / "tree"

        def restore() -> None:
            if tree.exists():
                shutil.rmtree(tree)
            shutil.copytree(self.corpus, tree, symlinks=True)

        restore()
        words = ["--unsafe-fixes", "."]
        commands = self.command("mlfix --fix", "mlfix", "--isolated", "--no-cache", "--select", FOUR, "--fix", *words, folder=tree, before=restore)
        commands += self.command("ruff --fix", "ruff", "check", "--no-cache", *RULES, "--fix", *words, folder=tree, before=restore)
        self.show("Written, unsafe fixes too", commands, "ruff --fix", min(self.rounds, 3))

    def small_file(self) -> None:
        """The file of median size, as a pre-commit hook would name it."""
        files = sorted((path.stat().st_size, path) for path in self.corpus.rglob("*.py") if path.stat().st_size > 0)
        path = files[len(files) // 2][1]
        fragile = self.scratch / "small.py"
        fragile.write_bytes(path.read_bytes() + b"\n\ndef add(x, acc=[]):\n    acc.append(x)\n    return acc\n")
        one = str(fragile)
        cache = ["--cache-dir", str(self.scratch / "small-cache")]
        commands = (
            self.command("mlfix, no cache", "mlfix", "--isolated", "--no-cache", one)
            + self.command("mlfix, warm", "mlfix", "--isolated", *cache, one)
            + self.command("ruff", "ruff", "check", "--no-cache", *RULES, one)
        )
        side_by_side(commands, 1)
        self.show(f"One file of {fragile.stat().st_size:,} bytes with one finding", commands, "ruff", 10 * self.rounds)

    def codemodder(self) -> None:
        part = self.corpus / self.part
        if not part.is_dir():
            say(f"\ncodemodder: there is no {self.part} in the corpus.")
            return
        select = ["--select", "mutable-default,open-without-with"]
        commands = self.command("mlfix --diff, 2 transforms", "mlfix", "--isolated", "--no-cache", "--diff", *select, ".", folder=part)
        commands += self.command("codemodder --dry-run, 2 codemods", "codemodder", ".", "--dry-run", "--codemod-include", CODEMODS, folder=part)
        self.show(f"Against codemodder, {self.part} alone", commands, "codemodder --dry-run, 2 codemods", 1)


if __name__ == "__main__":
    sys.exit(main())
