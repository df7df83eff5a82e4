"""Says what a long test came to: on standard output, and at the end of the file that `RESULTS` names, if it does."""

import os
import platform
import sqlite3
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path


def tell(title: str, lines: Iterable[str]) -> None:
    """A title, and what stands below it; the file gets the command and the versions first."""
    text = f"{title}\n" + "".join(f"    {line}\n" for line in lines)
    sys.stdout.write(f"\n{text}")
    if file := os.environ.get("RESULTS"):
        with Path(file).open("a") as results:
            if results.tell() == 0:
                results.write(f"{_machine()}\n")
            results.write(text)


def _machine() -> str:
    command = os.environ.get("RESULTS_OF", " ".join(sys.argv))
    return (
        f"{command}; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"grpcio {version('grpcio')}, SQLite {sqlite3.sqlite_version}, psycopg {version('psycopg')}"
    )
