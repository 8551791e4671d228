"""Git over HTTP, as a forge serves it: `git http-backend` behind basic authentication, on loopback.

Whoever shows the token may read and write; another token may read. Imported by the walks, not run by itself.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()) / "git-http-backend"
# A forge does not run what is in the repositories of its users.
SERVER_CONFIG = {"core.hooksPath": "/dev/null", "safe.directory": "*", "http.receivepack": "true", "uploadpack.allowFilter": "true"}


class Loopback(ThreadingHTTPServer):
    """Serves a handler on a port of its own. Whoever is killed breaks a connection, which is no fault."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, address)

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class GitServer:
    """Serves the repositories `OWNER/NAME.git` below a folder. What is below other paths is left to other handlers."""

    def __init__(self, root: Path, token: str, read_token: str, handler: type[GitHandler] | None = None) -> None:
        self.root, self.token, self.read_token = root, token, read_token
        self.hidden: set[str] = set()  # git asks who wants to read these
        self.locked: set[str] = set()  # nobody may read these
        self.shown: set[str] = set()  # the tokens that git was shown
        self.server = Loopback(type("Handler", (handler or GitHandler,), {"owner": self}))
        self.url = self.server.url

    def folder(self, name: str) -> Path:
        return self.root / f"{name}.git"

    def git(self, name: str, *arguments: str) -> str:
        command = ["git", "-c", "safe.bareRepository=all", "-C", str(self.folder(name)), *arguments]
        return os.fsdecode(subprocess.run(command, capture_output=True, check=True).stdout).strip()

    def head(self, name: str, branch: str) -> str | None:
        """The commit of a branch, or None."""
        try:
            return self.git(name, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        except subprocess.CalledProcessError:
            return None

    def close(self) -> Any:
        self.server.close()


class GitHandler(BaseHTTPRequestHandler):
    """Answers `/OWNER/NAME.git/…`."""

    protocol_version = "HTTP/1.1"
    owner: Any

    def log_message(self, format: str, *args: object) -> None:
        pass

    def body(self) -> bytes:
        """The text of the request, whether its length is known or it comes in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def may(self, write: bool) -> bool:
        """Whether the token that is shown opens the door."""
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        token = base64.b64decode(rest).decode().partition(":")[2] if scheme.lower() == "basic" else rest
        token = token or self.headers.get("PRIVATE-TOKEN", "")
        if token:
            self.owner.shown.add(token)
        return token == self.owner.token or (not write and token == self.owner.read_token)

    def reply(self, status: int, text: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def git(self) -> None:
        body = self.body()
        path, _, query = self.path.partition("?")
        name = path.partition(".git/")[0].strip("/")
        writes = "receive-pack" in self.path
        may = self.may(write=writes)
        if name in self.owner.locked:
            return self.reply(403, b"")
        if not may and (writes or name in self.owner.hidden):
            return self.reply(401, b"", {"WWW-Authenticate": 'Basic realm="git"'})
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_COUNT": str(len(SERVER_CONFIG)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
        }
        for number, (key, value) in enumerate(SERVER_CONFIG.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        answer = subprocess.run([BACKEND], input=body, capture_output=True, env=environment, check=False).stdout
        head, _, text = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        return self.reply(status, text, headers)

    do_GET = do_POST = git
