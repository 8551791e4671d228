#!/usr/bin/env python3
"""Two Ray nodes on one machine, one of which is killed in the middle of the work; then the results must be there all the same.

    unshare -n sh -c 'ip link set lo up; python tests/clusters/on_ray.py REPOS RUN CODE FIXED'

REPOS is a list of repositories, RUN the folder of records to write, CODE a folder of parquet files and FIXED the one to write.
Prints one line of JSON: how many processes died with their node, and which variables with a token the tasks saw. Ray looks for an
address that others could reach, so it is given a network that has none but its own.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
SECRET = "ghp_thismustnotbeseenanywhere"
os.environ |= {"GITHUB_TOKEN": SECRET, "MLFIX_TOKEN": SECRET}

import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

import mlfix  # noqa: E402
import mlfix.ray  # noqa: E402

# Not the agents of a node, and not a worker that waits.
TASK = re.compile(r"ray::(?!IDLE|\w*Agent)")
NODE = {"num_cpus": 1, "object_store_memory": 200_000_000, "resources": {"git_clone": 2}}


def main() -> None:
    repos, run, code, fixed = map(Path, sys.argv[1:])
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        second = cluster.add_node(**NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        wanted = len(repos.read_text().split())
        records = run / "scan-0-of-1.jsonl.part"
        killer = Killer(cluster, second, lambda: records.exists() and records.read_bytes().count(b"\n") * 4 >= wanted)
        start = time.time()
        sum = mlfix.ray.scan_repos(repos, run, clones=4, resource="git_clone", unsafe_fixes=True)
        scanned = time.time() - start
        said = {"repositories": killer.said(), "sum": sum, "seconds": round(scanned, 1), "secrets": secrets()}
        again = mlfix.ray.scan_repos(repos, run, clones=4, resource="git_clone", unsafe_fixes=True)
        said["again"] = again
        said["deadly"] = deadly(repos.read_text().split()[:3], run.with_name(f"{run.name}-deadly"))

        second = cluster.add_node(**NODE)
        parts = lambda: len(list(fixed.rglob("*.parquet"))) >= 2  # noqa: E731
        killer = Killer(cluster, second, parts)
        start = time.time()
        table = ray.data.read_parquet(str(code), partitioning=None)
        table = table.map_batches(mlfix.fix_batch, batch_format="pyarrow")
        table.write_parquet(str(fixed))
        said["tables"] = killer.said()
        said["table seconds"] = round(time.time() - start, 1)
    finally:
        ray.shutdown()
        cluster.shutdown()
    print(json.dumps(said))


def deadly(repos: list[str], run: Path) -> dict[str, int]:
    """What comes of three repositories, one of which kills whoever looks at it."""
    scan = mlfix.ray._scan

    def look(repo: tuple[str, str | None], means: tuple) -> tuple[bytes, float, float]:
        if repo[0].endswith(repos[1]):
            os._exit(1)
        return scan(repo, means)

    mlfix.ray._scan = look
    try:
        return mlfix.ray.scan_repos(repos, run, retries=1)
    finally:
        mlfix.ray._scan = scan


def secrets() -> list[str]:
    """What a task with the environment of a scan sees of the tokens that stand in that of its node."""

    @ray.remote(runtime_env={"env_vars": dict.fromkeys(mlfix.ray.SECRETS, "")}, num_cpus=1)
    def look() -> list[str]:
        # What the process was started with can be read from outside.
        started = Path("/proc/self/environ").read_bytes().split(b"\0")
        return [entry.split(b"=")[0].decode() for entry in [*started, *map(os.fsencode, os.environ.values())] if SECRET.encode() in entry]

    return sorted({name for names in ray.get([look.remote() for _ in range(8)]) for name in names})


class Killer(threading.Thread):
    """Kills a node as soon as it is time and the node has work in hand."""

    def __init__(self, cluster: Cluster, node: object, is_time: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.cluster, self.node, self.is_time = cluster, node, is_time
        self.victims: list[str] = []
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.over.is_set():
            victims = self.working() if self.is_time() else []
            if victims:
                self.cluster.remove_node(self.node, allow_graceful=False)
                self.victims = victims
                return
            time.sleep(0.02)

    def working(self) -> list[str]:
        """Processes of the node that work on a task: Ray renames them after it."""
        raylet = self.node.all_processes["raylet"][0].process.pid
        listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True).stdout
        children = [line.split(None, 2) for line in listed.splitlines()]
        return [args for _, parent, args in children if int(parent) == raylet and TASK.match(args)]

    def said(self) -> list[str]:
        """The tasks that were killed."""
        self.over.set()
        self.join()
        return self.victims


if __name__ == "__main__":
    main()
