#!/usr/bin/env python3
"""Hurt ruff, black, ast-grep and mlfix in the same ways, and print what became of the files as a Markdown table.

    python3 benches/reliability/compare.py --mlfix target/release/mlfix [--venv DIR] [--quick] [--only WORD ...]

Linux only. Installs the three others with pip into a virtual environment (DIR is kept, so that a second run need not
install again) and needs strace; rows about permissions are run as an ordinary user when started by root. Every tool is
asked to change the same file: ruff fixes an unused import, a comparison with None and a mutable default, black formats,
ast-grep replaces the comparison, mlfix fixes the default. Each cell says what happened; nothing is judged here.
"""

import argparse
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TEXT = (
    "import os\n\n\ndef add(x, acc=[]):\n    if x == None:\n        return  acc\n    acc.append(x)\n    return acc\n\n\n"
    "print(add(1))\n"
)
SAMPLE = TEXT.encode()
# What CPython 3.11 refuses to compile, or what is another program than it seems to be.
REJECTED: dict[str, bytes] = {
    "latin-1 without cookie": SAMPLE + b"s = '\xe9'\n",
    "overlong UTF-8": SAMPLE + b"s = '\xc0\x80'\n",
    "surrogate": SAMPLE + b"s = '\xed\xa0\x80'\n",
    "UTF-16": TEXT.encode("utf-16"),
    "NUL": SAMPLE + b"s = '\0'\n",
    "unknown cookie": b"# coding: klingon\n" + SAMPLE,
    "rot13": b"# coding: rot13\n" + SAMPLE,
    "BOM and latin-1": b"\xef\xbb\xbf# coding: latin-1\n" + SAMPLE,
    "tabs and spaces": SAMPLE + b"if x:\n\tpass\n        pass\n",
    "Ctrl-Z": SAMPLE + b"\x1a\n",
    "print statement": SAMPLE + b"print 'x'\n",
    "exec statement": SAMPLE + b"exec 'x'\n",
    "except E, e": SAMPLE + b"try:\n    pass\nexcept ValueError, e:\n    pass\n",
    "merge conflict": SAMPLE + b"<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b\n",
    "template": SAMPLE + b"x = {{ value }}{% endif %}\n",
    "open bracket": SAMPLE + b"x = (\n",
    "empty body": SAMPLE + b"def f():\n",
    "bad dedent": SAMPLE + b"if x:\n        a = 1\n    b = 2\n",
}
# What must come out of a patch as it does out of the tool itself.
PATCHED: dict[str, bytes] = {
    "plain.py": SAMPLE,
    "crlf.py": SAMPLE.replace(b"\n", b"\r\n"),
    "cr.py": SAMPLE.replace(b"\n", b"\r"),
    "mixed.py": SAMPLE.replace(b"\n", b"\r\n", 4),
    "no end.py": SAMPLE.rstrip(b"\n"),
    "bom.py": b"\xef\xbb\xbf" + SAMPLE,
    "latin.py": b"# coding: latin-1\ns = '\xe9'\n" + SAMPLE,
    "feed.py": SAMPLE.replace(b"print", b"\x0c\nprint"),
    "escape.py": SAMPLE.replace(b"    acc.append(x)", b"    acc.append(x)  # \x1b[31m"),
    "separators.py": SAMPLE.replace(b"    acc.append(x)", "    acc.append(x)  # \u2028\u0085".encode()),
    "tabs.py": SAMPLE.replace(b"    ", b"\t"),
    "dir/sp ace.py": SAMPLE,
    "quote\".py": SAMPLE,
    "line\nfeed.py": SAMPLE,
    "gr\u00f6\u00dfe.py": SAMPLE,
    "-x.py": SAMPLE,
}


class Tool:
    """How one program is asked to change files, to show a patch, and to look without changing."""

    def __init__(self, name: str, version: str, fix: list[str], diff: list[str] | None, look: list[str]) -> None:
        self.name, self.version, self.fix, self.diff, self.look = name, version, fix, diff, look


