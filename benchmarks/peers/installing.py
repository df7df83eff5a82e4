"""Installs the peers into the environment that this runs in, and notes what of each came to.

    python -m benchmarks.peers.installing FOLDER

Wheels only, so that no compiler is needed; vakt, which has none and is pure Python, from its source. A peer that does
not install is noted with the reason, for the benchmark to say.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PEERS: Final = {"vakt": "vakt", "casbin": "casbin", "cedar": "cedarpy", "oso": "oso", "rego": "regopy"}
"""The module of each peer here, and the package that it is."""
NOTES: Final = "peers.json"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
_SOURCES: Final = ("--no-binary", "vakt")


def main(arguments: Sequence[str]) -> None:
    """Installs all, and writes the notes into the folder."""
    (folder,) = arguments
    notes = {package: _install(package) for package in PEERS.values()}
    (Path(folder) / NOTES).write_text(json.dumps(notes, indent=2))


def _install(package: str) -> str:
    """Why the package did not install; nothing where it did."""
    print(f"installing {package}")
    command = [sys.executable, *_PIP, *(_SOURCES if package == "vakt" else ()), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return "" if done.returncode == 0 else (reasons or [f"pip ends with {done.returncode}"])[-1]


if __name__ == "__main__":
    main(sys.argv[1:])
