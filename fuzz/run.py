#!/usr/bin/env python3
"""Try what must hold of every input on inputs that libFuzzer makes up.

    python3 fuzz/run.py [TARGET ..] [--seconds N] [--jobs N]

Targets: fix, reindent, skim, patch, edits, config, and all, which tries each input on one of the six (default). Each runs
for N seconds (default 120) in as many processes as there are cores, or as `--jobs` says. It needs stable Rust and
a C++ compiler; with clang the C code of the parser tells libFuzzer, too, which of its branches an input takes.
`cargo fuzz run TARGET -s none` does the same for one target.

What is stored in `seeds/TARGET` and the code of the documented cases is where it starts from; what it finds worth keeping
goes to `target/fuzz/corpus/TARGET`. Prints how many inputs were tried. Exit status: 0 all promises hold, 1 an input
breaks one (it is shown, and stays in `target/fuzz/artifacts`), 2 the targets cannot be built.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "target" / "fuzz"
# In the order in which `src/lib.rs` counts them.
TARGETS = ("fix", "reindent", "skim", "patch", "edits", "config")
# Those that get Python, and the bytes that their inputs start with.
PYTHON = {"fix": b"", "skim": b"", "reindent": b"\x00\x01\x00\x01"}
# As cargo-fuzz has them: counters for each branch, and a callback for each comparison.
SANCOV = (
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
)
LIMITS = ("-timeout=20", "-rss_limit_mb=4096", "-max_len=4096", "-print_final_stats=1", "-verbosity=1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}, all (default)")
    parser.add_argument("--seconds", type=int, default=120, help="for each target (default 120)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    args = parser.parse_args()
    targets = args.targets or ["all"]
    if unknown := set(targets) - {*TARGETS, "all"}:
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    binaries = build(targets)
    if binaries is None:
        return 2
    seeds()
    return max([fuzz(target, binaries / target, args.seconds, args.jobs) for target in targets])


def build(targets):
    """Builds the targets; answers the folder of the binaries."""
    env = dict(os.environ)
    host = re.search(r"host: (\S+)", subprocess.run(["rustc", "-vV"], capture_output=True, text=True).stdout)
    clang = next(filter(None, map(shutil.which, ("clang", "clang-19", "clang-16", "clang-15", "clang-14"))), None)
    if clang:
        env["CC"], env["CFLAGS"] = clang, "-fsanitize=fuzzer-no-link -O1 -g"
    # Line numbers for the stack of what breaks; linking everything anew for each target would take minutes.
    env["CARGO_PROFILE_RELEASE_DEBUG"], env["CARGO_PROFILE_RELEASE_STRIP"] = "line-tables-only", "none"
    env["CARGO_PROFILE_RELEASE_LTO"] = "off"
    env["RUSTFLAGS"] = " ".join((*SANCOV, "-Cdebug-assertions", "-Ccodegen-units=4", "--cfg=fuzzing"))
    print(f"the parser's C code is compiled {'by ' + clang + ' and counted' if clang else 'without counters: no clang'}")
    # With `--target` the flags do not reach build scripts and macros.
    command = ["cargo", "build", "--release", "--locked", "--package", "mlfix-fuzz"]
    command += ["--target", host[1], "--target-dir", WORK / "build", "--quiet"]
    command += [part for target in targets for part in ("--bin", target)]
    start = time.monotonic()
    if not host or subprocess.run(command, env=env, cwd=ROOT).returncode:
        return None
    print(f"built in {time.monotonic() - start:.0f} s", flush=True)
    return WORK / "build" / host[1] / "release"


def seeds():
    """Lays out the stored inputs and the documented cases, for each target and for `all`."""
    shutil.rmtree(WORK / "seeds", ignore_errors=True)
    code = []
    for page in sorted(ROOT.glob("transforms/*/README.md")):
        code += re.findall(r"^```python[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for number, target in enumerate(TARGETS):
        stored = sorted(path.read_bytes() for path in (HERE / "seeds" / target).glob("*"))
        stored += [PYTHON[target] + text.encode() for text in code] if target in PYTHON else []
        for name, prefix in ((target, b""), ("all", bytes([number]))):
            folder = WORK / "seeds" / name
            folder.mkdir(parents=True, exist_ok=True)
            for index, data in enumerate(stored):
                folder.joinpath(f"{target}-{index}").write_bytes(prefix + data)


def fuzz(target, binary, seconds, jobs):
    corpus, artifacts = WORK / "corpus" / target, WORK / "artifacts" / target
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    known = set(artifacts.iterdir())
    command = [binary, *LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={artifacts}/"]
    command += [f"-dict={HERE / 'words.dict'}", corpus, WORK / "seeds" / target]
    logs = [WORK / f"{target}-{job}.log" for job in range(jobs)]
    running = []
    for log in logs:
        with log.open("wb") as out:
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=out, cwd=WORK))
    broken = [log for log, process in zip(logs, running) if process.wait()]
    text = [log.read_text(errors="replace") for log in logs]
    tried = sum(int(n) for n in re.findall(r"number_of_executed_units: (\d+)", "".join(text)))
    reached = max([int(n) for n in re.findall(r"cov: (\d+)", "".join(text))], default=0)
    print(f"{target}: {tried:,} inputs in {seconds} s, {reached:,} branches, {len(broken)} broken", flush=True)
    for log in broken:
        print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-60:]))
    for artifact in sorted(set(artifacts.iterdir()) - known):
        print(f"{artifact.relative_to(ROOT)}:\n{artifact.read_bytes()!r}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