class Place:
    """A folder for one experiment, and how programs are run in it."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.root = os.geteuid() == 0

    def tree(self, files: dict[str, bytes]) -> Path:
        tree = self.work / "tree"
        if tree.exists():
            subprocess.run(["chmod", "-R", "u+rwX", str(self.work)], check=False)
            shutil.rmtree(self.work)
        tree.mkdir(parents=True)
        (self.work / "outside.py").write_bytes(SAMPLE)
        for name, data in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tree

    def run(self, command: list[str], tree: Path, timeout: float = 40, user: bool = False, **more) -> tuple[int | None, bytes]:
        """The exit code (None: killed after `timeout` seconds) and what was printed."""
        if user and self.root:
            subprocess.run(["chown", "-R", "65534:65534", str(self.work)], check=True)
            self.work.chmod(0o755)
            more |= {"user": 65534, "group": 65534}
        environment = {**os.environ, "HOME": str(self.work), "BLACK_CACHE_DIR": str(self.work / "cache"), "RUFF_NO_CACHE": "true"}
        try:
            done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                                  env=environment, stdin=subprocess.DEVNULL, **more)
        except subprocess.TimeoutExpired:
            return None, b""
        return done.returncode, done.stdout


def code(value: int | None) -> str:
    if value is None:
        return "hangs"
    return f"exit {value}" if value >= 0 else f"dies of {signal.Signals(-value).name}"


def fate(now: bytes, before: bytes = SAMPLE) -> str:
    return "kept" if now == before else "EMPTY" if not now else "fixed" if len(now) > len(before) // 2 else "TORN"


def at_write(inject: str) -> Callable[[Tool, Place, bool], str]:
    """The write of the new text and all that follow fail, or it is the last thing that happens."""

    def row(tool: Tool, place: Place, quick: bool) -> str:
        tree = place.tree({"a.py": SAMPLE})
        log = place.work / "log"
        # The write is found by what it writes, because every tool writes something else before.
        trace = ["strace", "-f", "-qq", "-s", "40", "-o", str(log), "-e", "trace=write,pwrite64"]
        place.run([*trace, *tool.fix, "a.py"], tree)
        seen: dict[str, int] = {}
        number = 0
        for line in log.read_text(errors="replace").splitlines():
            thread, _, call = line.partition(" ")
            if "write" in call.split("(")[0]:
                seen[thread] = seen.get(thread, 0) + 1
                if any(start in call for start in ('"import os', '"\\n\\ndef add', '"def add')) and not number:
                    number = seen[thread]
        tree = place.tree({"a.py": SAMPLE})
        inject_ = f"inject=write,pwrite64:{inject}:when={number or 1}+"
        got, _ = place.run(["strace", "-f", "-qq", "-o", str(log), "-e", "trace=write,pwrite64", "-e", inject_, *tool.fix, "a.py"], tree)
        left = [name for name in os.listdir(tree) if name != "a.py" and not name.startswith(".ruff_cache")]
        now = (tree / "a.py").read_bytes()
        return f"{fate(now)}, {code(got)}" + (", temporary file left" if left else "")

    return row


def interrupted(tool: Tool, place: Place, quick: bool) -> str:
    trials, files = (5, 300) if quick else (20, 1500)
    texts = {f"m{number}.py": SAMPLE for number in range(files)}
    tree = place.tree(texts)
    start = time.monotonic()
    place.run([*tool.fix, "."], tree, timeout=300)
    whole = time.monotonic() - start
    empty = strays = 0
    for trial in range(trials):
        tree = place.tree(texts)
        child = subprocess.Popen([*tool.fix, "."], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        time.sleep(random.Random(trial).uniform(0, whole))
        os.killpg(child.pid, signal.SIGINT)
        try:
            child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        empty += sum(not (tree / name).read_bytes() for name in texts)
        strays += sum(name not in texts and not name.startswith(".ruff_cache") for name in os.listdir(tree))
    return f"{empty} empty, {strays} temporary files left ({trials} x {files})"


def edited(tool: Tool, place: Place, quick: bool) -> str:
    """The user saves the file after the tool has read it and before it writes: the read that finds the end takes ten
    seconds to come back, and meanwhile a line is appended."""
    tree = place.tree({"a.py": SAMPLE})
    child = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", str(place.work / "log"), "-P", str(tree / "a.py"), "-e", "trace=read",
         "-e", "inject=read:delay_exit=10000000:when=2", *tool.fix, "a.py"],
        cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Every tool has started by then, and has read the file, and waits to be told what it read.
    time.sleep(6)
    with open(tree / "a.py", "ab") as file:
        file.write(b"# an edit of the user\n")
    got = child.wait(timeout=120)
    lost = b"# an edit of the user" not in (tree / "a.py").read_bytes()
    return f"{'LOST' if lost else 'kept'}, {code(got)}"


def beside(lay: Callable[[Path], None]) -> Callable[[Tool, Place, bool], str]:
    """400 ordinary files and something hostile in one run."""

    def row(tool: Tool, place: Place, quick: bool) -> str:
        names = [f"m{number}.py" for number in range(400)]
        tree = place.tree(dict.fromkeys(names, SAMPLE))
        lay(tree)
        limit = (4 << 30, 4 << 30)

        def limited() -> None:
            import resource
            resource.setrlimit(resource.RLIMIT_AS, limit)

        got, _ = place.run([*tool.fix, "."], tree, timeout=60, preexec_fn=limited)
        done = sum((tree / name).read_bytes() not in (SAMPLE, b"") for name in names)
        return f"{done} of 400 done, {code(got)}"

    return row


def chain(tree: Path) -> None:
    (tree / "hostile.py").write_bytes(SAMPLE + b"x = 1" + b"+1" * 10_000 + b"\n")


def loop(tree: Path) -> None:
    (tree / "b.py").symlink_to("c.py")
    (tree / "c.py").symlink_to("b.py")


def endless(tree: Path) -> None:
    (tree / "zero.py").symlink_to("/dev/zero")


def endless_ignore(tree: Path) -> None:
    (tree / ".gitignore").symlink_to("/dev/zero")


def many_comments(tree: Path) -> None:
    (tree / "hostile.py").write_bytes(SAMPLE + b"# c\n" * 250_000)


def outside(named: bool) -> Callable[[Tool, Place, bool], str]:
    def row(tool: Tool, place: Place, quick: bool) -> str:
        tree = place.tree({"a.py": SAMPLE})
        (tree / "link.py").symlink_to("../outside.py")
        got, _ = place.run([*tool.fix, "link.py" if named else "."], tree)
        same = (place.work / "outside.py").read_bytes() == SAMPLE
        return f"{'kept' if same else 'REWRITTEN'}, {code(got)}"

    return row


def through_folder(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"real/a.py": SAMPLE})
    (place.work / "elsewhere").mkdir()
    (place.work / "elsewhere/v.py").write_bytes(SAMPLE)
    (tree / "d").symlink_to("../elsewhere")
    got, _ = place.run([*tool.fix, "."], tree)
    return f"{'kept' if (place.work / 'elsewhere/v.py').read_bytes() == SAMPLE else 'REWRITTEN'}, {code(got)}"


def hard_link(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"a.py": SAMPLE})
    os.link(tree / "a.py", place.work / "other.py")
    place.run([*tool.fix, "a.py"], tree)
    return "the other name keeps its bytes" if (place.work / "other.py").read_bytes() == SAMPLE else "both names changed"


def read_only(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"a.py": SAMPLE})
    (tree / "a.py").chmod(0o444)
    got, _ = place.run([*tool.fix, "a.py"], tree, user=True)
    return f"{fate((tree / 'a.py').read_bytes())}, {code(got)}"


def unreadable(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"a.py": SAMPLE, "shut/b.py": SAMPLE})
    (tree / "shut").chmod(0)
    got, told = place.run([*tool.fix, "."], tree, user=True)
    (tree / "shut").chmod(0o755)
    return f"{code(got)}, {'named' if b'shut' in told else 'not mentioned'}"


def rejected(tool: Tool, place: Place, quick: bool) -> str:
    changed, silent = [], 0
    for name, data in REJECTED.items():
        tree = place.tree({"a.py": data})
        got, _ = place.run([*tool.fix, "a.py"], tree)
        if (tree / "a.py").read_bytes() != data:
            changed.append(name)
        silent += got == 0
    return f"{len(changed)} of {len(REJECTED)} edited, {silent} times exit 0"


def patches(tool: Tool, place: Place, quick: bool) -> str:
    if tool.diff is None:
        return "has no patch"
    right = asked = 0
    for name, data in PATCHED.items():
        tree = place.tree({name: data})
        place.run([*tool.fix, "."], tree)
        fixed = (tree / name).read_bytes()
        if fixed == data:
            continue
        asked += 1
        tree = place.tree({name: data})
        subprocess.run(["git", "init", "-q", str(tree)], check=True)
        patch = subprocess.run([*tool.diff, "."], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        # Names in the patch begin with a letter, with nothing, or are absolute.
        for strip in ("-p1", "-p0", f"-p{len(tree.parts)}"):
            apply = ["git", "-c", "core.autocrlf=false", "apply", strip, "-"]
            if subprocess.run(apply, cwd=tree, input=patch, capture_output=True, check=False).returncode == 0:
                break
        right += (tree / name).read_bytes() == fixed
    return f"{right} of {asked}"


def configured(tool: Tool, place: Place, quick: bool) -> str:
    """Whether a configuration of the tree can turn a look into a change."""
    tree = place.tree({"a.py": SAMPLE})
    (tree / "ruff.toml").write_text('fix = true\nunsafe-fixes = true\n[lint]\nselect = ["F401", "E711", "B006"]\n')
    (tree / "mlfix.toml").write_text("fix = true\n")
    (tree / "pyproject.toml").write_text("[tool.black]\nwrite = true\n")
    got, _ = place.run([*[word for word in tool.look if word != "--isolated"], "a.py"], tree)
    return f"{'kept' if (tree / 'a.py').read_bytes() == SAMPLE else 'CHANGED'}, {code(got)}"


def quotes(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"a.py": SAMPLE})
    secret = place.work / "secret.toml"
    secret.write_text("[registry]\ntoken = 'hunter2'\n")
    (tree / "ruff.toml").write_text(f'extend = "{secret}"\n')
    for name in ("mlfix.toml", "sgconfig.yml", "pyproject.toml"):
        (tree / name).symlink_to(secret)
    _, told = place.run([*[word for word in tool.look if word != "--isolated"], "a.py"], tree)
    return "quotes it" if b"hunter2" in told or b"registry" in told else "says nothing of it"


def terminal(tool: Tool, place: Place, quick: bool) -> str:
    """Control characters of a file name and of a source line on a terminal."""
    name = "a\x1b]0;owned\x07.py"
    tree = place.tree({name: SAMPLE.replace(b"acc.append(x)", b"acc.append(x)  # \x1b]0;owned\x07")})
    seen = b""
    for command in ([*tool.look, "."], [*(tool.diff or tool.look), "."]):
        child, end = pty.fork()
        if child == 0:
            os.chdir(tree)
            os.execv(command[0], command)
        data = b""
        while True:
            try:
                chunk = os.read(end, 65536)
            except OSError:
                break
            if not chunk:
                break
            data += chunk
        os.waitpid(child, 0)
        os.close(end)
        seen += data
    return "raw escape" if b"\x1b]0;owned" in seen else "written out"


def no_room(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"a.py": SAMPLE})
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*(tool.diff or tool.look), "a.py"], cwd=tree, stdout=full, stderr=subprocess.DEVNULL, check=False)
    return code(done.returncode)


def undecodable(tool: Tool, place: Place, quick: bool) -> str:
    tree = place.tree({"a.py": SAMPLE + b"s = '\xe9'\n"})
    got, told = place.run([*tool.look, "a.py"], tree)
    return f"{code(got)}" + (", \u201cAll checks passed!\u201d" if b"All checks passed" in told else "")


ROWS: list[tuple[str, Callable[[Tool, Place, bool], str]]] = [
    ("no space left at the write", at_write("error=ENOSPC")),
    ("input/output error at the write", at_write("error=EIO")),
    ("SIGKILL at the write", at_write("signal=KILL")),
    ("Ctrl-C at a random moment", interrupted),
    ("the user saves the file between read and write", edited),
    ("400 files and `1+1+...` of 20 KB", beside(chain)),
    ("400 files and a loop of symbolic links", beside(loop)),
    ("400 files and a FIFO `p.py`", beside(lambda tree: os.mkfifo(tree / "p.py"))),
    ("400 files and a link to `/dev/zero`", beside(endless)),
    ("400 files and `.gitignore` -> `/dev/zero` (4 GiB allowed)", beside(endless_ignore)),
    ("400 files and 250,000 comment lines", beside(many_comments)),
    ("link to a file outside, met in the folder", outside(False)),
    ("link to a file outside, named", outside(True)),
    ("file behind a linked folder outside", through_folder),
    ("hard link", hard_link),
    ("read-only file", read_only),
    ("unreadable folder", unreadable),
    ("files that CPython rejects", rejected),
    ("file that cannot be decoded, looked at", undecodable),
    ("`git apply` of the patch gives what the fix writes", patches),
    ("a configuration of the tree turns on writing", configured),
    ("an error about the configuration quotes a foreign file", quotes),
    ("control characters on a terminal", terminal),
    ("standard output is full", no_room),
]


def tools(mlfix: Path, venv: Path) -> list[Tool]:
    wanted = [venv / "bin" / name for name in ("ruff", "black", "ast-grep")]
    if not all(path.exists() for path in wanted):
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin/pip"), "install", "-q", "ruff", "black", "ast-grep-cli"], check=True)
    ruff, black, grep = map(str, wanted)
    select = ["--isolated", "--select", "F401,E711,B006", "--unsafe-fixes", "-q"]
    pattern = ["run", "-l", "python", "-p", "$A == None"]
    own = str(mlfix.resolve())

    def version(*command: str) -> str:
        return subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout.split()[1].strip(",")

    return [
        Tool("mlfix", version(own), [own, "--fix", "--unsafe-fixes", "--isolated"],
             [own, "--diff", "--unsafe-fixes", "--isolated"], [own, "--isolated"]),
        Tool("ruff check --fix", version(ruff), [ruff, "check", "--fix", *select], [ruff, "check", "--diff", *select],
             [ruff, "check", "--isolated", "--select", "B006"]),
        Tool("black", version(black), [black, "-q"], [black, "-q", "--diff"], [black, "--check"]),
        Tool("ast-grep", version(grep), [grep, *pattern, "-r", "$A is None", "-U"], None, [grep, *pattern]),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mlfix", type=Path, required=True, help="the program")
    parser.add_argument("--venv", type=Path, help="where the other tools are, or are to be installed")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller trials of Ctrl-C")
    parser.add_argument("--only", nargs="+", default=[""], help="rows whose title holds one of these words")
    arguments = parser.parse_args()
    if not arguments.mlfix.is_file() or shutil.which("strace") is None:
        parser.error("mlfix or strace is not there")
    with tempfile.TemporaryDirectory(prefix="mlfix-compare-") as work:
        os.chmod(work, 0o755)
        mlfix = Path(work) / "mlfix"
        # An ordinary user may not be able to reach the original.
        shutil.copy(arguments.mlfix, mlfix)
        all_tools = tools(mlfix, (arguments.venv or Path(work) / "venv").absolute())
        print("| | " + " | ".join(f"{tool.name} {tool.version}" for tool in all_tools) + " |")
        print("| --- " * (len(all_tools) + 1) + "|", flush=True)
        for title, row in ROWS:
            if not any(word in title for word in arguments.only):
                continue
            cells = []
            for tool in all_tools:
                place = Place(Path(work) / "place")
                try:
                    cells.append(row(tool, place, arguments.quick))
                except (OSError, subprocess.SubprocessError, ValueError) as error:
                    cells.append(f"not measured: {type(error).__name__}")
            print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
