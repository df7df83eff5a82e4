"""A database that cannot answer says why, in words of its own: no SQL, no password."""

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text
from sqlalchemy.engine import URL

from service.db.engine import FAIR_MS, Database, Prepared
from service.db.listener import open_listener
from service.db.migration import ensure_current, migrate, status
from service.db.opening import POOL, driver_arguments, open_database, parse_url
from service.errors import ConfigError, FactsUnavailable, Trouble
from service.pool_settings import PoolSettings

SLEEP: Prepared[tuple[str]] = Prepared("SELECT CAST(pg_sleep(10) AS TEXT)")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "the URL of a database is not understood"),
        ("facts.db", "the URL of a database is not understood"),
        ("postgresql://u:hunter2@host:port/x", "the URL of a database is not understood"),
        ("postgresql://u:p@hunter2@host/x", "a database has `@` or `=` in its host or its name"),
        ("postgresql://u/v:hunter2@host/x", "a database has `@` or `=` in its host or its name"),
        ("postgresql://host user=u password=hunter2", "a database has `@` or `=` in its host or its name"),
        ("sqlite://", "a SQLite database needs a file"),
        ("sqlite:///:memory:", "a SQLite database needs a file"),
        ("sqlite:///x.db?mode=ro", "takes no parameters"),
        ("mysql://u:hunter2@host/x", "unknown kind of database `mysql`"),
    ],
)
def test_a_url_that_names_no_database_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as failed:
        open_database(url)
    assert reason in str(failed.value)
    assert "help: give `sqlite:///FILE` or `postgresql://" in str(failed.value)
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_a_server_that_is_not_there_is_unavailable_and_the_password_stays_unsaid(scheme: str) -> None:
    database = open_database(f"{scheme}://magistrate:hunter2@127.0.0.1:1/facts?password=hunter2&connect_timeout=1")
    with pytest.raises(FactsUnavailable) as failed, database.read():
        pass
    assert "`postgresql://magistrate@127.0.0.1:1/facts` cannot be reached" in str(failed.value)
    assert "hunter2" not in str(failed.value)


def test_a_password_may_have_whatever_a_url_can_escape() -> None:
    where = driver_arguments(parse_url("postgresql://me:hun%20ter%402=%27@host:5433/facts?sslmode=require"))
    assert conninfo_to_dict(make_conninfo("", **where)) == {
        "host": "host",
        "port": "5433",
        "dbname": "facts",
        "user": "me",
        "password": "hun ter@2='",
        "sslmode": "require",
    }


def test_a_server_whose_changes_are_followed_keeps_its_password_unsaid() -> None:
    url = parse_url("postgresql://magistrate:hunter2%20hunter2@127.0.0.1:1/facts?password=hunter2")
    with pytest.raises(FactsUnavailable) as failed, open_listener(url):
        pass
    assert "`postgresql://magistrate@127.0.0.1:1/facts` cannot be reached" in str(failed.value)
    assert "hunter2" not in str(failed.value)


