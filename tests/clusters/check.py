#!/usr/bin/env python3
"""Hold mlfix on real engines to what `docs/clusters.md` promises: the result is that of one process.

    python3 tests/clusters/check.py --wheel WHEEL CORPUS [CORPUS ..] [--repositories 200] [--rows 100000] [--engines slurm,ray]

WHEEL is what `pip wheel --no-deps ./python` makes, CORPUS a folder of packages as `benches/corpus/fetch.py` leaves it; it is only
read. Engines are installed: SLURM by apt-get (it wants root), the others by pip into a folder that is removed afterwards; all of
them are started on loopback only. The promises:

 1. the wheel goes into a fresh environment, the first example of the page prints what stands there, and `package.py` holds;
 2. four shards on SLURM, one of which fails and is done again, make the bytes of one process; so do tables in parquet; the trap
    of SLURM_ARRAY_TASK_COUNT is refused;
 3. so do two Ray nodes of which one is killed in the middle, for repositories and for tables;
 4. no repository and no row is there twice or missing, and a bad row is a row with a status;
 5. what works on repositories sees no token, although one stands in the environment;
 6. the recipes of the page for Spark, Dask and `datasets`, run as they stand there, make the same rows.

Exit status: 0 all kept, 1 some broken, 2 usage, 3 something could not be had (it is named) and the rest is kept.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import slurm

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "fleet"))
from repositories import real  # noqa: E402

PAGE = ROOT / "docs" / "clusters.md"
SECRET = "ghp_thismustnotbeseenanywhere"
TOKENS = {"GITHUB_TOKEN": SECRET, "MLFIX_TOKEN": SECRET, "GITLAB_TOKEN": SECRET}
PACKAGES = {"ray": ["ray", "pandas"], "spark": ["pyspark", "pandas<3"], "dask": ["dask[dataframe]", "distributed"], "datasets": ["datasets"]}
BROKEN: list[str] = []
ABSENT: list[str] = []


def promise(kept: bool, what: str) -> bool:
    if not kept:
        BROKEN.append(what)
        print(f"BROKEN: {what}", flush=True)
    return kept


def absent(what: str) -> None:
    ABSENT.append(what)
    print(f"NOT CHECKED: {what}", flush=True)


class Bench:
    """A folder with an environment, repositories, tables, and what one process makes of them."""

    def __init__(self, work: Path, args: argparse.Namespace) -> None:
        self.work, self.args = work, args
        self.environment = os.environ | {"TMPDIR": str(work / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.environment.pop("PYTHONPATH", None)
        (work / "tmp").mkdir()

    def run(self, *command: object, code: int = 0, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=cwd or self.work, env=self.environment | environment, capture_output=True, text=True, timeout=3000)
        if done.returncode != code:
            promise(False, f"{' '.join(words)} ends with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done

    def fresh(self) -> None:
        """Promise 1."""
        folder = self.work / "fresh"
        venv.create(folder, with_pip=True)
        self.run(folder / "bin" / "pip", "install", "-q", "--no-index", self.args.wheel)
        program = self.run(folder / "bin" / "mlfix", "--version").stdout
        promise(self.run(folder / "bin" / "python", "-m", "mlfix", "--version").stdout == program != "", "python -m mlfix")
        self.run(folder / "bin" / "python", HERE / "package.py")
        code, expected = fences("In Python")
        printed = self.run(folder / "bin" / "python", "-c", code).stdout
        promise(printed == expected, f"the example of {PAGE.name} prints\n{printed}")
        size = self.args.wheel.stat().st_size / 1e6
        spent = "import time; t = time.process_time(); import mlfix; print(time.process_time() - t)"
        times = [float(self.run(folder / "bin" / "python", "-c", spent).stdout) for _ in range(7)]
        print(f"the wheel: {size:.1f} MB; `import mlfix` takes {1e3 * sorted(times)[3]:.0f} ms", flush=True)

    def types(self) -> None:
        """What mypy says of the package, and whether its stub says what is there."""
        folder = self.work / "fresh"
        self.run(folder / "bin" / "pip", "install", "-q", "mypy")
        lenient = ["--ignore-missing-imports", "--allow-untyped-calls", "--no-warn-unused-ignores"]
        self.run(folder / "bin" / "mypy", "--strict", *lenient, "-p", "mlfix")
        self.run(folder / "bin" / "stubtest", "mlfix._mlfix")

    def install(self, name: str, packages: list[str]) -> Path | None:
        """The Python of an environment with the wheel and packages."""
        folder = self.work / f"env-{name}"
        venv.create(folder, with_pip=True)
        pip = [folder / "bin" / "pip", "install", "-q", self.args.wheel, "pyarrow", *packages]
        done = subprocess.run(pip, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            absent(f"{name}: pip says {done.stderr.strip().splitlines()[-1]}")
            return None
        listed = subprocess.run([folder / "bin" / "pip", "list", "--format=json"], env=self.environment, capture_output=True, text=True)
        wanted = [re.split(r"\W", package)[0] for package in packages] + ["pyarrow"]
        versions = {row["name"].lower(): row["version"] for row in json.loads(listed.stdout)}
        print(f"{name}: {', '.join(f'{package} {versions[package]}' for package in wanted)}", flush=True)
        return folder / "bin" / "python"

    def one_process(self) -> bool:
        """The measure of everything else."""
        self.python = self.install("pyarrow", ["pandas"])
        if self.python is None:
            return False
        self.run(self.python, HERE / "package.py")
        self.mlfix = self.python.with_name("mlfix")
        self.repos = self.work / "repos.txt"
        repositories = real(self.args.corpora[0], self.work / "repositories", self.args.repositories)
        self.repos.write_text("".join(f"{repository.path}\n" for repository in repositories))
        self.run(self.mlfix, "fleet", "scan", "--repos", self.repos, "--out", "one", "--unsafe-fixes", "-q")
        self.records = self.merged("one")
        lines = [json.loads(line) for line in self.records.splitlines()]
        promise(len({line["repo"] for line in lines}) == len(repositories), "each repository has one record")
        made = self.run(self.python, HERE / "tables.py", "make", "code", self.args.rows, *self.args.corpora).stdout
        self.run(self.python, "-m", "mlfix.parquet", "code", "fixed-one")
        self.rows = self.table("fixed-one")
        print(f"one process: {len(lines)} repositories, {len(self.records) / 1e6:.1f} MB of records; {made.strip()}", flush=True)
        return True

    def merged(self, run: str) -> bytes:
        self.run(self.mlfix, "fleet", "merge", run, "--expect", self.repos)
        return (self.work / run / "records.jsonl").read_bytes()

    def table(self, folder: str) -> dict:
        said = json.loads(self.run(self.python, HERE / "tables.py", "merge", folder, f"{folder}.jsonl").stdout or "{}")
        promise(said.get("rows") == self.args.rows and not said["wrong"], f"{folder}: {said}")
        return said

    def same(self, what: str, run: str, folder: str) -> None:
        """Promises 2, 3 and 4."""
        records, rows = self.merged(run), self.table(folder)
        if promise(records == self.records, f"{what}: other records") & promise(rows == self.rows, f"{what}: other rows: {rows}"):
            print(f"{what}: the bytes of one process", flush=True)
        words = SECRET.encode()
        promise(all(words not in file.read_bytes() for file in (self.work / run).iterdir()), f"{what}: a token in {run}")

    def slurm(self) -> None:
        because = slurm.is_there()
        if because:
            absent(f"SLURM: {because}")
            return
        options = ["--repos", self.repos, "--out", "run-slurm", "--unsafe-fixes"]
        script = self.work / "scan.sbatch"
        script.write_text(self.run(self.mlfix, "fleet", "sbatch", "--shards", "4", "--max", "2", "--", *options).stdout)
        # Before the program stands one that fails once, as node 2 of the array, and writes down what it sees.
        shim = self.work / "bin" / "mlfix"
        shim.parent.mkdir()
        shim.write_text(
            f"#!/bin/bash\nenv >> '{self.work}/seen.'$SLURM_ARRAY_TASK_ID\n"
            f"[ $SLURM_ARRAY_TASK_ID = 2 ] && ! [ -e '{self.work}/second' ] && exit 9\nexec '{self.mlfix}' \"$@\"\n"
        )
        shim.chmod(0o755)
        version = subprocess.run(["slurmctld", "-V"], env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"}, capture_output=True)
        start = time.time()
        with slurm.Slurm(self.work / "slurm") as cluster:
            print(f"{version.stdout.decode().strip()} is up after {time.time() - start:.1f} s", flush=True)
            seen = TOKENS | {"PATH": f"{shim.parent}:{cluster.environment['PATH']}", "TMPDIR": str(self.work / "tmp")}
            if not promise(cluster.sbatch(script, environment=seen) == 9, "the job fails when one of its elements does"):
                return
            said = self.run(self.mlfix, "fleet", "merge", "run-slurm", "--expect", self.repos, code=2).stderr
            promise("have no record" in said, f"merge names what is missing: {said}")
            (self.work / "second").touch()
            promise(cluster.sbatch(script, "--array=2", environment=seen) == 0, "the one element, done again")
            last = (self.work / "seen.2").read_text()
            promise("SLURM_ARRAY_TASK_COUNT=1\n" in last, "SLURM counts one element in an array of one, as the page says")
            self.run(self.mlfix, "fleet", "scan", *options, "--shard", "2/1", code=2)
            for file in self.work.glob("seen.*"):
                promise(SECRET not in file.read_text(), f"a token in {file.name}")
            # The same for tables, with the job script of the page.
            table = self.work / "tables.sbatch"
            table.write_text(fences("Tables on SLURM")[0].replace("fixed ", "fixed-slurm "))
            path = {"PATH": f"{self.python.parent}:{cluster.environment['PATH']}"}
            promise(cluster.sbatch(table, environment=path) == 0, "the job of the tables")
        self.same("four shards on SLURM, one of them done again", "run-slurm", "fixed-slurm")

    def alone(self, *command: object) -> list[object] | None:
        """The command in a network of its own, with nothing but loopback."""
        for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
            script = 'ip link set lo up 2>/dev/null || ifconfig lo up; exec "$@"'
            words = [*unshare, "sh", "-c", script, "sh"]
            if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
                return [*words, *command]
        return None

    def ray(self) -> None:
        python = self.install("ray", PACKAGES["ray"])
        if python is None:
            return
        command = self.alone(python, HERE / "on_ray.py", self.repos, "run-ray", "code", "fixed-ray")
        if command is None:
            absent("Ray: no network namespace can be made, and outside of one it would listen everywhere")
            return
        said = json.loads(self.run(*command, TMPDIR="/tmp").stdout.splitlines()[-1])
        promise("ray::_scan" in said["repositories"], f"a node was killed with a repository in hand: {said}")
        if self.rows["rows"] >= 20_000:
            promise(any("fix_batch" in task for task in said["tables"]), f"a node was killed with rows in hand: {said}")
        promise(said["secrets"] == [], f"tasks see {said['secrets']}")
        promise(said["deadly"].get("failed") == 1 and sum(said["deadly"].values()) == 3, f"one kills its worker: {said['deadly']}")
        promise(said["again"] == {}, "what is done is not done again")
        print(f"killed with their node: {said['repositories']}, {said['tables']}", flush=True)
        self.same("two Ray nodes, one of them killed", "run-ray", "fixed-ray")
        if self.rows["rows"] >= 20_000:
            self.as_written(python)

    def as_written(self, python: Path) -> None:
        """The two examples of the page, on a Ray that they start themselves."""
        folder = self.work / "ray"
        (folder / "code").mkdir(parents=True)
        for file in sorted((self.work / "code").iterdir())[:2]:
            (folder / "code" / file.name).symlink_to(file)
        (folder / "repos.txt").write_text("".join(self.repos.read_text().splitlines(keepends=True)[:5]))
        for heading in ("Repositories", "Tables"):
            (folder / "recipe.py").write_text(fences(heading)[0])
            self.run(*self.alone(python, "recipe.py"), cwd=folder, TMPDIR="/tmp")
        records = self.run(self.mlfix, "fleet", "merge", "run", "--expect", "repos.txt", cwd=folder).stderr
        promise(records.startswith("5 records"), f"the example for repositories: {records}")
        said = json.loads(self.run(self.python, HERE / "tables.py", "merge", folder / "fixed", folder / "rows.jsonl").stdout or "{}")
        promise(said.get("rows", 0) > 2000 and not said["wrong"], f"the example for tables: {said}")

    def recipe(self, name: str, heading: str) -> None:
        """Promise 6."""
        python = self.install(name, PACKAGES[name])
        if python is None:
            return
        folder = self.work / name
        folder.mkdir()
        (folder / "code").symlink_to(self.work / "code")
        (folder / "recipe.py").write_text(fences(heading)[0])
        command = self.alone(python, "recipe.py")
        if command is None:
            absent(f"{name}: no network namespace can be made")
            return
        self.run(*command, cwd=folder, SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=str(python), HF_HOME=str(folder / "hf"), HF_HUB_OFFLINE="1")
        rows = self.table(f"{name}/fixed")
        if promise(rows == self.rows, f"{name}: other rows: {rows}"):
            print(f"{name}: the rows of one process", flush=True)


def fences(heading: str) -> tuple[str, str]:
    """The first fence under a heading of the page, and the one behind it."""
    _, found, text = PAGE.read_text().partition(f"# {heading}\n")
    texts = re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)
    if not found or len(texts) < 2:
        raise SystemExit(f"{PAGE.name} has no example under {heading}")
    return texts[0], texts[1]


def check(args: argparse.Namespace, work: Path) -> None:
    bench = Bench(work, args)
    bench.fresh()
    if args.types:
        bench.types()
    if not args.engines or not bench.one_process():
        return
    recipes = {"spark": "Spark", "dask": "Dask", "datasets": "datasets"}
    for engine in args.engines:
        start = time.time()
        if engine in recipes:
            bench.recipe(engine, recipes[engine])
        else:
            bench.slurm() if engine == "slurm" else bench.ray()
        print(f"{engine}: {time.time() - start:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", metavar="CORPUS", type=Path, nargs="+")
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel to check, or a folder with one")
    parser.add_argument("--repositories", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--rows", type=int, default=100_000, help="how many rows of parquet (default 100000)")
    parser.add_argument("--engines", default="slurm,ray,spark,dask,datasets", help="which; none, to check the wheel alone")
    parser.add_argument("--types", action="store_true", help="also check the types of the package with mypy")
    parser.add_argument("--work", type=Path, help="keep everything in this folder")
    args = parser.parse_args()
    if args.wheel.is_dir():
        [args.wheel] = args.wheel.glob("*.whl")
    args.wheel = args.wheel.resolve()
    args.corpora = [corpus.resolve() for corpus in args.corpora]
    args.engines = [engine for engine in args.engines.split(",") if engine and engine != "none"]
    unknown = set(args.engines) - {"slurm", *PACKAGES}
    if unknown or not all(corpus.is_dir() for corpus in args.corpora):
        parser.error(f"not there: {', '.join(unknown) or args.corpora}")
    if args.work:
        shutil.rmtree(args.work, ignore_errors=True)
        args.work.mkdir(parents=True)
        check(args, args.work.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="mlfix-clusters-") as work:
            check(args, Path(work).resolve())
    print("all is as promised" if not BROKEN else f"{len(BROKEN)} promises are broken")
    return 1 if BROKEN else 3 if ABSENT else 0


if __name__ == "__main__":
    sys.exit(main())
