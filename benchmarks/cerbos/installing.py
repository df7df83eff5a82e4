"""Installs Cerbos from its npm package into a folder of the benchmarks' own, and notes why where it does not.

python -m benchmarks.cerbos.installing FOLDER
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

VERSION: Final = "0.51.0"
FOLDER: Final = Path(__file__).parents[2] / ".venv-bench" / "cerbos"
NOTE: Final = "absent.txt"
_NPM: Final = ("install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts")
PATIENCE: Final = 300.0


def main(arguments: Sequence[str]) -> None:
    """Installs, and writes the note into the folder; an empty one where it did."""
    (name,) = arguments
    folder = Path(name)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"installing cerbos {VERSION} from npm")
    note = _install(folder)
    (folder / NOTE).write_text(note)
    if note:
        print(f"without it: {note}")


def find_binary() -> Path | None:
    """The server's program, None where it is not installed."""
    return next(FOLDER.glob("node_modules/@cerbos/cerbos-*/cerbos-*"), None)


def reason_of_absence() -> str:
    """Why there is none, as far as is known."""
    note = FOLDER / NOTE
    return (note.read_text() if note.is_file() else "") or "it is not installed; `make bench` installs it"


def _install(folder: Path) -> str:
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm here"
    command = [npm, *_NPM, "--prefix", str(folder), f"cerbos@{VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return "npm did not come to an end"
    said = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    return "" if done.returncode == 0 else (said or [f"npm ends with {done.returncode}"])[0]


if __name__ == "__main__":
    main(sys.argv[1:])
