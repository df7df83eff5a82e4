"""Copies one kind's tables of a PostgreSQL database by `pg_dump`, which reads one snapshot, and reads such a copy back.

The password reaches the programs through their environment alone: anybody may see a command line.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from psycopg.conninfo import make_conninfo

from service.db.backup.contents import Contents, tables_of
from service.db.opening import driver_arguments, parse_url
from service.db.versions import Kind, version_table
from service.errors import BackupUnusable, FactsUnavailable

_COPY: Final = b"COPY "
_END: Final = b"\\.\n"
_PARTITIONS: Final = '--table="decision_"*'
"""Those of every partitioned table of the log: the name of a table does not stand for them."""


def copy(url: str, kind: Kind, target: Path) -> None:
    """Copies the tables into a file that is there; FactsUnavailable if the server or `pg_dump` refuses."""
    given = driver_arguments(parse_url(url))
    password = given.pop("password", None)
    where = make_conninfo("", **given)
    tables = [f'--table="{table}"' for table in tables_of(kind)]
    if kind == "log":
        tables.append(_PARTITIONS)
    # The rows of partitions are written as rows of their tables.
    options = ["--format=custom", "--strict-names", "--load-via-partition-root", "--no-owner", "--no-acl"]
    done = subprocess.run(
        [_program("pg_dump"), *options, "--no-password", *tables, f"--file={target}", f"--dbname={where}"],
        env=os.environ | ({} if password is None else {"PGPASSWORD": str(password)}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise FactsUnavailable(f"`pg_dump` of the {kind} failed: {_told(done.stderr)}{_HELP}")


def contents(file: Path, kind: Kind) -> Contents:
    """What a copy holds, every row of it read; BackupUnusable where it is damaged or holds something else."""
    reading = [_program("pg_restore"), "--data-only", "--file=-", str(file)]
    with subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101  # narrows: both are pipes
        rows, cells = _counted(process.stdout)
        told = process.stderr.read().decode(errors="replace")
    absent = [table for table in tables_of(kind) if table not in rows]
    if process.returncode or absent:
        raise BackupUnusable(f"`{file}` is damaged: {_told(told) or f'it lacks the table `{absent[0]}`'}")
    revision = cells.get("revision", {})
    return Contents(
        version=cells[version_table(kind)]["version_num"],
        rows={table: rows[table] for table in tables_of(kind)},
        revision=f"{revision['epoch']}.{revision['n']}" if kind == "facts" else None,
    )


def _counted(lines: Iterable[bytes]) -> tuple[dict[str, int], dict[str, dict[str, str]]]:
    """The rows of each table, and the cells of its last: of the tables with one row, all that they say."""
    rows: dict[str, int] = {}
    cells: dict[str, dict[str, str]] = {}
    table, columns, last = "", list[str](), b""
    for line in lines:
        if table and line == _END:
            cells[table] = dict(zip(columns, last.decode().rstrip("\n").split("\t"), strict=False))
            table = ""
        elif table:
            rows[table] += 1
            last = line
        elif line.startswith(_COPY):
            # `COPY public.revision (singleton, epoch, n) FROM stdin;`
            name, _, rest = line.decode().removeprefix("COPY ").partition(" (")
            table, columns, last = name.rpartition(".")[2].strip('"'), rest.partition(")")[0].split(", "), b""
            rows.setdefault(table, 0)
    return rows, cells


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FactsUnavailable(f"there is no `{name}` here, by which PostgreSQL is copied{_HELP}")
    return found


def _told(errors: str) -> str:
    """What the program said of its failure, without its own name."""
    lines = [line for line in errors.splitlines() if line.strip()]
    return lines[0].partition("error: ")[2] or lines[0] if lines else ""


_HELP: Final = "\nhelp: have the client programs of the server's version, or a later one, on the PATH"
