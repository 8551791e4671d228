#!/usr/bin/env python3
"""Fail, kill, interrupt and race the real mlfix, and count what is lost.

    python3 benches/reliability/faults.py --mlfix target/release/mlfix [--quick] [--only NAME ...]

Linux only; `faults` needs strace, `full` needs root (it mounts a small file system), what is missing is said. The parts:

  faults     each system call on the way of a file fails (ENOSPC, EIO, EACCES, EINTR), or the process is killed or
             interrupted at it: afterwards the file has its old bytes or its new ones, and the exit code says which
  full       the file system really is full
  interrupt  Ctrl-C at a random moment: no empty file, no temporary file, exit 130
  kill       SIGKILL at a random moment: no empty file, no torn one; the next run does the rest
  edits      somebody saves each file after it was read and before it is replaced: no edit is lost
  moments    somebody saves files at random moments of a run: how many fall between the last comparison and the rename
  readers    somebody reads a file in a loop while it is rewritten: each read is the old text or the new one
  twice      two runs over one tree at once: every file is done, and nothing is left behind

Each part prints its figures on one line. Exit status: 0 all as promised, 1 not, 2 usage.
"""

import argparse
import collections
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

OLD = b"def add(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\nprint(add(1))\n"
# The system calls between the first look at a file and the last, and those that are met by the path of a file only,
# because the start of the program makes many of them, too.
BY_CALL = ["openat2", "faccessat2", "write", "flistxattr", "fgetxattr", "fsetxattr", "fchown", "fchmod", "fsync", "renameat"]
BY_PATH = ["openat", "statx", "read", "close", "getdents64"]
ERRORS = ["error=ENOSPC", "error=EIO", "error=EACCES", "error=EINTR", "signal=KILL", "signal=INT"]


class Run:
    """The program and the folder to work in."""

    def __init__(self, mlfix: Path, work: Path, quick: bool) -> None:
        self.mlfix, self.work, self.quick = mlfix.resolve(), work, quick
        tree = self.tree("new", 1)
        self.fix(tree)
        self.new = (tree / "m0.py").read_bytes()
        assert self.new != OLD, "mlfix does not fix the sample"

    def tree(self, name: str, files: int) -> Path:
        tree = self.work / name
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        for number in range(files):
            (tree / f"m{number}.py").write_bytes(OLD)
        return tree

    def command(self, tree: Path, *more: str) -> list[str]:
        return [str(self.mlfix), "--fix", "--isolated", *more, str(tree)]

    def fix(self, tree: Path, *more: str) -> int:
        return subprocess.run(self.command(tree, *more), capture_output=True, timeout=300).returncode


def strays(tree: Path) -> list[str]:
    return [name for name in os.listdir(tree) if not name.endswith(".py")]


def faults(run: Run) -> tuple[bool, str]:
    if shutil.which("strace") is None:
        return True, "left out: there is no strace"
    points, outcomes, bad = 0, collections.Counter(), []

    def scene() -> Path:
        tree = run.tree("faults", 1)
        path = tree / "m0.py"
        path.chmod(0o640)
        try:
            os.setxattr(path, "user.one", b"1")
            if os.geteuid() == 0:
                os.chown(path, 1234, 1235)
        except OSError:
            pass
        return tree

    def trace(tree: Path, options: list[str]) -> subprocess.CompletedProcess[bytes]:
        log = run.work / "trace"
        command = ["strace", "-f", "-qq", "-o", str(log), *options, *run.command(tree, "--jobs", "1")]
        return subprocess.run(command, capture_output=True, timeout=120)

    for calls, by_path in ((BY_CALL, False), (BY_PATH, True)):
        tree = scene()
        where = ["-P", str(tree), "-P", str(tree / "m0.py")] if by_path else []
        trace(tree, [*where, "-e", "trace=" + ",".join(calls)])
        # How often a single thread makes each call: strace counts for each by itself.
        counts: collections.Counter[tuple[str, str]] = collections.Counter()
        for line in (run.work / "trace").read_text(errors="replace").splitlines():
            if found := re.match(r"(\d+)\s+(\w+)\(", line):
                counts[found[1], found[2]] += 1
        most = {call: max((n for (_, name), n in counts.items() if name == call), default=0) for call in calls}
        for call in calls:
            for number in range(1, most[call] + 1):
                for error in ERRORS[:2] + ERRORS[4:5] if run.quick else ERRORS:
                    tree = scene()
                    path = tree / "m0.py"
                    done = trace(tree, [*where, "-e", f"trace={call}", "-e", f"inject={call}:{error}:when={number}"])
                    points += 1
                    name, now = f"{call} {number} {error}", path.read_bytes()
                    killed = error == "signal=KILL"
                    if now not in (OLD, run.new):
                        bad.append(f"{name}: {len(now)} bytes, neither old nor new")
                    if now == OLD and done.returncode == 0:
                        bad.append(f"{name}: exit 0, and the file is old")
                    stat = path.stat()
                    if stat.st_mode & 0o7777 != 0o640 or (os.geteuid() == 0 and (stat.st_uid, stat.st_gid) != (1234, 1235)):
                        bad.append(f"{name}: mode or owner is another one")
                    # To remove a temporary file may fail, too; here only one call fails.
                    if strays(tree) and not killed:
                        bad.append(f"{name}: left {strays(tree)}")
                    outcomes["killed" if killed else "old" if now == OLD else "new"] += 1
                    for stray in strays(tree):
                        # As if it were from long ago.
                        os.utime(tree / stray, (time.time() - 7200, time.time() - 7200))
                    (tree / "m0.py").write_bytes(OLD)
                    if run.fix(tree) != 0 or path.read_bytes() != run.new or strays(tree):
                        bad.append(f"{name}: the next run does not come to the end: {strays(tree)}")
    told = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    return not bad, f"{points} points: {points - len(bad)} as promised ({told})" + "".join(f"\n    {line}" for line in bad[:20])


