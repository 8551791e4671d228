#!/usr/bin/env python3
"""What the Python package promises, tried from Python. Run it where the wheel is installed; without pyarrow or pandas, what needs
them is passed over.

    python tests/clusters/package.py
"""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import mlfix
from mlfix import _mlfix
from mlfix.__main__ import program

FIXABLE = "def add(x, acc=[]):\n    acc.append(x)\n    return acc\n"
FIXED = "def add(x, acc=None):\n    if acc is None:\n        acc = []\n    acc.append(x)\n    return acc\n"
SLOW = "".join(f"def f{i}(x, acc=[]):\n    acc.append(x)\n    return acc\n" for i in range(500)).encode()


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class Texts(unittest.TestCase):
    def test_each_status(self) -> None:
        for source, status, because in [
            (FIXABLE, "changed", None),
            ("x = 1\n", "clean", None),
            ("", "clean", None),
            (FIXABLE + "def f(:\n", "skipped", "syntax error at line 4"),
            (FIXABLE + "\0", "skipped", "NUL"),
            (FIXABLE + "# x\n" * 100_000, "skipped", "comment lines"),
            (FIXABLE + "(" * 100_000, "skipped", ""),
            (FIXABLE + "x = " + "+".join(["1"] * 200_000), "skipped", "nested"),
            ("x = 1\n" * 1_000_000, "skipped", "4 MiB"),
        ]:
            result = mlfix.fix_source(source.encode())
            self.assertEqual(result.status, status, source[:99])
            self.assertEqual(result.source, (FIXED if status == "changed" else source).encode())
            if because is None:
                self.assertIsNone(result.because)
            else:
                self.assertIn(because, result.because)
        self.assertEqual(mlfix.fix_source(b"# \xff\n" + FIXABLE.encode()).status, "skipped")
        self.assertEqual(mlfix.fix_source(bytearray(b"x = 1\n")).source, b"x = 1\n")

    def test_findings_are_those_of_the_program(self) -> None:
        result = mlfix.fix_source(FIXABLE.encode(), Path("a.py"))
        command = [program(), "--diff", "--output-format", "json", "--isolated", "-q", "-"]
        # Standard output is for the patch.
        said = subprocess.run(command, input=FIXABLE.encode(), capture_output=True).stderr
        self.assertEqual(result.findings, json.loads(said)["files"][0]["findings"])

    def test_options(self) -> None:
        source = FIXABLE.encode()
        for options in ({"select": "mutate-while-iterating"}, {"ignore": "B006, B909"}, {"ignore": ["mutable-default"]}):
            self.assertEqual(mlfix.fix_source(source, **options).status, "clean", options)
        self.assertEqual(mlfix.fix_source(source, "old/a.py", exclude=["old"]).because, "excluded")
        returns = b"def add(x, acc=[]):\n    acc.append(x)\n    print(acc)\n    return len(acc)\n"
        self.assertEqual(mlfix.fix_source(returns).status, "findings")
        self.assertEqual(mlfix.fix_source(returns, unsafe_fixes=True).status, "changed")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mlfix.toml"
            file.write_text('[per-file-ignores]\n"tests/*" = ["B006"]\n')
            self.assertEqual(mlfix.fix_source(source, "tests/a.py", config=file).status, "clean")
            self.assertEqual(mlfix.fix_source(source, "a.py", config=file).status, "changed")
            file.write_text('ignore = ["mutable-default"]\n')
            self.assertEqual(mlfix.fix_source(source, "a.py", config=file).status, "clean")

    def test_what_is_wrong_is_named(self) -> None:
        for expected, options in [
            ("select: there is no transform `mutabel-default`; did you mean `mutable-default`?", {"select": "mutabel-default"}),
            ("target_version: `2.7` is not a Python 3 version", {"target_version": "2.7"}),
            ("exclude: `[` is not a pattern", {"exclude": "["}),
        ]:
            with self.assertRaisesRegex(ValueError, expected.replace("[", "\\[").replace("?", "\\?")):
                mlfix.fix_source(b"", **options)
        with self.assertRaises(FileNotFoundError):
            mlfix.fix_source(b"", config="none.toml")
        with self.assertRaisesRegex(TypeError, "bytes are needed, not str"):
            mlfix.fix_source("text")  # type: ignore[arg-type]

    def test_other_threads_run_meanwhile(self) -> None:
        thread = threading.Thread(target=lambda: [mlfix.fix_source(SLOW) for _ in range(4)])
        thread.start()
        count = 0
        while thread.is_alive():
            count += 1
            time.sleep(0.001)
        self.assertGreater(count, 10)

    def test_the_interpreter_hears_signals(self) -> None:
        def ring(*_: object) -> None:
            raise InterruptedError

        usual = signal.signal(signal.SIGALRM, ring)
        try:
            start = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with self.assertRaises(InterruptedError):
                mlfix.fix_batch({"content": [SLOW] * 2000}, path=None)
            self.assertLess(time.monotonic() - start, 10)
        finally:
            signal.signal(signal.SIGALRM, usual)

    def test_a_fork_works_on(self) -> None:
        mlfix.fix_source(FIXABLE.encode())
        child = os.fork()
        if child == 0:
            os._exit(0 if mlfix.fix_source(FIXABLE.encode()).source == FIXED.encode() else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class Tables(unittest.TestCase):
    BAD = ["\ud800", 3, None, float("nan"), b"\xff", "def f(:\n" + FIXABLE, "y" * 5_000_000]

    def test_a_mapping(self) -> None:
        batch = {"content": [FIXABLE, FIXABLE.encode(), *self.BAD], "n": list(range(9))}
        made = mlfix.fix_batch(batch, path=None)
        self.assertEqual(list(made), ["content", "n", "mlfix_status", "mlfix_because", "mlfix_findings", "mlfix_content"])
        self.assertEqual(made["mlfix_content"], [FIXED, FIXED.encode(), *[None] * 7])
        self.assertEqual(made["mlfix_status"][:2], ["changed", "changed"])
        self.assertEqual(set(made["mlfix_status"][2:]) - {"skipped", "clean"}, set())
        self.assertEqual(made["mlfix_because"][3], "neither bytes nor text but `int`")
        self.assertEqual(json.loads(made["mlfix_findings"][0])[0]["transform"], "mutable-default")

    def test_paths_say_what_is_left_out(self) -> None:
        paths = ["a.py", "a.txt", "vendor/a.py", "a_pb2.py", None, b"b\xff.py", "/abs/a.py", "../a.py"]
        made = mlfix.fix_batch({"content": [FIXABLE] * 8, "path": paths})
        because = [None, "not Python", "code of others", "generated", "it has no path", None, None, None]
        self.assertEqual(made["mlfix_because"], because)

    def test_mistakes_in_the_call_are_exceptions(self) -> None:
        good = {"content": [FIXABLE], "path": ["a.py"]}
        with self.assertRaisesRegex(KeyError, "no column `text`; there are: content, path"):
            mlfix.fix_batch(good, content="text")
        with self.assertRaisesRegex(ValueError, "there is a column `mlfix_status` already"):
            mlfix.fix_batch(mlfix.fix_batch(good))
        with self.assertRaisesRegex(TypeError, "not list"):
            mlfix.fix_batch([])
        self.assertIn("new_status", mlfix.fix_batch(mlfix.fix_batch(good), prefix="new_"))

    @unittest.skipUnless(has("pyarrow"), "pyarrow is not here")
    def test_arrow(self) -> None:
        import pyarrow as pa

        for kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
            made = mlfix.fix_batch(pa.table({"content": pa.array([FIXABLE, None], kind)}), path=None)
            self.assertEqual(made.schema.field("mlfix_content").type, kind)
            self.assertEqual(made.column("mlfix_status").to_pylist(), ["changed", "skipped"])
            self.assertEqual(mlfix.fix_batch(made.slice(0, 0), path=None, prefix="x").schema.field("xcontent").type, kind)
        parts = pa.table({"content": pa.array([FIXABLE] * 3).dictionary_encode(), "path": ["a.py"] * 3})
        self.assertEqual(mlfix.fix_batch(parts).column("mlfix_content").to_pylist(), [FIXED] * 3)
        self.assertEqual(mlfix.fix_batch(parts.to_batches()[0]).column(2).to_pylist(), ["changed"] * 3)
        # Nobody checks that a column of text is UTF-8.
        text = b"# \xff\n" + FIXABLE.encode() + b"# -*- coding: latin-1 -*-\n'\xe9'\n" + FIXABLE.encode()
        offsets = b"".join(n.to_bytes(4, "little") for n in (0, 4 + len(FIXABLE), len(text)))
        wrong = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
        made = mlfix.fix_batch(pa.table({"content": wrong}), path=None)
        self.assertEqual(made.column("mlfix_because").to_pylist(), ["a text that is not UTF-8"] * 2)
        made = mlfix.fix_batch(pa.table({"content": wrong.cast(pa.binary())}), path=None)
        self.assertEqual(made.column("mlfix_status").to_pylist(), ["skipped", "changed"])
        self.assertIn(b"'\xe9'", made.column("mlfix_content")[1].as_py())
        with self.assertRaisesRegex(TypeError, "holds int64"):
            mlfix.fix_batch(pa.table({"content": [1]}), path=None)

    @unittest.skipUnless(has("pandas"), "pandas is not here")
    def test_pandas(self) -> None:
        import pandas as pd

        frame = pd.DataFrame({"content": [FIXABLE, *self.BAD, pd.NA]}, index=range(5, 14), dtype="object")
        made = mlfix.fix_batch(frame, path=None)
        self.assertEqual(made["mlfix_content"].iloc[0], FIXED)
        self.assertEqual(made["mlfix_because"].iloc[-1], "null")
        self.assertEqual(list(made.index), list(range(5, 14)))
        self.assertEqual(str(mlfix.fix_batch(frame.iloc[:0], path=None)["mlfix_status"].dtype), "string")

    @unittest.skipUnless(has("pyarrow"), "pyarrow is not here")
    def test_files(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from mlfix.parquet import fix_files

        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "code", Path(folder) / "fixed"
            (source / "lang=py").mkdir(parents=True)
            for number in range(12):
                table = pa.table({"content": [FIXABLE, None] if number else pa.array([], pa.string()), "path": ["a.py"] * (2 if number else 0)})
                pq.write_table(table, source / "lang=py" / f"{number}.parquet", compression="zstd")
            made = [path for index in range(4) for path in fix_files(source, out, shard=(index, 4))]
            self.assertEqual(len(made), 12)
            self.assertEqual(len(set(made)), 12)
            read = pq.ParquetFile(out / "lang=py" / "3.parquet")
            self.assertEqual(read.read().column("mlfix_status").to_pylist(), ["changed", "skipped"])
            self.assertEqual(read.metadata.row_group(0).column(0).compression, "ZSTD")
            self.assertEqual(fix_files(source, out), [])
            made[0].rename(str(made[0]) + ".part")
            self.assertEqual(fix_files(source, out), [made[0]])
            self.assertEqual(list(out.rglob("*.part")), [])
            with self.assertRaisesRegex(ValueError, "no part 4 of 4"):
                fix_files(source, out, shard=(4, 4))
            with self.assertRaisesRegex(FileNotFoundError, "no parquet files"):
                fix_files(out / "none", out)


class Repositories(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()) if hasattr(self, "enterContext") else tempfile.mkdtemp())
        self.repository = self.folder / "r"
        self.repository.mkdir()
        (self.repository / "a.py").write_text(FIXABLE)
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
            who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
            subprocess.run(["git", *who, *command], cwd=self.repository, check=True)

    def fleet(self, *words: object) -> str:
        done = subprocess.run([program(), "fleet", *map(str, words)], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_record_is_that_of_the_program(self) -> None:
        (self.folder / "team.toml").write_text('ignore = ["B909"]\nexclude = ["old"]\n')
        for number, (options, words) in enumerate([
            ({}, []),
            ({"select": "B006", "unsafe_fixes": True, "exclude": "b, c"}, ["--select", "B006", "--unsafe-fixes", "--exclude", "b, c"]),
            ({"config": self.folder / "team.toml", "target_version": "3.9"}, ["--config", "team.toml", "--target-version", "3.9"]),
            ({"branch": "none"}, ["none"]),
        ]):
            run = self.folder / f"run{number}"
            if "branch" in options:
                (self.folder / "list").write_text(f"{self.repository} none\n")
                words = ["--repos", "list"]
            else:
                words = [str(self.repository), *words]
            self.fleet("scan", "--out", run, "-q", *words)
            line = (run / "scan-0-of-1.jsonl").read_text()
            self.assertEqual(mlfix.scan_repo(str(self.repository), **options), json.loads(line))

    def test_what_cannot_be_is_named(self) -> None:
        for address, options, expected in [
            ("--x", {}, "does not start with `-`"),
            ("http://example.org/a/b", {}, "allow_http"),
            ("a/b", {"branch": "--x"}, "branch"),
            ("a/b", {"select": "zzz"}, "select: there is no transform"),
        ]:
            with self.assertRaisesRegex(ValueError, expected):
                mlfix.scan_repo(address, **options)
        (self.folder / "empty").mkdir()
        record = mlfix.scan_repo(str(self.folder / "empty"))
        self.assertEqual((record["status"], record["class"]), ("failed", "gone"))

    def test_a_run_is_the_folder_that_the_program_knows(self) -> None:
        campaign = mlfix._campaign((), (), (), False, None, None)
        out = str(self.folder / "run")
        run = _mlfix.Run(out, campaign, [], [str(self.repository)], False)
        self.assertEqual(run.waiting(), [(f"file://{self.repository}", None)])
        with self.assertRaisesRegex(RuntimeError, "another process is at work"):
            _mlfix.Run(out, campaign, [], [str(self.repository)], False)
        run.lost(str(self.repository), None, "its machine is gone")
        run.close()
        with self.assertRaisesRegex(RuntimeError, "over"):
            run.lost(str(self.repository), None, "again")
        self.assertIn("1 failed (1 transient)", self.fleet("progress", out))
        self.fleet("retry", out, "-q")
        self.fleet("merge", out)
        self.assertEqual(json.loads((self.folder / "run" / "records.jsonl").read_text())["status"], "changes")
        other = mlfix._campaign("B006", (), (), False, None, None)
        with self.assertRaisesRegex(RuntimeError, "other transforms or options"):
            _mlfix.Run(out, other, [], [str(self.repository)], False)
        line = _mlfix.Scanner(other, 60, 100, None, False).scan(str(self.repository), None)[0]
        with contextlib.closing(_mlfix.Run(str(self.folder / "new"), campaign, [], [str(self.repository)], False)) as run:
            with self.assertRaisesRegex(ValueError, "another campaign"):
                run.put(line, 0, 0)
        with self.assertRaisesRegex(RuntimeError, "install the same"):
            _mlfix.Scanner(campaign.replace(mlfix.__version__, "9.9.9"), 60, 100, None, False)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
