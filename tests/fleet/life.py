#!/usr/bin/env python3
"""The whole life of a campaign over 40 real repositories, hostile ones among them, with every step checked.

    python3 tests/fleet/life.py --mlfix target/release/mlfix CORPUS [--count 40] [--kills 30] [--forge hub]

CORPUS is a folder of packages as `benches/corpus/fetch.py` leaves it; it is only read. The forge is git over HTTP beside an
emulator of GitHub behind a check of GitHub's own description (see `emulator.py`), or `hub.py`, which is ours, where npm
cannot be reached. What happens:

list and scan (see `scanning.py`) -> merge, show -> publish -> again: nothing moves -> killed at random moments, no pull
request twice -> bases move, changes vanish, people decline, take over -> scan, refresh -> declined stays declined -> close.

No process is ever given a token as an argument, no file and no output holds one, and a scan shows git the one that may read
and no other. Exit status: 0 all is as promised, 1 not, 3 the emulator cannot be had and `--forge emulator` was wanted.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import scanning
from emulator import Emulator, NotReachable, install
from hub import LOGIN, READ_TOKEN, TOKEN, Hub, Repo
from repositories import Repository, git, make
from scanning import BROKEN, Mlfix, Scan, path_of, promise, say
from world import PLAIN, Watch, search

ROOT = Path(__file__).resolve().parents[2]
OWNER = "acme"
BRANCH = "mlfix/spring"
AUTHOR = "mlfix <mlfix@users.noreply.invalid>"
Forge = Emulator | Hub


class Campaign:
    """The records of a scan, and what becomes of them."""

    def __init__(self, mlfix: Mlfix, scan: Scan, forge: Forge, records: dict[str, Any]) -> None:
        self.mlfix, self.scan, self.forge, self.records = mlfix, scan, forge, records
        self.run = mlfix.work / "run"
        self.changed = sorted(name for name, record in records.items() if record["status"] == "changes")

    def arguments(self, verb: str, *more: object, run: Path | None = None) -> list[object]:
        pace = ["--gap", "0", "--per-minute", "1000000", "--per-hour", "1000000"]
        access = ["--forge", "github", "--api-url", self.forge.api, "--allow-http", *pace]
        return ["fleet", verb, run or self.run, *access, *more]

    def go(self, verb: str, *more: object) -> dict[str, str]:
        """Runs a command and says what was done with each repository."""
        done = self.mlfix(*self.arguments(verb, "--campaign", "spring", *more), more={"MLFIX_TOKEN": TOKEN})
        return dict(reversed(line) for line in re.findall(rf"^([a-z]+(?: [a-z]+)?)  +\S+/{OWNER}/(\S+)", done.stdout.decode(), re.MULTILINE))

    def pulls(self, name: str, branch: str = BRANCH) -> list[dict[str, Any]]:
        head = f"{OWNER}:{branch}"
        return [pull for pull in self.forge.pulls(f"{OWNER}/{name}") if head in (pull["head"], pull["head"]["label"] if isinstance(pull["head"], dict) else "")]

    def head(self, name: str, branch: str = BRANCH) -> str | None:
        return self.forge.head(f"{OWNER}/{name}", branch)

    def rewrite(self, name: str, files: dict[bytes, bytes], branch: str = "main") -> None:
        """A person commits files of any name to a branch."""
        folder = self.forge.folder(f"{OWNER}/{name}")
        index = {"GIT_INDEX_FILE": str(self.mlfix.work / "index")}

        def ask(*arguments: str | bytes, text: bytes = b"") -> str:
            command = ["git", "-c", "safe.bareRepository=all", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--git-dir", str(folder), *arguments]
            person = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))}
            done = subprocess.run(command, input=text, capture_output=True, env=os.environ | PLAIN | person | index, check=True)
            return done.stdout.decode().strip()

        ask("read-tree", f"refs/heads/{branch}")
        lines = b"".join(b"100644 %s\t%s\0" % (ask("hash-object", "-w", "--stdin", text=content).encode(), path) for path, content in files.items())
        ask("update-index", "-z", "--index-info", text=lines)
        made = ask("commit-tree", ask("write-tree"), "-p", f"refs/heads/{branch}", "-m", "Work")
        ask("update-ref", f"refs/heads/{branch}", made)

    def last(self, name: str) -> dict[bytes, dict[str, Any]]:
        """The last edit of each file that a record changes."""
        return {path_of(edit): edit for step in self.records[name]["steps"] for edit in step["edits"]}

    def original(self, name: str, path: bytes) -> bytes:
        folder = self.forge.folder(f"{OWNER}/{name}")
        command = ["git", "-c", "safe.bareRepository=all", "--git-dir", str(folder), "cat-file", "blob", b"main:" + path]
        return subprocess.run(command, capture_output=True, check=True).stdout


def published(campaign: Campaign) -> None:
    """One pull request for each record with changes, and in it just what the record says."""
    forge = campaign.forge
    dry = campaign.go("publish", "--dry-run")
    promise(set(dry) == set(campaign.changed) and set(dry.values()) == {"would open"}, f"a dry run: {dry}")
    promise(not forge.writes(), f"a dry run changes something: {forge.writes()[:3]}")
    deeds = campaign.go("publish", "--labels", "mlfix,bot", "--reviewers", LOGIN)
    promise(deeds == dict.fromkeys(campaign.changed, "opened"), f"publish: {deeds}")
    for name in campaign.changed:
        [pull] = campaign.pulls(name)
        labels = {label if isinstance(label, str) else label["name"] for label in pull["labels"]}
        promise(labels == {"mlfix", "bot"} and len(pull["title"]) <= 255 and len(pull["body"]) <= 65535, f"{name}: {pull['title']}")
        repo, steps = f"{OWNER}/{name}", campaign.records[name]["steps"]
        log = forge.git(repo, "log", "--format=%an <%ae>|%cn <%ce>", f"main..{BRANCH}").splitlines()
        promise(log == [f"{AUTHOR}|{AUTHOR}"] * len(steps), f"{name}: {log}")
        tree = forge.git(repo, "ls-tree", "-r", "-z", BRANCH).split("\0")
        blobs = {os.fsencode(line.partition("\t")[2]): line.split()[2] for line in tree if line}
        wrong = [path for path, edit in campaign.last(name).items() if blobs.get(path) != edit["blob_after"]]
        promise(not wrong, f"{name}: {wrong} are not as recorded")
        count = forge.git(repo, "diff", "--name-only", f"main...{BRANCH}", "--no-renames").count("\n") + 1
        promise(count == len(campaign.last(name)), f"{name}: {count} files are changed, not {len(campaign.last(name))}")

    forge.forget()
    before = {name: campaign.head(name) for name in campaign.changed}
    deeds = campaign.go("publish", "--labels", "mlfix,bot")
    promise(deeds == dict.fromkeys(campaign.changed, "unchanged") and not forge.writes(), f"once more: {deeds} {forge.writes()[:3]}")
    promise(before == {name: campaign.head(name) for name in campaign.changed}, "once more, and no branch moves")
    say(f"published {len(campaign.changed)} pull requests; once more, and nothing moves")


def killed(campaign: Campaign, kills: int) -> None:
    """`kill -9` at random moments, two for each campaign, on a forge that accepts a second pull request for a branch."""
    mlfix, chance = campaign.mlfix, random.Random(11)
    names = campaign.changed[:6]
    folder = mlfix.work / "few"
    folder.mkdir()
    (folder / "few.txt").write_text("".join(f"{campaign.records[name]['url']}\n" for name in names))
    mlfix("fleet", "merge", campaign.run, "--expect", folder / "few.txt", "--allow-http", "--out", folder / "few.jsonl")
    if isinstance(campaign.forge, Hub):
        campaign.forge.refuse_duplicates = False
    whole = 0.0

    def run(branch: str, after: float | None) -> int:
        command = [mlfix.program, *campaign.arguments("publish", "--campaign", branch, "--labels", "mlfix", run=folder / "few.jsonl")]
        running = subprocess.Popen([str(part) for part in command], env=mlfix.environment | {"MLFIX_TOKEN": TOKEN}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if after is not None:
            time.sleep(after)
            running.send_signal(signal.SIGKILL)
        mlfix.said.append(running.communicate()[0])
        return running.returncode

    for number in range(kills // 2 + 1):
        branch, start = f"killed{number}", time.monotonic()
        for _ in range(2 if number else 0):  # the first of all shows how long one takes
            run(branch, chance.random() * whole)
        promise(run(branch, None) == 0, "started again, it ends well")
        whole = whole or time.monotonic() - start
        for name in names:
            found = campaign.pulls(name, f"mlfix/{branch}")
            promise(len(found) == 1 and found[0]["state"] == "open" and campaign.head(name, f"mlfix/{branch}") is not None, f"{name}: {len(found)} pull requests after kills")
    promise(not list((mlfix.work / "tmp").iterdir()), "clones of killed runs are gone")
    say(f"killed {kills // 2 * 2} times: no pull request twice")


def lived(campaign: Campaign) -> None:
    """Bases move, changes vanish, people decide; then the end."""
    forge = campaign.forge
    repos = dict(zip(("moved", "beside", "vanished", "declined", "taken", "odd"), [*(name for name in campaign.changed if name.startswith("real-")), *campaign.changed], strict=False))
    repos["odd"] = "bad-latin"
    promise(len(set(repos.values())) == 6, f"too few repositories: {repos}")
    moved, beside, vanished, declined, taken, odd = repos.values()
    for name in (moved, odd, declined, taken):
        path = min(campaign.last(name))
        campaign.rewrite(name, {path: campaign.original(name, path) + b"\n# moved\n"})
    campaign.rewrite(beside, {b"MOVED": b"yes\n"})
    campaign.rewrite(vanished, {path: base64.b64decode(edit["content"]) for path, edit in campaign.last(vanished).items()})
    forge.decline(f"{OWNER}/{declined}", campaign.pulls(declined)[0]["number"])
    campaign.rewrite(taken, {b"mine.py": b"print(1)\n"}, BRANCH)
    bases = {name: forge.head(f"{OWNER}/{name}", "main") for name in campaign.changed}
    kept = {name: campaign.head(name) for name in campaign.changed if name not in (moved, odd, vanished)}

    campaign.scan(campaign.run, "--refresh")
    forge.forget()
    deeds = campaign.go("refresh")
    expected = dict.fromkeys(campaign.changed, "unchanged") | {moved: "updated", odd: "updated", vanished: "superseded", declined: "declined", taken: "hands off"}
    promise(deeds == expected, f"refresh: { {name: deed for name, deed in deeds.items() if expected.get(name) != deed} }")
    for name in (moved, odd):
        promise(forge.git(f"{OWNER}/{name}", "merge-base", "main", BRANCH) == bases[name], f"{name} stands upon its new base")
    promise(campaign.head(vanished) is None and campaign.pulls(vanished)[0]["state"] == "closed", f"{vanished} is closed")
    promise(forge.comments(f"{OWNER}/{vanished}", campaign.pulls(vanished)[0]["number"]) == 1, f"{vanished} says why")
    promise(kept == {name: campaign.head(name) for name in kept}, "no other branch moves")
    forge.forget()
    again = campaign.go("refresh")
    promise(again == expected | {moved: "unchanged", odd: "unchanged"} and not forge.writes(), f"refresh again: {forge.writes()[:3]}")
    promise(campaign.go("publish")[declined] == "declined", "declined stays declined")
    status = campaign.go("status")
    promise(status[moved] == "open" and status[declined] == "declined", f"status: {status}")

    campaign.go("close")
    left = [name for name in campaign.changed for pull in campaign.pulls(name) if pull["state"] == "open"]
    promise(left == [taken], f"only what a person works on stays open: {left}")
    heads = [name for name in campaign.changed if campaign.head(name) is not None]
    promise(set(heads) <= {taken, declined}, f"branches stay: {heads}")
    forge.forget()
    deeds = campaign.go("refresh")
    promise(deeds[declined] == "declined" and deeds[beside] == "closed" and not forge.writes(), f"after the end: {deeds}")
    promise(all(len(campaign.pulls(name)) == 1 for name in campaign.changed), "no pull request twice")
    say("bases move, a change vanishes, people decide, and it ends: as promised")


def world(corpus: Path, work: Path, count: int) -> tuple[list[Repository], Path]:
    """The repositories, served as `OWNER/NAME.git`; one more that nobody may read."""
    repositories, proof = make(corpus, work / "repositories", count - 1)
    locked = Repository(work / "repositories/bad-locked", "failed", "auth")
    shutil.copytree(next(one.path for one in repositories if not one.status), locked.path, symlinks=True)
    repositories.append(locked)
    (work / "srv" / OWNER).mkdir(parents=True)
    for repository in repositories:
        (work / "srv" / OWNER / f"{repository.path.name}.git").symlink_to(repository.path / ".git")
    return repositories, proof


def live(arguments: argparse.Namespace, node: Path | None, work: Path) -> None:
    repositories, proof = world(arguments.corpus, work, arguments.count)
    say(f"{len(repositories)} repositories, {sum(not one.status for one in repositories)} of them from packages")
    names = [f"{OWNER}/{repository.path.name}" for repository in repositories]
    forge: Forge = Emulator(work / "srv", node, work, names) if node else Hub(work / "srv")
    if isinstance(forge, Hub):
        forge.repos = {name: Repo() for name in names}
    forge.locked.add(f"{OWNER}/bad-locked")
    forge.hidden |= set(names[::2])
    try:
        (work / "tmp").mkdir()
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        # The token that may write is there, too, and must not be looked at.
        scans = kept | PLAIN | {"TMPDIR": str(work / "tmp"), "MLFIX_READ_TOKEN": READ_TOKEN, "GITHUB_TOKEN": TOKEN, "MLFIX_TOKEN": TOKEN}
        mlfix = Mlfix(arguments.mlfix.resolve(), work, scans)
        where = ["--host", forge.url.removeprefix("http://"), "--forge", "github", "--api-url", forge.api, "--allow-http"]
        scan = Scan(mlfix, ["--org", OWNER, *where, "--unsafe-fixes"])
        records = scanning.check(scan, repositories, proof, arguments.kills)
        promise(forge.shown == {READ_TOKEN}, "a scan shows git the token that may read, and no other")
        forge.forget()
        mlfix.environment = {name: value for name, value in scans.items() if name not in ("GITHUB_TOKEN", "MLFIX_TOKEN")}
        campaign = Campaign(mlfix, scan, forge, records)
        published(campaign)
        killed(campaign, arguments.kills)
        lived(campaign)
        promise(not proof.exists(), "nothing of a repository is run")
    finally:
        said = forge.close()
    say(said or "NOT CHECKED: GitHub's own description")
    basic = (base64.b64encode(f"x-access-token:{token}".encode()).decode() for token in (TOKEN, READ_TOKEN))
    words = (TOKEN, READ_TOKEN, *basic)
    promise(not any(word.encode() in said for said in mlfix.said for word in words), "a token is in what mlfix says")
    for place in ("repositories", "checkouts"):  # the server's, and ours
        shutil.rmtree(work / place)
    found = search(work, *words)
    promise(not found, f"a token is in {found}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mlfix", type=Path, default=Path("target/release/mlfix"), help="the binary to check")
    parser.add_argument("--count", type=int, default=40, help="how many repositories (default 40)")
    parser.add_argument("--kills", type=int, default=30, help="how often runs are killed, scans and publishing each (default 30)")
    parser.add_argument("--forge", choices=["emulator", "hub"], help="only this one (default: the emulator, or ours where it cannot be had)")
    parser.add_argument("--node", type=Path, default=ROOT / "target/fleet-node", help="where Node and its programs are, or will be")
    arguments = parser.parse_args()
    if not arguments.corpus.is_dir() or not arguments.mlfix.is_file():
        parser.error(f"not there: {arguments.mlfix if arguments.corpus.is_dir() else arguments.corpus}")
    node = None
    if arguments.forge != "hub":
        arguments.node.mkdir(parents=True, exist_ok=True)
        try:
            node = install(arguments.node.resolve())
        except NotReachable as error:
            print(error, file=sys.stderr)
            if arguments.forge:
                return 3
    start, work = time.monotonic(), Path(tempfile.mkdtemp(prefix="mlfix-life-"))
    watches = [Watch(TOKEN), Watch(READ_TOKEN)]
    try:
        live(arguments, node, work.resolve())
    except BaseException:
        print(f"failed; its files are in {work}", file=sys.stderr)
        raise
    for watch in watches:
        watch.stop()
    shutil.rmtree(work)
    print(f"all is as promised, in {time.monotonic() - start:.0f} s" if not BROKEN else f"{len(BROKEN)} promises are broken")
    return 1 if BROKEN else 0


if __name__ == "__main__":
    sys.exit(main())