def test_a_file_that_is_not_there_is_unavailable_and_stays_so(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    with pytest.raises(FactsUnavailable, match="cannot be opened: it is absent"), database.read():
        pass
    with pytest.raises(FactsUnavailable, match="cannot be opened: it is absent"), database.write():
        pass
    with pytest.raises(FactsUnavailable, match="cannot be opened: it is absent"), database.reading():
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_cause_of_a_failure_does_not_say_what_the_statement_was_given(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    database.create()
    with pytest.raises(FactsUnavailable, match="lacks its tables") as failed, database.write() as connection:
        connection.execute(text("INSERT INTO absent VALUES (:value)"), {"value": "hunter2"})
    cause = str(failed.value.__cause__)
    assert "INSERT INTO absent" in cause
    assert "hunter2" not in cause
    database.close()


def test_the_loop_finds_a_reader_of_sqlite_whatever_its_threads_hold(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}", read_wait_ms=0)
    migrate(database, "facts")
    with ExitStack() as held:
        for _ in range(32 + POOL.connections - 1):
            held.enter_context(database.read())
        with database.reading() as reading:
            assert reading.fetch(Prepared("SELECT count(*) FROM revision"), {}) == [(1,)]
    database.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "facts.db").write_text("not a database, but long enough to be taken for the header of one" * 20)
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    with pytest.raises(FactsUnavailable, match="is no SQLite database"):
        status(database, "facts")


def test_a_file_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    database = open_database(f"sqlite:///{tmp_path / 'file' / 'facts.db'}")
    with pytest.raises(FactsUnavailable, match="cannot be made"):
        ensure_current(database, "facts")


def test_a_made_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'new' / 'facts.db'}")
    ensure_current(database, "facts")
    assert (tmp_path / "new" / "facts.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_locked_file_refuses_writes_in_time_and_still_answers_reads(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}", write_wait_ms=50)
    migrate(database, "facts")
    other = sqlite3.connect(tmp_path / "facts.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(FactsUnavailable, match=r"facts\.db` is locked by another writer"), database.write():
            pass
        with database.read() as connection:
            assert connection.execute(text("SELECT n FROM revision")).scalar_one() == 0
    finally:
        other.close()
    with database.write():
        pass


def test_sqlite_keeps_what_is_committed_and_readers_cannot_write(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    migrate(database, "facts")
    with database.write() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]
    with pytest.raises(FactsUnavailable, match="is read-only"), database.read() as connection:
        connection.execute(text("UPDATE revision SET n = 7"))


def test_postgresql_readers_cannot_write(postgresql: Database) -> None:
    migrate(postgresql, "facts")
    with pytest.raises(FactsUnavailable, match="read-only transaction"), postgresql.read() as connection:
        connection.execute(text("UPDATE revision SET n = 7"))


def test_a_statement_is_not_quoted_to_anybody(database: Database) -> None:
    migrate(database, "facts")
    with pytest.raises(FactsUnavailable) as failed, database.read() as connection:
        connection.execute(text("SELECT hunter2 FROM revision WHERE 'x' = :secret"), {"secret": "s3cret"})
    assert "SELECT" not in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_missing_tables_are_said(empty: Database) -> None:
    empty.create()
    with pytest.raises(FactsUnavailable, match="lacks its tables"), empty.read() as connection:
        connection.execute(text("SELECT n FROM revision"))


def test_a_read_ends_when_its_time_is_over(postgresql: Database) -> None:
    with pytest.raises(FactsUnavailable, match="took longer than"), postgresql.reading(timeout_ms=50) as reading:
        reading.fetch(SLEEP, {})
    with postgresql.reading() as reading:
        found: Prepared[tuple[str]] = Prepared("SHOW statement_timeout")
        assert reading.fetch(found, {}) == [("5s",)]


def test_no_statement_of_a_read_is_begun_when_the_time_for_all_is_over(postgresql: Database) -> None:
    short: Prepared[tuple[str]] = Prepared("SELECT CAST(pg_sleep(0.1) AS TEXT)")
    with pytest.raises(FactsUnavailable, match="took longer than"), postgresql.reading(timeout_ms=300) as reading:
        for _ in range(5):
            reading.fetch(short, {})


def test_a_statement_takes_no_longer_than_set_however_far_the_deadline_is(postgresql_url: str) -> None:
    database = open_database(postgresql_url, PoolSettings(statement_ms=300))
    with pytest.raises(FactsUnavailable) as failed, database.reading(timeout_ms=60_000) as reading:
        reading.fetch(SLEEP, {})
    assert failed.value.trouble is Trouble.FAILURE
    database.close()


def test_a_read_that_a_near_deadline_ended_says_nothing_of_the_database(postgresql: Database) -> None:
    with pytest.raises(FactsUnavailable) as failed, postgresql.reading(timeout_ms=FAIR_MS - 1) as reading:
        reading.fetch(SLEEP, {})
    assert failed.value.trouble is Trouble.HURRY


def test_a_full_pool_is_unavailable_and_writers_have_their_own(postgresql_url: str) -> None:
    database = open_database(postgresql_url, read_wait_ms=20)
    held = [database.reading() for _ in range(POOL.connections)]
    for reading in held:
        reading.__enter__()
    with pytest.raises(FactsUnavailable, match="has no free connection"), database.reading():
        pass
    with database.write() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    for reading in held:
        reading.__exit__(None, None, None)
    with database.reading():
        pass
    database.close()


def test_a_connection_that_the_server_dropped_is_replaced(postgresql: Database, postgresql_server: URL) -> None:
    one: Prepared[tuple[int]] = Prepared("SELECT 1")
    with postgresql.reading() as reading:
        assert reading.fetch(one, {}) == [(1,)]
    with postgresql.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(FactsUnavailable) as failed, postgresql.reading() as reading:
        reading.fetch(one, {})
    assert failed.value.trouble is Trouble.LOST
    with postgresql.reading() as reading:
        assert reading.fetch(one, {}) == [(1,)]
