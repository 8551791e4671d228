#!/usr/bin/env python3
"""Scan 40 real repositories, hostile ones among them, and hold `mlfix fleet` to its promises.

    python3 benches/fleet/check.py --mlfix target/release/mlfix CORPUS [--work DIR] [--kills 30]

CORPUS is a folder of packages as `benches/corpus/fetch.py` leaves it; it is only read. The promises:

 1. each repository has a record with the status that it must have, and nothing that a repository brings along is run;
 2. a record holds what `mlfix --fix` makes of a checkout, under git's own names for the contents;
 3. its patch and its mails apply, and give that same tree; there is one commit for each transform;
 4. four shards, merged, are the bytes of one run; so is a run over HTTP, which fetches only the files that it reads;
 5. killed at random moments and started again, a run gives the same bytes and no repository twice;
 6. `merge --expect` fails when a repository has no record;
 7. no child sees a token that stands in the environment.

Then it measures repositories per minute and core, beside a shell loop that clones, runs `ruff check --fix` and commits
(where there is a ruff). Exit status: 0 all kept, 1 some broken, 2 usage.
"""

import argparse
import base64
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from repositories import Repository, git, make

SECRET = "ghp_thismustnotbeseenanywhere"
BROKEN: list[str] = []


def promise(kept: bool, what: str) -> None:
    if not kept:
        BROKEN.append(what)
        print(f"BROKEN: {what}", flush=True)


