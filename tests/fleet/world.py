"""Repositories for the walks, and the ways in which people change them. Imported by the walks."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from pathlib import Path

SHARED = "def collect(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\nprint(collect(1))\n"
OPENED = "def total(path):\n    f = open(path)\n    numbers = [int(line) for line in f]\n    f.close()\n    return sum(numbers)\n"
CLEAN = "print(1)\n"
PERSON = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}
PLAIN = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | PLAIN | PERSON, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


def make(folder: Path, files: dict[str, str]) -> None:
    """A bare repository with one commit on `main`."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "-b", "main")
    commit(folder, "main", files)


def commit(folder: Path, branch: str, files: dict[str, str]) -> str:
    """A person commits files to a branch of a bare repository; a new branch begins at `main`."""
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        git(place, "clone", "--quiet", str(folder), ".")
        known = git(folder, "for-each-ref", "--format=%(refname:short)").split()
        if branch in known:
            git(place, "checkout", "--quiet", "-B", branch, f"origin/{branch}")
        elif known:
            git(place, "checkout", "--quiet", "-B", branch, "origin/main")
        else:
            git(place, "checkout", "--quiet", "-B", branch)
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        git(place, "add", "--all")
        git(place, "commit", "--quiet", "-m", "Work")
        git(place, "push", "--quiet", "origin", branch)
        return git(place, "rev-parse", "HEAD")


class Watch:
    """Looks at the arguments of all processes until it is told to stop: the token must be in none of them."""

    def __init__(self, word: str) -> None:
        self.word = word.encode()
        self.seen: list[bytes] = []
        self.looks = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self) -> None:
        while not self.ended.wait(0.05):
            self.looks += 1
            for process in filter(str.isdigit, os.listdir("/proc")):
                try:
                    text = Path("/proc", process, "cmdline").read_bytes()
                except OSError:
                    continue
                if self.word in text:
                    self.seen.append(text)

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()
        assert not self.seen, f"the token is in the arguments of a process: {self.seen[0]!r}"


def search(folder: Path, *words: str) -> list[Path]:
    """The files below a folder that hold one of these words."""
    texts = ((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path, text in texts if any(word.encode() in text for word in words)]
