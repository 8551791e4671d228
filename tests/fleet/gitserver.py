"""Git over HTTP, as a forge serves it: `git http-backend` behind basic authentication, on loopback.

Whoever shows the token may read and write; another token may read. Imported by the walks, not run by itself.
"""

from __future__ import annotations

import base64
import os
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path

BACKEND = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()) / "git-http-backend"


class GitHandler(BaseHTTPRequestHandler):
    """Answers `/OWNER/NAME.git/…`; what is below `/api/` is left to a subclass."""

    protocol_version = "HTTP/1.1"
    root: Path
    token: str
    read_token = ""

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
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        shown = base64.b64decode(rest).decode().partition(":")[2] if scheme.lower() == "basic" else rest
        shown = shown or self.headers.get("PRIVATE-TOKEN", "")
        return shown == self.token or (not write and shown != "" and shown == self.read_token)

    def is_public(self, name: str) -> bool:
        """Whether anybody may read a repository."""
        return True

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
        writes = "receive-pack" in self.path
        name = path.partition(".git/")[0].strip("/")
        if not self.may(write=writes) and (writes or not self.is_public(name)):
            return self.reply(401, b"", {"WWW-Authenticate": 'Basic realm="git"'})
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
        }
        answer = subprocess.run([BACKEND], input=body, capture_output=True, env=environment, check=False).stdout
        head, _, text = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        return self.reply(status, text, headers)

    do_GET = do_POST = git