class Mlfix:
    """The program in an environment of its own."""

    def __init__(self, program: Path, work: Path) -> None:
        self.program = program.resolve()
        self.environment = os.environ | {"TMPDIR": str(work / "tmp"), "GITHUB_TOKEN": SECRET, "MLFIX_TOKEN": SECRET}
        (work / "tmp").mkdir(exist_ok=True)

    def __call__(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess:
        command = [self.program, *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=900)
        if done.returncode != code:
            text = done.stderr.decode(errors="replace")
            promise(False, f"{' '.join(map(str, arguments))} ends with {done.returncode}, not {code}: {text}")
        return done

    def merged(self, run: Path) -> bytes:
        self("fleet", "merge", run)
        return (run / "records.jsonl").read_bytes()


def check(args: argparse.Namespace, work: Path) -> None:
    mlfix = Mlfix(args.mlfix, work)
    repositories, proof = make(args.corpus, work / "repositories", args.count)
    listed = work / "repos.txt"
    listed.write_text("".join(f"{repository.path}\n" for repository in repositories))
    print(f"{len(repositories)} repositories, {sum(not r.status for r in repositories)} of them from packages", flush=True)

    one = work / "one"
    mlfix("fleet", "scan", "--repos", listed, "--out", one, "--unsafe-fixes", "--jobs", 2)
    merged = mlfix.merged(one)
    records = {json.loads(line)["repo"]: json.loads(line) for line in merged.splitlines()}
    promise(len(records) == len(repositories), "each repository has one record")
    for repository in repositories:
        judge(repository, records[f"file://{repository.path}"])
    promise(not proof.exists(), "nothing of a repository is run")
    promise(not list((work / "tmp").iterdir()), "no clone stays behind")
    changed = 0
    for repository in repositories:
        record = records[f"file://{repository.path}"]
        if record["status"] == "changes":
            changed += 1
            compare(mlfix, one, repository, record, work)
    fixes = sum(step["safe"] + step["unsafe"] for record in records.values() for step in record.get("steps", []))
    print(f"records are right: {changed} with changes, {fixes} fixes", flush=True)

    four = work / "four"
    for index in range(4):
        mlfix("fleet", "scan", "--repos", listed, "--out", four, "--unsafe-fixes", "--shard", f"{index}/4", "--jobs", 1)
        if index == 2:
            said = mlfix("fleet", "merge", four, "--expect", listed, code=2).stderr.decode()
            promise("have no record" in said, "a missing shard makes merge fail and is named")
    promise(mlfix.merged(four) == merged, "four shards make the bytes of one run")
    mlfix("fleet", "merge", four, "--expect", listed)
    mlfix("fleet", "scan", "--repos", listed, "--out", four, "--unsafe-fixes", "--shard", "4/4", code=2)
    mlfix("fleet", "scan", "--repos", listed, "--out", four, code=2)
    print("four shards make the bytes of one run", flush=True)

    over_http(mlfix, repositories, records, work)
    killed(mlfix, listed, merged, work, args.kills)
    shows(mlfix, one)
    secret(work)
    pace(mlfix, [repository for repository in repositories if not repository.status], work)


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


def over_http(mlfix: Mlfix, repositories: list[Repository], records: dict, work: Path) -> None:
    """The same through `git http-backend`, with partial clones."""
    served = [repository for repository in repositories if repository.status != "failed"]
    for repository in served:
        git(repository.path, "config", "uploadpack.allowFilter", "true")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(work / "repositories"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/git"
    listed = work / "http.txt"
    listed.write_text("".join(f"{base}/{repository.path.name}\n" for repository in served))
    run = work / "http"
    mlfix("fleet", "scan", "--repos", listed, "--out", run, "--unsafe-fixes", code=2)  # not without --allow-http
    mlfix("fleet", "scan", "--repos", listed, "--out", run, "--unsafe-fixes", "--allow-http")
    same = 0
    for line in mlfix.merged(run).splitlines():
        record = json.loads(line)
        other = records["file://" + str(work / "repositories" / record["repo"].rsplit("/", 1)[1])]
        alike = {key: record.get(key) == other.get(key) for key in record.keys() | other if key not in ("repo", "url")}
        promise(all(alike.values()), f"{record['repo']} differs over HTTP: {record.get('because')} {alike}")
        same += all(alike.values())
    mirror = work / "mirror"
    mlfix("fleet", "mirror", mirror, "--repos", listed, "--allow-http")
    server.shutdown()
    offline = work / "offline"
    mlfix("fleet", "scan", "--repos", listed, "--out", offline, "--unsafe-fixes", "--allow-http", "--mirror", mirror)
    promise(mlfix.merged(offline) == mlfix.merged(run), "a scan of the mirror makes the bytes of a scan of the network")
    print(f"over HTTP and from a mirror: {same} of {len(served)} records are the same", flush=True)


def handler(root: Path) -> type:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.serve(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.serve(body)

        def serve(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            path = path.removeprefix("/git/").replace(".git/", "/.git/", 1)
            environment = {
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": "/" + path,
                "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
            }
            done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().splitlines() if ": " in line]
            status = next((value for name, value in headers if name == "Status"), "200")
            self.send_response(int(status.split()[0]))
            for name, value in headers:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def killed(mlfix: Mlfix, listed: Path, merged: bytes, work: Path, kills: int) -> None:
    run = work / "killed"
    command = [mlfix.program, "fleet", "scan", "--repos", listed, "--out", run, "--unsafe-fixes", "--jobs", "2"]
    generator, cut, ended = random.Random(7), 0, 0
    for number in range(kills):
        child = subprocess.Popen(command, env=mlfix.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.0, 0.6))
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
    promise(not list((work / "tmp").iterdir()), "clones of killed runs are gone")
    print(f"killed {kills} times, {cut} times with a torn line: the same bytes", flush=True)


def shows(mlfix: Mlfix, run: Path) -> None:
    for look in ("text", "markdown", "csv", "html"):
        shown = mlfix("fleet", "show", run, "--format", look).stdout.decode()
        promise("bad-opted-out" in shown and "<script" not in shown, f"show --format {look}")
    promise(b"\n+++ b/m.py\n" in mlfix("fleet", "diff", run).stdout, "diff")


def secret(work: Path) -> None:
    found = [path for path in work.rglob("*") if path.is_file() and path.stat().st_size < 1 << 26 and SECRET.encode() in path.read_bytes()]
    promise(not found, f"the token is in {found}")


def pace(mlfix: Mlfix, repositories: list[Repository], work: Path) -> None:
    listed = work / "pace.txt"
    listed.write_text("".join(f"{repository.path}\n" for repository in repositories))

    def ours() -> None:
        shutil.rmtree(work / "pace", ignore_errors=True)
        mlfix("fleet", "scan", "--repos", listed, "--out", work / "pace", "--jobs", 1)

    def theirs() -> None:
        for repository in repositories:
            folder = work / "loop"
            shutil.rmtree(folder, ignore_errors=True)
            git(work, "clone", "-q", "--depth=1", "--single-branch", f"file://{repository.path}", str(folder))
            subprocess.run([ruff, "check", "--fix", "--exit-zero", "-q", "--no-cache", "--select", "B006,B909,SIM115", "--preview",
                            "--unsafe-fixes", "."], cwd=folder, check=False, capture_output=True, env=os.environ | {"RAYON_NUM_THREADS": "1"})
            git(folder, "add", "-A")
            git(folder, "commit", "-qm", "fix", "--no-verify", "--allow-empty")

    ruff = shutil.which("ruff")
    times = {}
    for name, work_once in (("mlfix", ours), ("the shell loop", theirs)):
        if name != "mlfix" and not ruff:
            print("no ruff here: the shell loop is left out")
            break
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        work_once()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time, so that it does not matter what else the machine does.
        times[name] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{name}: {60 * len(repositories) / times[name]:.0f} repositories a minute and core", flush=True)
    if len(times) == 2:
        print(f"ratio: {times['the shell loop'] / times['mlfix']:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--mlfix", type=Path, required=True, help="the binary to check")
    parser.add_argument("--work", type=Path, help="keep everything in this folder")
    parser.add_argument("--kills", type=int, default=30, help="how often a run is killed (default 30)")
    parser.add_argument("--count", type=int, default=40, help="how many repositories (default 40)")
    args = parser.parse_args()
    if not args.corpus.is_dir() or not args.mlfix.is_file():
        parser.error(f"not there: {args.mlfix if args.corpus.is_dir() else args.corpus}")
    if args.work:
        shutil.rmtree(args.work, ignore_errors=True)
        args.work.mkdir(parents=True)
        check(args, args.work.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="mlfix-fleet-check-") as work:
            check(args, Path(work).resolve())
    print("all is as promised" if not BROKEN else f"{len(BROKEN)} promises are broken")
    return 1 if BROKEN else 0


if __name__ == "__main__":
    sys.exit(main())
