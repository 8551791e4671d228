"""Cuts GitHub's own description of its interface down to the requests that mlfix sends.

    npm install @octokit/openapi && python3 tests/fleet/slice.py node_modules/@octokit/openapi/generated/api.github.com.json

Writes `github-openapi.json` beside this script (the description is under the MIT licence, copyright GitHub Inc.). Of the
answers only the status is kept: what is checked is what mlfix sends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

USED = {
    "/user": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/users/{username}/repos": ["get"],
    "/search/repositories": ["get"],
    "/repos/{owner}/{repo}": ["get", "delete"],
    "/repos/{owner}/{repo}/pulls": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers": ["post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels": ["post"],
    "/repos/{owner}/{repo}/forks": ["post"],
    "/repos/{owner}/{repo}/merge-upstream": ["post"],
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


def main(path: str) -> None:
    whole = json.loads(Path(path).read_text())
    paths: dict[str, Any] = {}
    for name, methods in USED.items():
        for method in methods:
            operation = bare(whole["paths"][name][method])
            answers = operation["responses"]
            operation["responses"] = {status: {"description": ""} for status in answers}
            paths.setdefault(name, {})[method] = operation
    components: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [paths]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            reference = item.get("$ref")
            if isinstance(reference, str):
                _, _, kind, name = reference.split("/", 3)
                if name not in components.setdefault(kind, {}):
                    components[kind][name] = bare(whole["components"][kind][name])
                    waiting.append(components[kind][name])
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    licence = {"name": "MIT", "url": "https://github.com/octokit/openapi/blob/main/LICENSE"}
    about = {"title": "A part of GitHub's REST interface", "version": whole["info"]["version"], "license": licence}
    cut = {"openapi": whole["openapi"], "info": about, "servers": [{"url": "http://127.0.0.1"}], "paths": paths, "components": components}
    out = Path(__file__).with_name("github-openapi.json")
    out.write_text(json.dumps(cut, indent=1, sort_keys=True) + "\n")
    print(f"{len(paths)} paths, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