def full(run: Run) -> tuple[bool, str]:
    disk = run.work / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True).returncode == 0
    if not mounted:
        return True, "left out: it takes root and the right to mount"
    bad = []
    big = OLD + b"".join(b"# %064d\nx = 1\n" % number for number in range(500))
    try:
        for free in range(0, 64 * 1024, 4096):
            for name in os.listdir(disk):
                (disk / name).unlink()
            (disk / "m0.py").write_bytes(big)
            left = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
            (disk / "filler").write_bytes(b"x" * max(0, left - free))
            code = run.fix(disk)
            now = (disk / "m0.py").read_bytes()
            want = (2, False) if now == big else (0, True)
            if (code, now == run.new + big[len(OLD):]) != want or len(os.listdir(disk)) != 2:
                bad.append(f"{free} bytes free: exit {code}, {len(now)} bytes, {os.listdir(disk)}")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    return not bad, f"16 sizes of the rest: {16 - len(bad)} old or new with the right exit code, no temporary file" + "".join(f"\n    {line}" for line in bad)


def stopped(run: Run, signal_: signal.Signals) -> tuple[bool, str]:
    trials, files = (10, 300) if run.quick else (100, 1500)
    tree = run.tree("stopped", files)
    start = time.monotonic()
    run.fix(tree)
    whole = time.monotonic() - start
    empty = torn = left = summaries = 0
    codes: collections.Counter[int] = collections.Counter()
    for trial in range(trials):
        tree = run.tree("stopped", files)
        child = subprocess.Popen(run.command(tree), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(random.Random(trial).uniform(0, whole))
        child.send_signal(signal_)
        told = child.communicate(timeout=120)[1]
        codes[child.returncode] += 1
        summaries += b"of" in told and b"Fixed" in told or b"Nothing to fix" in told
        for name in os.listdir(tree):
            now = (tree / name).read_bytes()
            if not name.endswith(".py"):
                left += 1
            else:
                empty += not now
                torn += now not in (OLD, run.new)
    figures = f"{trials} trials of {files} files: {empty} empty, {torn} torn, {left} temporary files"
    if signal_ == signal.SIGKILL:
        again = run.fix(tree)
        rest = sum((tree / f"m{n}.py").read_bytes() != run.new for n in range(files))
        return not (empty or torn or again or rest), f"{figures} (swept an hour later), {rest} files not done by the next run"
    # Before the handler is set, and after the last file, the signal finds another program state.
    right = all(code in (130, 0, -signal.SIGINT) for code in codes) and codes[130] >= trials // 2
    told = ", ".join(f"{count} x exit {code}" for code, count in sorted(codes.items()))
    return not (empty or torn or left) and right, f"{figures}; {told}; {summaries} summaries"


MARK = b"# an edit of the user\n"


def save(path: Path, replacing: bool) -> None:
    if replacing:
        # As most editors do it. What was read may be old by now for the editor as well: that is its own affair.
        swap = path.with_suffix(".swap")
        swap.write_bytes(path.read_bytes() + MARK)
        os.replace(swap, path)
    else:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.write(file, MARK)
        os.close(file)


def edits(run: Run) -> tuple[bool, str]:
    if shutil.which("strace") is None:
        return True, "left out: there is no strace"
    trials, lost, refused, bad = 100 if run.quick else 1000, 0, 0, 0
    hold = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=100000:when=1"]
    for trial in range(trials):
        tree = run.tree("edits", 1)
        path = tree / "m0.py"
        child = subprocess.Popen([*hold, *run.command(tree, "--jobs", "1")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # The new text stands beside the file, and is held up on the way to the medium.
        while not strays(tree) and child.poll() is None:
            time.sleep(0.001)
        save(path, trial % 2 == 1)
        told = child.communicate(timeout=60)[1]
        lost += MARK not in path.read_bytes()
        refused += b"changed since it was read" in told and child.returncode == 2
        bad += bool(strays(tree))
    return not lost and not bad, f"{trials} files saved between reading and replacing: {lost} edits lost, {refused} refused and named"


def moments(run: Run) -> tuple[bool, str]:
    trials, files = 100 if run.quick else 1000, 4
    chance = random.Random(1)
    times = []
    for _ in range(5):
        tree = run.tree("moments", files)
        start = time.monotonic()
        run.fix(tree)
        times.append(time.monotonic() - start)
    lost, left, refused, outcomes = [0, 0], 0, 0, collections.Counter()
    for trial in range(trials):
        tree = run.tree("moments", files)
        paths = [tree / f"m{number}.py" for number in range(files)]
        child = subprocess.Popen(run.command(tree, "--jobs", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(chance.uniform(0.2, 1.1) * sorted(times)[2])
        for path in paths:
            save(path, trial % 2 == 1)
        told = child.communicate(timeout=60)[1]
        refused += told.count(b"changed since it was read") + told.count(b"changed while it was read")
        left += len(strays(tree))
        for path in paths:
            now = path.read_bytes()
            lost[trial % 2] += MARK not in now
            outcomes["behind the fix" if now == run.new + MARK else "instead of it" if now == OLD + MARK else "before it"] += 1
    told = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    # Nobody can compare and rename in one step: on a busy machine the scheduler may come in between. A figure, no promise.
    return not left, (
        f"{trials * files} files saved at random moments ({told}): {refused} refused; lost between comparison and rename: "
        f"{lost[0]} that were appended, {lost[1]} that replaced the file")


def readers(run: Run) -> tuple[bool, str]:
    wanted = 20_000 if run.quick else 1_000_000
    tree = run.tree("readers", 8)
    paths = [str(tree / f"m{number}.py") for number in range(8)]
    counts = [0, 0]
    over = threading.Event()
    torn = []

    def rewrite() -> None:
        while not over.is_set():
            run.fix(tree, "-q")
            for number in range(8):
                swap = tree / "swap"
                swap.write_bytes(OLD)
                os.replace(swap, tree / f"m{number}.py")
            counts[1] += 1

    writer = threading.Thread(target=rewrite)
    writer.start()
    while counts[0] < wanted:
        for path in paths:
            file = os.open(path, os.O_RDONLY)
            now = os.read(file, 4096)
            os.close(file)
            counts[0] += 1
            if now != OLD and now != run.new:
                torn.append(now)
    over.set()
    writer.join()
    return not torn, f"{counts[0]} reads during {counts[1]} runs: {len(torn)} torn"


def twice(run: Run) -> tuple[bool, str]:
    rounds, files = (3, 100) if run.quick else (20, 400)
    bad = 0
    for _ in range(rounds):
        tree = run.tree("twice", files)
        both = [subprocess.Popen(run.command(tree), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
        for child in both:
            child.wait(timeout=300)
        run.fix(tree)
        bad += len(strays(tree)) + sum((tree / f"m{number}.py").read_bytes() != run.new for number in range(files))
    return bad == 0, f"{rounds} times two runs over {files} files: {bad} files wrong or left behind"


PARTS = {
    "faults": faults,
    "full": full,
    "interrupt": lambda run: stopped(run, signal.SIGINT),
    "kill": lambda run: stopped(run, signal.SIGKILL),
    "edits": edits,
    "moments": moments,
    "readers": readers,
    "twice": twice,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mlfix", type=Path, required=True, help="the program")
    parser.add_argument("--quick", action="store_true", help="a sample of everything, in about a minute")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts")
    arguments = parser.parse_args()
    if not arguments.mlfix.is_file():
        parser.error(f"not there: {arguments.mlfix}")
    right = True
    with tempfile.TemporaryDirectory(prefix="mlfix-faults-") as work:
        run = Run(arguments.mlfix, Path(work), arguments.quick)
        for name, part in PARTS.items():
            if arguments.only and name not in arguments.only:
                continue
            start = time.monotonic()
            kept, figures = part(run)
            right &= kept
            print(f"{'ok ' if kept else 'BAD'} {name:9} {figures} ({time.monotonic() - start:.0f} s)", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
