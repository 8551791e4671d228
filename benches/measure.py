"""How the scripts of this folder run a command and compare it with others. Not run by itself."""

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Sample:
    """One run: seconds on the clock, seconds of processor time (user and system), peak memory in MB, exit status."""

    wall: float
    cpu: float
    peak: float
    status: int
    stderr: bytes = b""


@dataclass
class Command:
    """What is run, where, and what puts everything back before each run (not measured)."""

    name: str
    words: list[str]
    folder: Path
    before: object = None
    variables: dict[str, str] | None = None


def run(command: Command, keep_stderr: bool = False, limit: int = 900) -> Sample:
    """Run it once. The kernel counts for this child alone; output goes nowhere.

    After `limit` seconds of processor time it is killed: a busy machine makes nobody late.

    The peak is at least that of this interpreter, about 15 MB, because the child starts as a copy of it.
    """
    if command.before:
        command.before()
    stderr = subprocess.PIPE if keep_stderr else subprocess.DEVNULL
    start = time.perf_counter()
    child = subprocess.Popen(
        command.words,
        cwd=command.folder,
        env={**os.environ, **(command.variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
    )
    said = child.stderr.read() if child.stderr else b""
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return Sample(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, child.returncode, said)


def side_by_side(commands: list[Command], rounds: int) -> list[list[Sample]]:
    """Every command once in each round, in turn, so that a busy moment of the machine meets all of them."""
    samples: list[list[Sample]] = [[] for _ in commands]
    for number in range(rounds):
        # Each round begins with another command.
        for step in range(len(commands)):
            index = (number + step) % len(commands)
            samples[index].append(run(commands[index]))
    return samples


def ratio(samples: list[Sample], reference: list[Sample], what: str) -> float:
    """The median over the rounds of the quotient within a round."""
    return statistics.median(getattr(a, what) / max(getattr(b, what), 1e-9) for a, b in zip(samples, reference))


def median(samples: list[Sample], what: str) -> float:
    return statistics.median(getattr(sample, what) for sample in samples)


def instructions(command: Command) -> float | None:
    """Instructions in user space, in millions, which a busy machine does not change. None without `perf`."""
    if shutil.which("perf") is None:
        return None
    if command.before:
        command.before()
    words = ["perf", "stat", "-x", ";", "-e", "instructions:u", "--", *command.words]
    env = {**os.environ, **(command.variables or {})}
    done = subprocess.run(words, cwd=command.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    for line in reversed(done.stderr.decode("utf-8", "replace").splitlines()):
        if "instructions" in line and line.split(";")[0].isdigit():
            return int(line.split(";")[0]) / 1e6
    return None


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def machine() -> str:
    """One line: processor, cores that this process may use, system, date."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.0f} before the run" if hasattr(os, "getloadavg") else ""
    return f"{model}, {cores} cores, {platform.system()} {platform.release()}, {time.strftime('%Y-%m-%d')}{load}"


def version(words: list[str]) -> str:
    """What a program says of itself, or that it is missing."""
    try:
        done = subprocess.run([*words, "--version"], capture_output=True, text=True, timeout=20)
    except OSError:
        return "missing"
    except subprocess.TimeoutExpired:
        return "unknown (no answer within 20 s)"
    return done.stdout.split("\n")[0].strip() or "unknown"


def find_tool(name: str, tools: Path | None) -> str | None:
    """The program in the folder of `--tools`, else on PATH."""
    if tools is not None and (tools / name).is_file():
        return str(tools / name)
    return shutil.which(name)


def say(text: str = "") -> None:
    print(text)
    sys.stdout.flush()
