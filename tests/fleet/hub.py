"""A forge for tests, on loopback: real git, and as much of GitHub's interface as mlfix uses.

It remembers every request, and it can be told to misbehave as GitHub does: a lost answer after a pull request was
created, a limit, a second pull request for the same branch accepted or refused. Imported by the walks.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gitserver import GitHandler, GitServer

TOKEN = "mlfix-test-token-5f3a9c"  # made-up words, to be searched for everywhere
READ_TOKEN = "mlfix-test-reader-81d2e7"
LOGIN = "mlbot"
API = "/api/v3"


@dataclass
class Repo:
    """What the forge knows of a repository besides git."""

    push: bool = True
    private: bool = True
    archived: bool = False
    parent: str | None = None
    size: int = 1  # KiB
    stars: int = 0
    topics: list[str] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[str]] = field(default_factory=dict)


class Hub(GitServer):
    """The forge. `faults` is a list of (method, part of the path, what): each happens once, in this order."""

    def __init__(self, root: Path) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults: list[tuple[str, str, str]] = []
        self.requests: list[str] = []
        self.refuse_duplicates = True
        self.search_limit = 1000
        self.lock = threading.RLock()
        super().__init__(root, TOKEN, READ_TOKEN, HubHandler)
        self.api = self.url + API

    def pulls(self, name: str) -> list[dict[str, Any]]:
        return self.repos[name].pulls

    def writes(self) -> list[str]:
        """The requests that change something."""
        return [line for line in self.requests if not line.startswith("GET")]

    def decline(self, name: str, number: int) -> None:
        """A person closes a pull request."""
        next(pull for pull in self.pulls(name) if pull["number"] == number)["state"] = "closed"

    def comments(self, name: str, number: int) -> int:
        return len(self.repos[name].comments.get(number, []))

    def forget(self) -> None:
        """From here on other requests count."""
        self.requests.clear()


class HubHandler(GitHandler):
    @property
    def hub(self) -> Hub:
        return self.owner

    def serve(self) -> None:
        if not self.path.startswith(API):
            return self.git()
        url = urlsplit(self.path)
        path, query = url.path.removeprefix(API), parse_qs(url.query)
        text = self.body()
        with self.hub.lock:
            self.hub.requests.append(f"{self.command} {path}")
            fault = self.fault(path)
            if fault == "limit":
                return self.reply(403, b'{"message": "You have exceeded a secondary rate limit."}', {"Retry-After": "1"})
            if fault == "429":
                return self.reply(429, b"{}", {"Retry-After": "1"})
            if fault == "unavailable":
                return self.reply(503, b"<html>")
            if not self.may(write=self.command != "GET"):
                return self.reply(401, b'{"message": "Bad credentials"}')
            status, answer, headers = self.answer(path, query, json.loads(text) if text else {})
        if fault == "slow":
            time.sleep(2)
        if fault == "lost":  # it was done, and the answer gets lost
            return self.reply(502, b"<html>")
        if fault == "cut":
            self.close_connection = True
            self.connection.close()
            return None
        return self.reply(status, json.dumps(answer).encode() if answer is not None else b"", headers)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def fault(self, path: str) -> str | None:
        for fault in self.hub.faults:
            method, part, what = fault
            if method == self.command and part in path:
                self.hub.faults.remove(fault)
                return what
        return None

    def answer(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        hub = self.hub
        if path == "/user":
            return 200, {"login": LOGIN}, {}
        if listed := re.fullmatch(r"/(?:orgs|users)/([\w.-]+)/repos", path):
            names = sorted(name for name in hub.repos if name.startswith(listed[1] + "/"))
            if path.startswith("/orgs") and not names:
                return 404, {"message": "Not Found"}, {}
            return self.page([self.repo(name) for name in names], query)
        if path == "/search/repositories":
            topic = re.search(r"topic:([\w-]+)", query["q"][0])[1]
            names = sorted(name for name, repo in hub.repos.items() if topic in repo.topics)
            return 200, {"total_count": len(names), "items": [self.repo(name) for name in names[: hub.search_limit]]}, {}
        found = re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)(/.*)?", path)
        if not found or found[1] not in hub.repos:
            return 404, {"message": "Not Found"}, {}
        name, rest = found[1], found[2] or ""
        repo = hub.repos[name]
        if not rest:
            if self.command == "DELETE":
                del hub.repos[name]
                shutil.rmtree(hub.folder(name))
                return 204, None, {}
            return 200, self.repo(name), {}
        if rest == "/pulls" and self.command == "GET":
            head = query.get("head", [""])[0]
            chosen = [self.pull(pull) for pull in reversed(repo.pulls)]
            return self.page([pull for pull in chosen if not head or pull["head"]["label"] == head], query)
        if rest == "/pulls":
            return self.open(name, body)
        if rest == "/forks":
            return self.fork(name)
        if rest == "/merge-upstream":
            hub.git(name, "fetch", "--quiet", str(hub.folder(repo.parent or "")), f"+{body['branch']}:{body['branch']}")
            return 200, {"message": "done"}, {}
        number = int(re.match(r"/(?:pulls|issues)/(\d+)", rest)[1])
        pull = next(pull for pull in repo.pulls if pull["number"] == number)
        if rest.endswith("/comments"):
            repo.comments.setdefault(number, []).append(body["body"])
            return 201, {"id": 1}, {}
        if rest.endswith("/labels"):
            pull["labels"] = sorted({*pull["labels"], *body["labels"]})
            return 200, [], {}
        if rest.endswith("/requested_reviewers"):
            if "nobody" in body["reviewers"]:
                return 422, {"message": "Reviews may only be requested from collaborators."}, {}
            pull["reviewers"] = body["reviewers"] + body["team_reviewers"]
            return 201, {}, {}
        pull.update({key: body[key] for key in ("title", "body", "state") if key in body})
        return 200, self.pull(pull), {}

    def page(self, items: list[Any], query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
        last = page * size >= len(items)
        url = f"{self.hub.url}{urlsplit(self.path).path}?per_page={size}&page={page + 1}"
        if "head" in query:
            url += f"&head={query['head'][0]}&state=all"
        return 200, items[(page - 1) * size : page * size], {} if last else {"Link": f'<{url}>; rel="next"'}

    def repo(self, name: str) -> dict[str, Any]:
        repo = self.hub.repos[name]
        return {
            "full_name": name,
            "clone_url": f"{self.hub.url}/{name}.git",
            "default_branch": "main",
            "archived": repo.archived,
            "fork": repo.parent is not None,
            "parent": {"full_name": repo.parent} if repo.parent else None,
            "private": repo.private,
            "permissions": {"push": repo.push, "admin": False},
            "size": repo.size,
            "topics": repo.topics,
            "language": "Python",
            "stargazers_count": repo.stars,
        }

    def pull(self, pull: dict[str, Any]) -> dict[str, Any]:
        branch, source = pull["head"].split(":", 1)[1], pull["source"]
        return {
            **{key: pull[key] for key in ("number", "title", "body", "state", "merged_at")},
            "html_url": f"{self.hub.url}/{pull['repo']}/pull/{pull['number']}",
            "base": {"ref": pull["base"]},
            "user": {"login": LOGIN},
            "head": {"ref": branch, "label": pull["head"], "repo": self.repo(source) if source in self.hub.repos else None},
            "labels": [{"name": label} for label in pull["labels"]],
        }

    def open(self, name: str, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        hub, repo = self.hub, self.hub.repos[name]
        owner, branch = body["head"].split(":", 1)
        source = name if owner == name.split("/")[0] else f"{owner}/{body.get('head_repo', name.split('/')[1])}"
        if hub.head(source, branch) is None:
            return 422, {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]}, {}
        open_already = any(pull["head"] == body["head"] and pull["state"] == "open" for pull in repo.pulls)
        if open_already and hub.refuse_duplicates:
            message = f"A pull request already exists for {body['head']}."
            return 422, {"message": "Validation Failed", "errors": [{"message": message}]}, {}
        pull = {
            "repo": name,
            "source": source,
            "number": len(repo.pulls) + 1,
            "state": "open",
            "merged_at": None,
            "labels": [],
            **{key: body[key] for key in ("title", "body", "base", "head", "draft")},
        }
        repo.pulls.append(pull)
        return 201, self.pull(pull), {}

    def fork(self, name: str) -> tuple[int, Any, dict[str, str]]:
        fork = f"{LOGIN}/{name.split('/')[1]}"
        if fork not in self.hub.repos:
            folder = self.hub.folder(fork)
            subprocess.run(["git", "clone", "--quiet", "--bare", self.hub.folder(name), folder], check=True)
            self.hub.git(fork, "config", "http.receivepack", "true")
            self.hub.repos[fork] = Repo(parent=name)
        return 202, self.repo(fork), {}
