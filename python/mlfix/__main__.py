"""``python -m mlfix``: the program that comes with this package."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def program() -> str:
    """Where it is. Raises ``FileNotFoundError`` if it was left out when this package was installed."""
    name = "mlfix.exe" if os.name == "nt" else "mlfix"
    package = Path(__file__).resolve().parent
    # Of this environment; of the user; and where `pip install --target` and `--prefix` put it.
    folders = [sysconfig.get_path("scripts")]
    if sys.version_info >= (3, 10):
        folders.append(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))
    folders += [str(package.parent / "bin"), *(str(parent / "bin") for parent in package.parents[3:4])]
    for folder in folders:
        file = os.path.join(folder, name)
        if os.path.isfile(file):
            return file
    raise FileNotFoundError(f"the program `{name}` is in none of: {', '.join(folders)}")


def main() -> None:
    command = [program(), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
