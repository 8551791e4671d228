"""The whole life of a campaign, against a forge on loopback, with every step checked.

    python3 tests/fleet/walk.py --mlfix target/debug/mlfix [--kills 30] [--many 500] [--emulate FOLDER]

scan, publish, publish again, the base moves, the change vanishes, people decline, merge or take over, close; then faults of
the forge, runs that are killed at any moment, forks, and how well the time is foretold. Without `--emulate`, the forge is
`hub.py`. Needs git and Python 3.11.
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

from hub import READ_TOKEN, TOKEN, Hub, Repo
from world import CLEAN, OPENED, PLAIN, SHARED, Watch, commit, git, make, search

FIXED = "def collect(x, acc=None):\n    if acc is None:\n        acc = []\n"
AUTHOR = "mlfix <mlfix@users.noreply.invalid>"


class Walk:
    """One forge and one folder."""

    def __init__(self, mlfix: Path, folder: Path, hub: Hub) -> None:
        self.mlfix, self.folder, self.hub = mlfix, folder, hub
        self.run = folder / "run"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.list = folder / "repos.txt"
        self.said: list[str] = []

    def command(self, *arguments: str) -> list[str]:
        return [str(self.mlfix), *arguments]

    def environment(self, token: bool) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | PLAIN | {"TMPDIR": str(self.temporary)} | ({"MLFIX_TOKEN": TOKEN} if token else {})

    def go(self, *arguments: str, code: int = 0, token: bool = True, more: dict[str, str] | None = None) -> str:
        """Runs mlfix and returns what it says, on both streams."""
        command, environment = self.command(*arguments), self.environment(token) | (more or {})
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=self.folder, check=False)
        said = done.stdout + done.stderr
        self.said.append(said)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}, not {code}:\n{said}"
        return said

    def make(self, names: dict[str, dict[str, str]], **facts: object) -> None:
        for name, files in names.items():
            make(self.hub.folder(name), files)
            self.hub.repos[name] = Repo(**facts)  # type: ignore[arg-type]
        self.list.write_text("".join(f"{self.hub.url}/{name}\n" for name in sorted(self.hub.repos)))

    def scan(self, *more: str) -> str:
        return self.go("fleet", "scan", "--repos", str(self.list), "--allow-http", "--out", str(self.run), *more, token=False)

    def fleet(self, verb: str, *more: str, code: int = 0) -> str:
        access = ["--allow-http", "--campaign", "spring"]
        access += [] if "--api-url" in more else ["--api-url", self.hub.api]
        limits = [] if "--per-hour" in more else ["--gap", "0", "--per-minute", "1000000", "--per-hour", "1000000"]
        return self.go("fleet", *verb.split(), str(self.run), *access, *limits, *more, code=code)

    def deeds(self, said: str) -> dict[str, str]:
        """What was done with each repository."""
        lines = re.findall(r"^([a-z]+(?: [a-z]+)?)  +\S+?/(\w+/[\w.-]+)", said, re.MULTILINE)
        return {name: deed for deed, name in lines}


def life(walk: Walk) -> None:
    """From the first scan to the end of the campaign."""
    hub = walk.hub
    both = {"train.py": SHARED, "data/read.py": OPENED}
    walk.make({f"acme/r{number}": dict(both) for number in range(9)})
    walk.make({"acme/clean": {"a.py": CLEAN}})
    walk.make({"acme/optout": both | {"pyproject.toml": "[tool.mlfix]\npull-requests = false\n"}})
    walk.make({"acme/archived": both}, archived=True)
    walk.make({"acme/topic": both}, topics=["no-mlfix"])
    walk.make({"acme/readonly": both}, push=False)
    walk.make({"acme/taken": both})
    commit(hub.folder("acme/taken"), "mlfix/spring", {"x.py": "print(2)\n"})
    hub_public(hub)
    walk.scan()

    dry = walk.fleet("publish", "--dry-run", "--repo", "acme/r0")
    assert "would open" in dry and "Branch: mlfix/spring (into main)" in dry and "Title: Fix mutable-default and" in dry, dry
    assert not hub.writes() and hub.head("acme/r0", "mlfix/spring") is None

    said = walk.fleet("publish", "--limit", "2")
    assert list(walk.deeds(said).values()).count("opened") == 2, said
    said = walk.fleet("publish", "--labels", "mlfix", "--reviewers", "ada,nobody")
    deeds = walk.deeds(said)
    assert sum(deed == "opened" for deed in deeds.values()) == 7, said
    assert deeds["acme/archived"] == deeds["acme/topic"] == deeds["acme/readonly"] == "skipped", said
    assert deeds["acme/taken"] == "conflict" and "acme/clean" not in deeds and "acme/optout" not in deeds, said
    for number in range(9):
        name = f"acme/r{number}"
        [pull] = hub.pulls(name)
        assert pull["head"] == "acme:mlfix/spring" and pull["base"] == "main" and pull["labels"] == ["mlfix"], pull
        log = hub.git(name, "log", "--format=%an <%ae>|%cn <%ce>|%s", "main..mlfix/spring").splitlines()
        assert log == [
            f"{AUTHOR}|{AUTHOR}|Fix open-without-with in 1 file",
            f"{AUTHOR}|{AUTHOR}|Fix mutable-default in 1 file",
        ], log
        assert hub.git(name, "show", "mlfix/spring:train.py").startswith(FIXED.strip())
        assert "with open(path) as f:" in hub.git(name, "show", "mlfix/spring:data/read.py")

    # Once more: nothing is written, and nothing moves.
    before = {name: hub.head(name, "mlfix/spring") for name in hub.repos}
    hub.requests.clear()
    deeds = walk.deeds(walk.fleet("publish", "--labels", "mlfix"))
    assert sum(deed == "unchanged" for deed in deeds.values()) == 9 and not hub.writes(), hub.writes()
    assert before == {name: hub.head(name, "mlfix/spring") for name in hub.repos}

    # What people do meanwhile.
    commit(hub.folder("acme/r1"), "main", {"train.py": "# About collecting.\n" + SHARED})
    commit(hub.folder("acme/r2"), "main", {"README.md": "Hello\n"})
    commit(hub.folder("acme/r3"), "main", {"train.py": CLEAN, "data/read.py": CLEAN})
    hub.pulls("acme/r4")[0]["state"] = "closed"
    commit(hub.folder("acme/r5"), "mlfix/spring", {"train.py": "print('mine')\n"})
    commit(hub.folder("acme/r5"), "main", {"train.py": "# New.\n" + SHARED})
    hub.git("acme/r6", "update-ref", "refs/heads/main", "mlfix/spring")
    hub.pulls("acme/r6")[0] |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
    hub.pulls("acme/r7")[0]["labels"].append("mlfix:ignore")
    commit(hub.folder("acme/r7"), "main", {"train.py": "# New.\n" + SHARED})
    hub.pulls("acme/r8")[0]["title"] = "Our own title"
    commit(hub.folder("acme/r8"), "main", {"data/read.py": CLEAN})

    # Records of before: what has changed is left, what was decided is respected.
    deeds = walk.deeds(walk.fleet("publish"))
    assert (deeds["acme/r4"], deeds["acme/r6"], deeds["acme/r5"]) == ("declined", "merged", "hands off"), deeds

    walk.scan("--refresh")
    kept = {name: hub.head(name, "mlfix/spring") for name in ("acme/r2", "acme/r4", "acme/r5", "acme/r7")}
    deeds = walk.deeds(walk.fleet("refresh"))
    expected = {
        "r0": "unchanged", "r1": "updated", "r2": "unchanged", "r3": "superseded", "r4": "declined",
        "r5": "hands off", "r6": "merged", "r7": "hands off", "r8": "updated",
    }  # fmt: skip
    assert {name: deeds[f"acme/{name}"] for name in expected} == expected, deeds
    assert kept == {name: hub.head(name, "mlfix/spring") for name in kept}
    assert hub.git("acme/r1", "show", "mlfix/spring:train.py").startswith("# About collecting.\n" + FIXED.strip())
    assert hub.git("acme/r1", "merge-base", "main", "mlfix/spring") == hub.head("acme/r1", "main")
    [pull] = hub.pulls("acme/r3")
    assert pull["state"] == "closed" and hub.head("acme/r3", "mlfix/spring") is None
    assert len(hub.repos["acme/r3"].comments[1]) == 1
    [pull] = hub.pulls("acme/r8")
    assert pull["title"] == "Our own title" and len(hub.pulls("acme/r1")) == 1
    hub.requests.clear()
    again = walk.deeds(walk.fleet("refresh"))
    assert again["acme/r1"] == again["acme/r8"] == "unchanged" and not hub.writes(), (again, hub.writes())

    # Declined stays declined, until somebody asks for it; what mlfix closed was not declined.
    commit(hub.folder("acme/r4"), "main", {"train.py": "# Newer.\n" + SHARED})
    commit(hub.folder("acme/r3"), "main", {"train.py": SHARED})
    walk.scan("--refresh")
    deeds = walk.deeds(walk.fleet("publish"))
    assert deeds["acme/r4"] == "declined" and deeds["acme/r3"] == "opened", deeds
    deeds = walk.deeds(walk.fleet("publish", "--repo", "acme/r4", "--reopen-declined"))
    assert deeds == {"acme/r4": "opened"} and len(hub.pulls("acme/r4")) == 2, deeds

    said = walk.fleet("status")
    deeds = walk.deeds(said)
    assert deeds["acme/r1"] == "open" and deeds["acme/r6"] == "merged", said
    walk.fleet("close")
    left = [name for name, repo in hub.repos.items() for pull in repo.pulls if pull["state"] == "open"]
    assert left == ["acme/r5"], f"only what a person works on stays open: {left}"
    assert hub.head("acme/r1", "mlfix/spring") is None and hub.head("acme/r5", "mlfix/spring")
    # A campaign that was ended begins again only when somebody publishes it.
    assert walk.deeds(walk.fleet("refresh"))["acme/r1"] == "closed"


def hub_public(hub: Hub) -> None:
    """A public repository of somebody else, which nobody may touch without asking."""
    hub.repos["acme/readonly"].private = False


def faults(walk: Walk) -> None:
    """Answers that get lost, limits, and a server that is away; each in a repository of its own."""
    hub = walk.hub
    whats = ("lost", "cut", "limit", "429", "unavailable", "slow")
    wheres = (("POST", "{}/pulls"), ("GET", "{}/pulls"), ("POST", "{}/issues/1/labels"))
    cases = {f"acme/f{number}": case for number, case in enumerate((what, *where) for what in whats for where in wheres)}
    walk.make({name: {"train.py": SHARED} for name in cases})
    walk.scan()
    for refuses in (True, False):
        hub.refuse_duplicates = refuses
        for name in cases:
            hub.repos[name].pulls.clear()
            hub.git(name, "update-ref", "-d", "refs/heads/mlfix/spring")
        (walk.run / "published-spring.jsonl").unlink(missing_ok=True)
        if not refuses:
            # Where a second one would be accepted, only looking first helps.
            cases = {name: case for name, case in cases.items() if case[1:] == ("POST", "{}/pulls")}
        hub.faults = [(method, part.format(name), what) for name, (what, method, part) in cases.items()]
        said = walk.deeds(walk.fleet("publish", "--labels", "mlfix"))
        assert not hub.faults, f"these did not happen: {hub.faults}"
        again = walk.deeds(walk.fleet("publish", "--labels", "mlfix"))
        for name, case in cases.items():
            assert said[name] == "opened" and again[name] == "unchanged", (case, said[name], again[name])
            [pull] = hub.pulls(name)
            assert pull["labels"] == ["mlfix"], (case, pull)
    hub.refuse_duplicates = True
    hub.pulls("acme/f2").clear()
    said = walk.fleet("publish", "--repo", "acme/f2", "--forge", "github", "--api-url", hub.api + "/gone", code=2)
    assert walk.deeds(said)["acme/f2"] == "failed" and "404" in said, said


def kills(walk: Walk, times: int) -> None:
    """`kill -9` at any moment; then it is started again."""
    hub = walk.hub
    names = [f"acme/k{number}" for number in range(5)]
    walk.make({name: {"train.py": SHARED, "data/read.py": OPENED} for name in names})
    walk.scan()
    hub.refuse_duplicates = False
    command = walk.command(
        "fleet", "publish", str(walk.run), "--api-url", hub.api, "--allow-http", "--campaign", "killed",
        "--gap", "0", "--per-minute", "1000000", "--per-hour", "1000000", "--labels", "mlfix",
    )  # fmt: skip
    start = time.monotonic()
    subprocess.run(command, env=walk.environment(True), capture_output=True, check=False)
    whole = time.monotonic() - start
    chance = random.Random(7)
    for _ in range(times):
        for name in names:
            hub.repos[name].pulls.clear()
            hub.git(name, "update-ref", "-d", "refs/heads/mlfix/killed")
        (walk.run / "published-killed.jsonl").unlink(missing_ok=True)
        heads = set()
        for attempt in range(3):
            running = subprocess.Popen(command, env=walk.environment(True), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if attempt < 2:
                time.sleep(chance.random() * whole)
                running.send_signal(signal.SIGKILL)
            running.communicate()
        assert running.returncode == 0
        for name in names:
            [pull] = hub.pulls(name)
            assert pull["state"] == "open" and pull["labels"] == ["mlfix"], pull
            heads.add(hub.head(name, "mlfix/killed"))
        assert None not in heads
    hub.refuse_duplicates = True
    left = list(walk.temporary.iterdir())
    assert not left, f"clones of killed runs stay: {left}"


def forks(walk: Walk) -> None:
    """Where the token may not push, through a fork that is brought up to date first."""
    hub = walk.hub
    walk.make({"elsewhere/x": {"train.py": SHARED}}, push=False, private=False)
    walk.scan()
    assert walk.deeds(walk.fleet("publish", "--repo", "elsewhere/x", "--fork"))["elsewhere/x"] == "skipped"
    assert "mlbot/x" not in hub.repos
    deeds = walk.deeds(walk.fleet("publish", "--repo", "elsewhere/x", "--fork", "--allow-foreign"))
    assert deeds["elsewhere/x"] == "opened" and hub.pulls("elsewhere/x")[0]["head"] == "mlbot:mlfix/spring", deeds
    commit(hub.folder("elsewhere/x"), "main", {"train.py": "# New.\n" + SHARED})
    walk.scan("--refresh")
    deeds = walk.deeds(walk.fleet("refresh", "--repo", "elsewhere/x", "--fork"))
    assert deeds["elsewhere/x"] == "updated" and hub.head("mlbot/x", "mlfix/spring"), deeds

    # Afterwards: forks go when nothing in them is anybody's.
    walk.make({f"elsewhere/y{number}": {"train.py": SHARED} for number in range(7)}, push=False, private=False)
    walk.scan()
    through = ["--fork", "--allow-foreign"]
    assert list(walk.deeds(walk.fleet("publish", *through)).values()).count("opened") == 7
    for name in [name for name in hub.repos if name.startswith("elsewhere/") and name != "elsewhere/y0"]:
        hub.pulls(name)[0]["state"] = "closed"
    commit(hub.folder("elsewhere/y1"), "main", {"README.md": "The fork is behind.\n"})
    commit(hub.folder("mlbot/y2"), "idea", {"train.py": "print(1)\n"})
    commit(hub.folder("mlbot/y3"), "mlfix/spring", {"train.py": "print(1)\n"})
    hub.git("mlbot/y4", "tag", "v1", "main")
    hub.repos["mlbot/y5"].stars = 1
    commit(hub.folder("mlbot/y6"), "main", {"train.py": "print(1)\n"})
    expected = {
        "mlbot/x": "would delete", "mlbot/y0": "kept", "mlbot/y1": "would delete", "mlbot/y2": "kept", "mlbot/y3": "kept",
        "mlbot/y4": "kept", "mlbot/y5": "kept", "mlbot/y6": "kept",
    }  # fmt: skip
    hub.requests.clear()
    said = walk.fleet("forks prune")
    found = dict(reversed(line) for line in re.findall(r"^([a-z]+(?: [a-z]+)?)  +(mlbot/\S+)", said, re.MULTILINE))
    assert found == expected and not hub.writes(), (said, hub.writes())
    for why in ("pull request 1 is open", "branch of its own: idea", "somebody else has committed", "tag of its own: v1", "stars", "own: main"):
        assert why in said, (why, said)
    said = walk.fleet("forks prune", "--yes")
    assert "2 deleted" in said and hub.writes() == ["DELETE /repos/mlbot/x", "DELETE /repos/mlbot/y1"], (said, hub.writes())
    assert not {"mlbot/x", "mlbot/y1"} & hub.repos.keys() and "elsewhere/x" in hub.repos
    assert "deleted" not in walk.fleet("forks prune", "--yes")
    # Without its fork, a declined one is declined all the same.
    deeds = walk.deeds(walk.fleet("publish", *through))
    assert deeds["elsewhere/x"] == "declined" and deeds["elsewhere/y1"] == "declined", deeds


def listed(walk: Walk) -> None:
    """A list that the forge makes, of repositories that only members see, with a token that may only read."""
    hub = walk.hub
    walk.make({f"acme/p{number}": {"train.py": SHARED} for number in range(6)}, topics=["ml"])
    hub.hidden |= set(hub.repos)
    walk.make({"acme/old": {"a.py": SHARED}}, archived=True, topics=["ml"])
    walk.make({"acme/fork": {"a.py": SHARED}}, parent="other/fork", topics=["ml"])
    walk.make({"acme/large": {"a.py": SHARED}}, size=9 << 20, topics=["ml"])
    walk.make({"acme/else": {"a.py": SHARED}})
    where = ["--forge", "github", "--api-url", hub.api, "--host", hub.url.removeprefix("http://")]
    asked = ["--org", "acme", "--topic", "ml", "--language", "python", *where]
    run = walk.folder / "listed"
    scan = ["fleet", "scan", "--out", str(run), "--allow-http", "--jobs", "1"]

    # Without a token there is no list, and what is hidden cannot be cloned.
    assert "401" in walk.go(*scan, *asked, code=2, token=False) and not run.exists()
    log, fake = walk.folder / "git.log", walk.folder / "bin"
    fake.mkdir()
    (fake / "git").write_text(f'#!/bin/sh\n{{ echo "== $*"; env; }} >> {log}\nPATH="{os.environ["PATH"]}" exec git "$@"\n')
    (fake / "git").chmod(0o755)
    watched = {"PATH": f"{fake}:{os.environ['PATH']}"}
    reads = watched | {"MLFIX_READ_TOKEN": READ_TOKEN, "GITHUB_TOKEN": TOKEN}
    said = walk.go(*scan, *asked, "--shard", "0/2", more=reads)
    assert "6 repositories (left out: 1 archived, 1 forked, 1 too large)" in said, said
    hub.requests.clear()
    # The second shard, and a third attempt, ask nobody for the list.
    walk.go(*scan, *asked, "--shard", "1/2", "--read-token-cmd", "printenv MINE", more=watched | {"MINE": READ_TOKEN}, token=False)
    said = walk.go(*scan, "--shard", "0/2", *where, more=reads, token=False)
    assert not hub.requests and re.search(r"(\d) of \1 repositories are done already", said), (hub.requests, said)
    said = walk.go("fleet", "progress", str(run), "--allow-http")
    assert "All are done." in said and "6 repositories: 6 with changes" in said, said
    assert "6 records" in walk.go("fleet", "merge", str(run), "--allow-http")
    other = ["--org", "other", *where]
    assert "is the answer to `--org acme" in walk.go(*scan, *other, "--shard", "0/2", code=2, more=reads)
    # The token goes to its own host only.
    elsewhere = [*where[:-1], "git.example.org"]
    said = walk.go(*scan[:2], *scan[4:], f"{hub.url}/acme/p0", "--out", str(walk.folder / "none"), *elsewhere, more=reads)
    assert "1 failed (1 auth)" in said, said

    # Whoever has a list may scan less than all; and no list is cut in silence.
    hub.search_limit = 2
    said = walk.go("fleet", "list", "--topic", "ml", *where, more=reads)
    assert "warning: this is not all: GitHub's search shows 2 of 9" in said and "# GitHub's search shows 2 of 9" in said, said
    known = [line for line in log.read_text().split("\n== ") if line]
    basic = base64.b64encode(f"x-access-token:{READ_TOKEN}".encode()).decode()
    shown = [line for line in known if basic in line]
    assert len(shown) >= 12 and all(re.search(r" (clone|fetch) ", line.split("\n")[0]) for line in shown), len(shown)
    assert not any(word in line.split("\n")[0] for line in known for word in (basic, READ_TOKEN, TOKEN))
    assert not any(word in line for line in known for word in (READ_TOKEN, TOKEN, "MLFIX_READ_TOKEN", "GITHUB_TOKEN"))
    log.unlink()
    assert not any(word in text for text in walk.said for word in (READ_TOKEN, basic))
    assert not search(walk.folder, READ_TOKEN, basic)


def divided(walk: Walk) -> None:
    """Several pull requests for one repository."""
    hub = walk.hub
    owners = "* @ada\n/b/ @acme/data\n"
    walk.make({"acme/split": {"a/x.py": SHARED, "b/y.py": OPENED, "b/z.py": SHARED, "CODEOWNERS": owners}})
    walk.scan()
    walk.fleet("publish", "--repo", "acme/split", "--split", "owner", "--reviewers", "codeowners")
    asked = {pull["head"]: pull.get("reviewers") for pull in hub.pulls("acme/split")}
    assert asked == {"acme:mlfix/spring/ada": ["ada"], "acme:mlfix/spring/acme-data": ["data"]}, asked
    commit(hub.folder("acme/split"), "main", {"a/x.py": CLEAN})
    walk.scan("--refresh")
    walk.fleet("refresh", "--repo", "acme/split", "--split", "owner")
    states = {pull["head"]: pull["state"] for pull in hub.pulls("acme/split")}
    assert states == {"acme:mlfix/spring/ada": "closed", "acme:mlfix/spring/acme-data": "open"}, states


def one(walk: Walk) -> None:
    """`mlfix pr` in a checkout."""
    hub = walk.hub
    walk.make({"acme/one": {"train.py": SHARED}})
    checkout = walk.folder / "checkout"
    git(walk.folder, "clone", "--quiet", str(hub.folder("acme/one")), str(checkout))
    git(checkout, "remote", "set-url", "origin", f"{hub.url}/acme/one.git")
    dry = walk.go("pr", str(checkout), "--dry-run", token=False)
    assert "Branch: mlfix/fixes (into main)" in dry and "Title: Fix mutable-default in 1 file" in dry, dry
    tree = git(checkout, "rev-parse", "HEAD"), git(checkout, "status", "--porcelain"), git(checkout, "branch", "--all")
    access = ["--api-url", hub.api, "--gap", "0"]
    assert "opened" in walk.go("pr", str(checkout), *access)
    assert hub.head("acme/one", "mlfix/fixes") == re.search(r"Commit (\w+)", dry)[1], "what was shown is what was pushed"
    assert "unchanged" in walk.go("pr", str(checkout), *access)
    assert tree == (git(checkout, "rev-parse", "HEAD"), git(checkout, "status", "--porcelain"), git(checkout, "branch", "--all"))
    (checkout / "train.py").write_text("print(3)\n")
    assert "not committed" in walk.go("pr", str(checkout), *access, code=2)
    git(checkout, "commit", "--quiet", "-am", "Mine")
    git(checkout, "push", "--quiet", str(hub.folder("acme/one")), "main")
    git(checkout, "checkout", "--quiet", "--detach")
    assert "name one with --base" in walk.go("pr", str(checkout), *access, code=2)
    assert "superseded" in walk.go("pr", str(checkout), "--base", "main", *access)
    assert hub.pulls("acme/one")[0]["state"] == "closed" and hub.head("acme/one", "mlfix/fixes") is None
    assert not search(checkout, TOKEN)


def many(walk: Walk, count: int) -> None:
    """Many pull requests within a budget, stopped and started again, and how well the time was foretold."""
    hub = walk.hub
    walk.make({f"many/m{number:04}": {"train.py": SHARED} for number in range(count)})
    walk.scan()
    pace = ["--campaign", "many", "--gap", "0", "--per-minute", "120", "--per-hour", str(count * 2)]
    command = walk.command("fleet", "publish", str(walk.run), "--api-url", hub.api, "--allow-http", *pace)
    start, times = time.monotonic(), []
    foretold: list[tuple[float, float]] = []
    stops = 0
    while True:
        running = subprocess.Popen(
            command, env=walk.environment(True), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert running.stderr
        stop_at = time.monotonic() + 20 if stops < 3 else None
        for line in running.stderr:
            if found := re.search(r"about (\d+) (s|min)", line):
                left = int(found[1]) * (60 if found[2] == "min" else 1)
                foretold.append((time.monotonic(), left))
            if stop_at and time.monotonic() > stop_at:
                running.send_signal(signal.SIGTERM)
                stop_at = None
                stops += 1
        if running.wait() == 0:
            break
    end = time.monotonic()
    assert all(len(hub.pulls(f"many/m{number:04}")) == 1 for number in range(count))
    posts = [line for line in hub.requests if line.startswith("POST /repos/many/")]
    assert len(posts) == count, f"{len(posts)} requests for {count} pull requests"
    # A forecast of one run counts when nobody stopped that run afterwards.
    late = [(at, left) for at, left in foretold if end - at > 20]
    wrong = [abs(at + left - end) / (end - at) for at, left in late]
    print(f"  {count} in {end - start:.0f} s; {len(late)} forecasts, off by {sorted(wrong)[len(wrong) // 2]:.0%} (median), {max(wrong):.0%} (worst)")
    assert sorted(wrong)[len(wrong) // 2] < 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlfix", type=Path, default=Path("target/debug/mlfix"))
    parser.add_argument("--kills", type=int, default=3, help="how many runs are killed")
    parser.add_argument("--many", type=int, default=0, help="how many pull requests are opened within a budget")
    parser.add_argument("--only", help="only this part")
    arguments = parser.parse_args()
    parts = {
        "life": life,
        "faults": faults,
        "kills": lambda walk: kills(walk, arguments.kills),
        "forks": forks,
        "divided": divided,
        "listed": listed,
        "one": one,
    }
    if arguments.many:
        parts["many"] = lambda walk: many(walk, arguments.many)
    for name, part in parts.items():
        if arguments.only not in (None, name):
            continue
        folder = Path(tempfile.mkdtemp(prefix="walk-"))
        hub = Hub(folder / "srv")
        watches = [Watch(TOKEN), Watch(READ_TOKEN)]
        walk = Walk(arguments.mlfix.resolve(), folder, hub)
        start = time.monotonic()
        try:
            part(walk)
        except BaseException:
            print(f"{name} failed; its files are in {folder}", file=sys.stderr)
            raise
        for watch in watches:
            watch.stop()
        hub.close()
        assert not any(TOKEN in said for said in walk.said), "the token is in what mlfix says"
        found = [path for path in search(folder, TOKEN)]
        assert not found, f"the token is in {found}"
        shutil.rmtree(folder)
        print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
