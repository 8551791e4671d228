"""Cuts the descriptions that forges give of their interfaces down to the requests that mlfix sends.

    npm install @octokit/openapi && python3 tests/fleet/slice.py github node_modules/@octokit/openapi/generated/api.github.com.json
    cargo download forgejo-api   && python3 tests/fleet/slice.py forgejo forgejo-api-*/swagger.v1.json

Writes `github-openapi.json` or `forgejo-swagger.json` beside this script. Both descriptions are under the MIT licence, the
first with the copyright of GitHub Inc., the second of the Forgejo authors, "for the purpose of interoperability". Gitea's is
the same in what is kept here. GitHub's answers are left out but for their status: they make 12 MB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

GITHUB = {
    "/user": ["get"],
    "/user/repos": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/users/{username}/repos": ["get"],
    "/search/repositories": ["get"],
    "/repos/{owner}/{repo}": ["get", "delete"],
    "/repos/{owner}/{repo}/pulls": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["patch"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels": ["post"],
    "/repos/{owner}/{repo}/forks": ["post"],
    "/repos/{owner}/{repo}/merge-upstream": ["post"],
}
FORGEJO = {
    "/user": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/users/{username}/repos": ["get"],
    "/repos/search": ["get"],
    "/repos/{owner}/{repo}": ["get", "delete"],
    "/repos/{owner}/{repo}/pulls": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{index}": ["patch"],
    "/repos/{owner}/{repo}/pulls/{index}/requested_reviewers": ["post"],
    "/repos/{owner}/{repo}/issues/{index}/comments": ["post"],
    "/repos/{owner}/{repo}/issues/{index}/labels": ["post"],
    "/repos/{owner}/{repo}/labels": ["get", "post"],
    "/repos/{owner}/{repo}/forks": ["get", "post"],
    "/repos/{owner}/{repo}/sync_fork/{branch}": ["get", "post"],
}
WORDS = {"description", "summary", "example", "examples", "externalDocs", "tags", "title"}


def bare(item: Any, names: bool = False) -> Any:
    """Without what only people read; `names`: the keys are names of properties, which stay."""
    if isinstance(item, list):
        return [bare(part) for part in item]
    if not isinstance(item, dict):
        return item
    kept = {key: value for key, value in item.items() if names or (key not in WORDS and not key.startswith("x-"))}
    return {key: bare(value, names=key == "properties" and not names) for key, value in kept.items()}


def answers(operation: dict[str, Any], kept: bool) -> dict[str, Any]:
    """What is said of the answers that say yes, or of all no more than that they exist."""
    if kept:
        return {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    return {status: {"description": ""} for status in operation["responses"]}


def cut(whole: dict[str, Any], used: dict[str, list[str]], with_answers: bool) -> dict[str, Any]:
    """The operations that are used, and all that they refer to."""
    out: dict[str, Any] = {"paths": {}}
    for name, methods in used.items():
        for method in methods:
            operation = bare(whole["paths"][name][method])
            operation["responses"] = answers(operation, with_answers)
            out["paths"].setdefault(name, {})[method] = operation
    waiting: list[Any] = [out["paths"]]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            reference = item.get("$ref")
            if isinstance(reference, str):
                *folders, name = reference.removeprefix("#/").split("/")
                source, target = whole, out
                for folder in folders:
                    source, target = source[folder], target.setdefault(folder, {})
                if name not in target:
                    target[name] = bare(source[name])
                    waiting.append(target[name])
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return out


def main(which: str, path: str) -> None:
    whole = json.loads(Path(path).read_text())
    licence = {"name": "MIT", "url": "https://opensource.org/license/mit"}
    about = {"version": whole["info"]["version"], "license": licence}
    if which == "github":
        head = {"openapi": whole["openapi"], "servers": [{"url": "http://127.0.0.1"}]}
        head |= {"info": about | {"title": "A part of GitHub's REST interface"}} | cut(whole, GITHUB, with_answers=False)
        out = Path(__file__).with_name("github-openapi.json")
    else:
        head = {"swagger": whole["swagger"], "basePath": whole["basePath"]}
        head |= {"info": about | {"title": "A part of Forgejo's REST interface"}} | cut(whole, FORGEJO, with_answers=True)
        out = Path(__file__).with_name("forgejo-swagger.json")
    out.write_text(json.dumps(head, indent=1, sort_keys=True) + "\n")
    print(f"{len(head['paths'])} paths, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
