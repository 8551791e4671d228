"""Real git repositories made from packages, and some that mean no good."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FIXABLE = b"def add(x, acc=[]):\n    acc.append(x)\n    return acc\n"
MOST_FILES = 400


@dataclass
class Repository:
    """A repository and what a scan must say of it: a status, and the class of a failure."""

    path: Path
    status: str = ""
    failure: str = ""
    changed: tuple[bytes, ...] = ()


def git(path: Path, *arguments: str) -> str:
    """An ordinary git, which the settings of the user do not reach."""
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "1700000000 +0000",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": "1700000000 +0000",
    }
    command = ["git", "-c", "init.defaultBranch=main", "-c", "gc.auto=0", *arguments]
    done = subprocess.run(command, cwd=path, env=environment, check=True, capture_output=True)
    return os.fsdecode(done.stdout).strip("\n")


def start(path: Path, files: dict[bytes, bytes]) -> Path:
    """A repository with these files, a history of two commits, and a second branch."""
    path.mkdir(parents=True)
    git(path, "init", "-q")
    (path / "README").write_text("first\n")
    git(path, "add", ".")
    git(path, "commit", "-qm", "first")
    git(path, "branch", "dev")
    for name, content in files.items():
        file = os.path.join(os.fsencode(path), name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as out:
            out.write(content)
    git(path, "add", "-A")
    git(path, "commit", "-qm", "second", "--allow-empty")
    return path


def real(corpus: Path, work: Path, count: int) -> list[Repository]:
    """`count` repositories from the packages of a folder, large folders of packages among them."""
    sources = sorted(path for path in corpus.iterdir() if path.is_dir())
    inner = [path for package in sources for path in sorted(package.rglob("*")) if path.is_dir()]
    inner = [path for path in inner if 5 <= sum(1 for _ in path.glob("*.py")) and "test" not in path.name]
    repositories = []
    for source in [*sources, *inner][:count]:
        names = sorted(path for path in source.rglob("*") if path.is_file() and not path.is_symlink())[:MOST_FILES]
        files = {os.fsencode(path.relative_to(source)): path.read_bytes() for path in names}
        name = str(source.relative_to(corpus)).replace("/", "-")
        # What a package ignores is in the repository nevertheless: it was published.
        files = {path: content for path, content in files.items() if not path.endswith(b".gitignore")}
        repositories.append(Repository(start(work / f"real-{name}", files)))
    return repositories


def hostile(work: Path, proof: Path) -> list[Repository]:
    """One of each kind. Whoever runs what they bring along makes the file `proof`."""
    made = []

    def add(name: str, status: str, failure: str = "", files: dict[bytes, bytes] | None = None,
            changed: tuple[bytes, ...] = ()) -> Path:
        path = start(work / f"bad-{name}", {b"m.py": FIXABLE} if files is None else files)
        made.append(Repository(path, status, failure, changed))
        return path

    path = add("link", "changes", changed=(b"m.py",))
    (path / "out.py").symlink_to("/etc/passwd")
    (path / "in.py").symlink_to("m.py")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "links")

    path = add("submodule", "changes", changed=(b"m.py",))
    (path / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = s\n\turl = ext::sh -c "touch {proof}"\n')
    git(path, "add", "-A")
    git(path, "update-index", "--add", "--cacheinfo", f"160000,{git(path, 'rev-parse', 'HEAD')},s.py")
    git(path, "commit", "-qm", "submodule")

    path = add("hook", "changes", changed=(b"m.py",))
    for name in ("post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction", "fsmonitor"):
        hook = path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {proof}\n")
        hook.chmod(0o755)
    git(path, "config", "core.fsmonitor", f"touch {proof}")
    git(path, "config", "uploadpack.packObjectsHook", f"touch {proof}; exec")

    add("filter", "changes", changed=(b"m.py",),
        files={b"m.py": FIXABLE, b".gitattributes": b"*.py filter=bad ident text eol=crlf\n"})
    add("huge", "changes", changed=(b"m.py",),
        files={b"m.py": FIXABLE, b"data.py": b"x = 1\n" * 1_000_000, b"weights.bin": os.urandom(8 << 20)})
    add("latin", "changes", changed=(b"mod\xe9le/m.py",), files={b"mod\xe9le/m.py": FIXABLE})
    add("names", "changes", changed=(b' "a\\\n.py', b"-rf.py"), files={b' "a\\\n.py': FIXABLE, b"-rf.py": FIXABLE})
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    add("lfs", "changes", changed=(b"m.py",), files={b"m.py": FIXABLE, b"large.py": pointer})
    add("broken", "clean", files={b"m.py": FIXABLE + b"def f(:\n", b"n.py": b"\xff\xfe\x00"})
    add("config", "failed", "parse", files={b"m.py": FIXABLE, b"mlfix.toml": b"fix = true\n"})
    add("widens", "clean", files={b"m.py": FIXABLE, b"mlfix.toml": b"select = []\n"})
    add("opted-out", "opted-out", files={b"m.py": FIXABLE, b"pyproject.toml": b"[tool.mlfix]\npull-requests = false\n"})
    add("ignored", "opted-out", files={b"m.py": FIXABLE, b".mlfixignore": b""})

    path = work / "bad-empty"
    path.mkdir()
    git(path, "init", "-q")
    made.append(Repository(path, "failed", "empty"))
    path = add("headless", "failed", "empty")
    git(path, "symbolic-ref", "HEAD", "refs/heads/none")
    path = add("damaged", "failed", "transient")  # a server that breaks off
    blob = git(path, "rev-parse", "HEAD:m.py")
    (path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    path = work / "bad-no-repository"
    path.mkdir()
    (path / "m.py").write_bytes(FIXABLE)
    made.append(Repository(path, "failed", "gone"))
    return made


def make(corpus: Path, work: Path, count: int = 40) -> tuple[list[Repository], Path]:
    """`count` repositories in `work`, and the file that must never come to be."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    proof = work / "proof"
    bad = hostile(work, proof)
    return real(corpus, work, count - len(bad)) + bad, proof
