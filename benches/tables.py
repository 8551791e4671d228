#!/usr/bin/env python3
"""Megabytes a second and core: the program on files, and the same texts as tables, in one process and on Ray with one and two workers.

    python3 benches/tables.py --wheel WHEEL CORPUS [CORPUS ..] [--rows 10000] [--times 3]

CORPUS is a folder of packages as `benches/corpus/fetch.py` leaves it. Processor time counts, of all processes that take part, so it
matters little what else the machine does; the time on the clock is given besides, the best of several. From one worker to two the
work gets faster by as much as processor time does not grow: twice the ratio of both, where two cores are free. Installs pyarrow and
ray into a folder that is removed afterwards.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve()
TABLES = HERE.parent.parent / "tests" / "clusters" / "tables.py"


def measure(command: list, work: Path, output: object = subprocess.DEVNULL) -> tuple[float, float]:
    """Processor time and time on the clock, in seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    subprocess.run([str(word) for word in command], cwd=work, stdout=output, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.time() - start


def in_process(work: Path) -> None:
    """Runs with pyarrow: the bare call, without reading and writing."""
    import pyarrow.parquet as pq

    import mlfix

    tables = [pq.read_table(file) for file in sorted((work / "code").iterdir())]
    mlfix.fix_batch(tables[0].slice(0, 100))
    before, start = time.process_time(), time.time()
    for table in tables:
        for part in range(0, table.num_rows, 1024):
            mlfix.fix_batch(table.slice(part, 1024))
    print(time.process_time() - before, time.time() - start)


def on_ray(work: Path, workers: int) -> None:
    """Runs with Ray: from files to files, and what its processes took meanwhile."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1", "RAY_worker_niceness": "0"}
    import ray

    import mlfix

    ray.init(num_cpus=workers, object_store_memory=500_000_000, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.range(4).map_batches(lambda batch: batch).take_all()
    before, start = spent(), time.time()
    table = ray.data.read_parquet(str(work / "code"), partitioning=None)
    table.map_batches(mlfix.fix_batch, batch_format="pyarrow").write_parquet(str(work / f"fixed-{time.time()}"))
    after = spent()
    print(sum(after.values()) - sum(before.values()), time.time() - start)


def spent() -> dict[int, float]:
    """Processor time of this process and of all below it."""
    rows = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(") ")
        except OSError:
            continue
        fields = rest.split()
        ticks = sum(map(int, fields[11:15]))
        rows[int(stat.parent.name)] = (int(fields[1]), ticks / os.sysconf("SC_CLK_TCK"))
    ours = {os.getpid()}
    while new := {process for process, (parent, _) in rows.items() if parent in ours} - ours:
        ours |= new
    return {process: rows[process][1] for process in ours}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", metavar="CORPUS", type=Path, nargs="+")
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000, help="Ray makes tasks of 128 MB, so it takes 100000 to see it scale (default 10000)")
    parser.add_argument("--times", type=int, default=3, help="the best of so many (default 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlfix-tables-") as folder:
        work = Path(folder)
        venv.create(work / "env", with_pip=True)
        python = work / "env" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", args.wheel.resolve(), "pyarrow", "pandas", "ray"], check=True)
        corpora = [corpus.resolve() for corpus in args.corpora]
        print(subprocess.run([python, TABLES, "make", work / "code", str(args.rows), *corpora], check=True, capture_output=True, text=True).stdout.strip())
        # Those that are no good.
        (work / "code" / "part-000000000.parquet").unlink()
        subprocess.run([python, TABLES, "files", work / "code", work / "files"], check=True)
        size = sum(file.stat().st_size for file in (work / "files").rglob("*.py")) / 1e6

        def ours(*words: object) -> tuple[float, float]:
            alone = ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
            said = subprocess.run([*alone, python, HERE, *map(str, words)], check=True, capture_output=True, text=True, cwd=work).stdout
            processor, clock = said.split()[-2:]
            return float(processor), float(clock)

        program = [python.with_name("mlfix"), "--diff", "--isolated", "--no-cache", "-q", "--jobs"]
        ways = {
            "mlfix --diff, one thread": lambda: measure([*program, 1, "."], work / "files"),
            "mlfix --diff, two threads": lambda: measure([*program, 2, "."], work / "files"),
            "fix_batch": lambda: ours("in-process", work),
            "python -m mlfix.parquet": lambda: measure([python, "-m", "mlfix.parquet", "code", f"fixed-{time.time()}"], work),
            "Ray Data, one worker": lambda: ours("on-ray", work, 1),
            "Ray Data, two workers": lambda: ours("on-ray", work, 2),
        }
        for name, way in ways.items():
            times = [way() for _ in range(args.times)]
            processor, clock = min(time[0] for time in times), min(time[1] for time in times)
            print(f"{name:26}{size / processor:6.1f} MB/s and core{size / clock:7.1f} MB/s on the clock", flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["in-process"]:
        in_process(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["on-ray"]:
        on_ray(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main())
