"""What a scan promises, held against real repositories and hostile ones. Imported by `life.py`.

 1. each repository has a record with the status that it must have, and nothing that a repository brings along is run;
 2. a record holds what `mlfix --fix` makes of a checkout, under git's own names for the contents;
 3. its patch and its mails apply, and give that same tree; there is one commit for each transform;
 4. four shards, merged, are the bytes of one run; so is a scan of a mirror, and that of folders but for the addresses;
 5. killed at random moments and started again, a run gives the same bytes and no repository twice;
 6. `merge` fails when a repository has no record.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repositories import Repository, git

BROKEN: list[str] = []


START = time.monotonic()


def say(text: str) -> None:
    """Prints what was done, and when."""
    print(f"{time.monotonic() - START:4.0f} s  {text}", flush=True)


def promise(kept: bool, what: str) -> None:
    if not kept:
        BROKEN.append(what)
        print(f"BROKEN: {what}", flush=True)


@dataclass
class Mlfix:
    """The program in an environment of its own. It remembers what it said."""

    program: Path
    work: Path
    environment: dict[str, str]
    said: list[bytes] = field(default_factory=list)

    def __call__(self, *arguments: object, code: int = 0, more: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        command = [self.program, *map(str, arguments)]
        done = subprocess.run(command, env=self.environment | (more or {}), capture_output=True, timeout=900, check=False)
        self.said += [done.stdout, done.stderr]
        if done.returncode != code:
            text = done.stderr.decode(errors="replace")
            promise(False, f"{' '.join(map(str, arguments))} ends with {done.returncode}, not {code}: {text}")
        return done

    def merged(self, run: Path) -> bytes:
        self("fleet", "merge", run, "--allow-http")
        return (run / "records.jsonl").read_bytes()


@dataclass
class Scan:
    """How the repositories are scanned: a list that the forge makes, with a token that may read."""

    mlfix: Mlfix
    options: list[object]

    def __call__(self, out: Path, *more: object, code: int = 0) -> subprocess.CompletedProcess[bytes]:
        return self.mlfix("fleet", "scan", "--out", out, *self.options, *more, code=code)


def check(scan: Scan, repositories: list[Repository], proof: Path, kills: int) -> dict[str, Any]:
    """Holds a scan to its promises; returns the records by the names of the repositories."""
    mlfix, work = scan.mlfix, scan.mlfix.work
    one = work / "run"
    scan(one, "--jobs", 2)
    merged = mlfix.merged(one)
    found = [json.loads(line) for line in merged.splitlines()]
    records = {record["repo"].rsplit("/", 1)[1]: record for record in found}
    promise(len(found) == len(records) == len(repositories), "each repository has one record")
    for repository in repositories:
        judge(repository, records[repository.path.name])
    promise(not proof.exists(), "nothing of a repository is run")
    promise(not list((work / "tmp").iterdir()), "no clone stays behind")
    changed = [repository for repository in repositories if records[repository.path.name]["status"] == "changes"]
    for repository in changed:
        compare(mlfix, one, repository, records[repository.path.name], work)
    fixes = sum(step["safe"] + step["unsafe"] for record in found for step in record.get("steps", []))
    say(f"records are right: {len(changed)} with changes, {fixes} fixes")
    four_shards(scan, merged)
    elsewhere(scan, repositories, records, merged)
    killed(scan, merged, kills)
    shows(mlfix, one)
    return records


def judge(repository: Repository, record: dict) -> None:
    if not repository.status:
        promise(record["status"] in ("changes", "clean"), f"{repository.path.name}: {record.get('because')}")
        return
    promise(record["status"] == repository.status, f"{repository.path.name} is {record['status']}: {record.get('because')}")
    if repository.failure:
        promise(record.get("class") == repository.failure, f"{repository.path.name} failed as {record.get('class')}")
    paths = tuple(sorted(path_of(edit) for step in record.get("steps", []) for edit in step["edits"]))
    promise(paths == tuple(sorted(repository.changed)), f"{repository.path.name} would change {paths}")


def path_of(edit: dict) -> bytes:
    path = edit["path"]
    return path.encode() if isinstance(path, str) else base64.b64decode(path["base64"])


def compare(mlfix: Mlfix, run: Path, repository: Repository, record: dict, work: Path) -> None:
    """What stands in the record is what mlfix and git make of a checkout."""
    name = repository.path.name
    ways = {way: work / "checkouts" / f"{name}-{way}" for way in ("fix", "patch", "mbox")}
    for folder in ways.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        git(folder.parent, "clone", "-q", "-c", "core.attributesFile=/dev/null", str(repository.path), str(folder))
    if name != "bad-filter":  # its checkout has other line ends
        mlfix_fix = [mlfix.program, "--fix", "--unsafe-fixes", "-q", "--no-cache", "--exit-zero", "."]
        subprocess.run(mlfix_fix, cwd=ways["fix"], env=mlfix.environment, capture_output=True)
        changed = git(ways["fix"], "-c", "core.quotePath=false", "diff", "--name-only", "-z").split("\0")[:-1]
        after = {os.fsencode(path): (ways["fix"] / path).read_bytes() for path in changed}
        said = {path_of(edit): base64.b64decode(edit["content"]) for step in record["steps"] for edit in step["edits"]}
        ours = {path: content for path, content in after.items() if path.endswith((b".py", b".pyi", b".pyw"))}
        promise(ours == said, f"{name}: `mlfix --fix` differs in {sorted(k for k in ours.keys() | said if ours.get(k) != said.get(k))}")
    for step in record["steps"]:
        for edit in step["edits"]:
            content = base64.b64decode(edit["content"])
            header = f"blob {len(content)}\0".encode()
            promise(sha1(header + content) == edit["blob_after"], f"{name}: a wrong name for {path_of(edit)!r}")
    patch = mlfix("fleet", "export", run, "--repo", record["repo"]).stdout
    mbox = mlfix("fleet", "export", run, "--repo", record["repo"], "--format", "mbox").stdout
    if name == "bad-filter":
        return
    for way, text, command in (("patch", patch, ["apply", "--index"]), ("mbox", mbox, ["am", "-q", "--keep-cr"])):
        (work / "text").write_bytes(text)
        try:
            git(ways[way], *command, str(work / "text"))
        except subprocess.CalledProcessError as error:
            promise(False, f"{name}: git {command[0]}: {error.stderr}")
            continue
        listing = git(ways[way], "ls-files", "-s", "-z")
        blobs = {os.fsencode(line.split("\t", 1)[1]): line.split(" ")[1] for line in listing.split("\0") if line}
        last = {path_of(edit): edit["blob_after"] for step in record["steps"] for edit in step["edits"]}
        promise(all(blobs.get(path) == blob for path, blob in last.items()), f"{name}: the {way} gives another tree")
    commits = git(ways["mbox"], "rev-list", "--count", f"{record['base_sha']}..HEAD")
    promise(int(commits) == len(record["steps"]), f"{name}: {commits} commits for {len(record['steps'])} transforms")


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def four_shards(scan: Scan, merged: bytes) -> None:
    four = scan.mlfix.work / "four"
    for index in range(4):
        scan(four, "--shard", f"{index}/4", "--jobs", 1)
        if index == 2:
            said = scan.mlfix("fleet", "merge", four, "--allow-http", code=2).stderr.decode()
            promise("have no record" in said, "a missing shard makes merge fail and is named")
    promise(scan.mlfix.merged(four) == merged, "four shards make the bytes of one run")
    scan(four, "--shard", "4/4", code=2)
    say("four shards make the bytes of one run")


def elsewhere(scan: Scan, repositories: list[Repository], records: dict[str, Any], merged: bytes) -> None:
    """The same from folders, and from a mirror. Over the network, only the files that are read are fetched."""
    mlfix, work = scan.mlfix, scan.mlfix.work
    listed, run = work / "folders.txt", work / "folders"
    listed.write_text("".join(f"{repository.path}\n" for repository in repositories))
    mlfix("fleet", "scan", "--repos", listed, "--out", run, "--unsafe-fixes")
    same = 0
    for line in mlfix.merged(run).splitlines():
        record = json.loads(line)
        name = Path(record["repo"]).name
        # Why a server does not serve says something else than why a folder cannot be read.
        ignored = ("repo", "url", *(("because", "class", "base_ref", "base_sha") if record["status"] == "failed" else ()))
        alike = {key: record.get(key) == records[name].get(key) for key in record.keys() | records[name] if key not in ignored}
        promise(all(alike.values()) or records[name].get("class") == "auth", f"{name} differs in its folder: {alike}")
        same += all(alike.values())
    mirror = work / "mirror"
    kept = [option for option in scan.options if option != "--unsafe-fixes"]
    asked = kept[: kept.index("--org")] + kept[kept.index("--org") + 2 :]
    mlfix("fleet", "mirror", mirror, "--repos", work / "run/repos.txt", *asked, code=2)  # some cannot be had
    offline = work / "offline"
    mlfix("fleet", "scan", "--repos", work / "run/repos.txt", "--out", offline, "--unsafe-fixes", "--allow-http", "--mirror", mirror)
    had = {json.loads(line)["repo"]: line for line in merged.splitlines() if json.loads(line)["status"] != "failed"}
    again = {json.loads(line)["repo"]: line for line in mlfix.merged(offline).splitlines()}
    promise(all(again[repo] == line for repo, line in had.items()), "a scan of the mirror makes the bytes of a scan of the network")
    say(f"from folders and from a mirror: {same} and {len(had)} records are the same")


def killed(scan: Scan, merged: bytes, kills: int) -> None:
    mlfix, run = scan.mlfix, scan.mlfix.work / "killed"
    command = [str(part) for part in (mlfix.program, "fleet", "scan", "--out", run, *scan.options, "--jobs", 2)]
    generator, cut, ended = random.Random(7), 0, 0
    for number in range(kills):
        child = subprocess.Popen(command, env=mlfix.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.0, 1.5))
        child.send_signal(signal.SIGKILL)
        ended += child.wait() == 0
        part = run / "scan-0-of-1.jsonl.part"
        if number % 3 == 0 and part.exists():
            # What a power cut leaves: the last line is torn.
            with part.open("r+b") as file:
                size = part.stat().st_size
                file.truncate(max(0, size - generator.randrange(1, 200)))
            cut += 1
        if ended:  # start again from nothing, so that all kills hit something
            shutil.rmtree(run, ignore_errors=True)
            ended = 0
    subprocess.run(command, env=mlfix.environment, check=True, capture_output=True)
    promise(mlfix.merged(run) == merged, "a run that was killed again and again makes the same bytes")
    promise(not (run / "scan-0-of-1.jsonl.part").exists(), "the finished shard is in place")
    repos = [json.loads(line)["repo"] for line in (run / "scan-0-of-1.jsonl").read_bytes().splitlines()]
    promise(len(repos) == len(set(repos)), "no repository twice")
    promise(not list((mlfix.work / "tmp").iterdir()), "clones of killed runs are gone")
    say(f"killed {kills} times, {cut} times with a torn line: the same bytes")


def shows(mlfix: Mlfix, run: Path) -> None:
    for look in ("text", "markdown", "csv", "html"):
        shown = mlfix("fleet", "show", run, "--format", look).stdout.decode()
        promise("bad-opted-out" in shown and "<script" not in shown, f"show --format {look}")
    promise(b"\n+++ b/m.py\n" in mlfix("fleet", "diff", run).stdout, "diff")


