"""Builds the wheel: maturin makes the library, and the program goes beside it.

    pip wheel --no-deps ./python --wheel-dir target/wheels

Maturin puts either a library or programs into a wheel, and whatever lies in a folder of data. So the program is built
first, by cargo, and laid there. Nothing else of the interface of PEP 517 differs from maturin's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import maturin
from maturin import get_requires_for_build_wheel

__all__ = ["build_sdist", "build_wheel", "get_requires_for_build_wheel", "prepare_metadata_for_build_wheel"]

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "target" / "wheel.data"


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
    DATA.mkdir(parents=True, exist_ok=True)
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    # For maturin, too: crates that were built for another profile would be built again.
    os.environ["CARGO_PROFILE_RELEASE_STRIP"] = "symbols"
    # Together, so that what both are made of is compiled once: the library asks more of some crates.
    command = ["cargo", "build", "--locked", "--release", "-p", "mlfix", "--bin", "mlfix", "-p", "mlfix-python", "--lib"]
    subprocess.run(command, cwd=ROOT, check=True)
    name = "mlfix.exe" if os.name == "nt" else "mlfix"
    scripts = DATA / "scripts"
    shutil.rmtree(DATA, ignore_errors=True)
    scripts.mkdir(parents=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    shutil.copy2(ROOT / target / "release" / name, scripts / name)
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    raise NotImplementedError("a wheel is built from a checkout of the whole project")
