"""A service that cannot do its work says why: at the start by not starting, later by UNAVAILABLE, never by a guess."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest

from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.reading import recorded
from tests.e2e.running import Project, wait_for


def empty(policies: Path) -> None:
    for file in policies.iterdir():
        file.unlink()


def absent(policies: Path) -> None:
    empty(policies)
    policies.rmdir()


def broken(policies: Path) -> None:
    file = policies / "documents.policy"
    file.write_text(file.read_text().replace("resource.owner", "resource.ownr"))


def unreadable(policies: Path) -> None:
    (policies / "more.policy").symlink_to("nowhere")


def not_text(policies: Path) -> None:
    (policies / "more.policy").write_bytes(b"module docs \xff\xfe")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (empty, "`policies`"),
        (absent, "`policies`"),
        (broken, "did you mean `owner`?"),
        (unreadable, "more.policy"),
        (not_text, "more.policy"),
    ],
)
def test_policies_that_are_not_fit_refuse_the_start(project: Project, spoil: Callable[[Path], None], said: str) -> None:
    spoil(project.folder / "policies")
    told = project.refused()
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--grpc", "7080"), "`7080` is no address"),
        (("--grpc", "192.0.2.1:7080", "--plaintext"), "`192.0.2.1:7080` cannot be used"),
        (("--grpc", "192.0.2.1:7080"), "`grpc` would take credentials in plain text on `192.0.2.1:7080`"),
        (("--database", "sqlite:////proc/nowhere/facts.db"), "facts.db"),
        (("--database", "mysql://host/name"), "mysql"),
        (("--database", "postgresql://user:hunter2@127.0.0.1:1/facts"), "127.0.0.1"),
        (("--data", "magistrate.toml"), "magistrate.toml"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_settings_that_are_not_fit_refuse_the_start(project: Project, options: tuple[str, ...], said: str) -> None:
    (project.folder / "magistrate.toml").write_text("")
    told = project.refused(*options)
    assert said in told
    assert "Traceback" not in told
    assert "hunter2" not in told


def test_a_service_that_trusts_nobody_refuses_the_start(project: Project) -> None:
    ended = project.run("serve", "--grpc", "127.0.0.1:0")
    assert ended.returncode != 0
    assert "issuer" in ended.stderr
    assert "--dev" in ended.stderr


def test_a_database_that_is_locked_refuses_the_start(project: Project) -> None:
    with locked(project.folder / ".magistrate" / "facts.db"):
        told = project.refused()
    assert "facts.db" in told
    assert "is locked" in told
    assert "Traceback" not in told


def test_a_write_under_way_holds_up_no_check(project: Project) -> None:
    asked = question("edit", "Document:plan")
    asked.consistency.fully_consistent = True
    with project.serving("--dev") as server, stub_of(server.address) as stub:
        metadata = bearer(server.token("User:alice"))
        with closing(sqlite3.connect(server.data / "facts.db", isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("DELETE FROM entity")
            during = stub.Check(asked, metadata=metadata, timeout=SECONDS)
            writer.execute("ROLLBACK")
        assert during.code == stub.Check(asked, metadata=metadata, timeout=SECONDS).code == "ALLOWED"


def test_a_full_spool_is_unavailable_until_there_is_room_and_nothing_is_lost(project: Project) -> None:
    asked = question("edit", "Document:plan")
    answered: set[str] = set()
    with (
        project.with_settings(spool__max_bytes="65536").serving("--dev") as server,
        stub_of(server.address) as stub,
    ):
        metadata = bearer(server.token("User:alice"))

        def answer() -> bool:
            try:
                answered.add(stub.Check(asked, metadata=metadata, timeout=SECONDS).decision_id)
            except grpc.RpcError:
                return False
            return True

        with locked(server.data / "log.db"):  # so that nothing is shipped
            wait_for(lambda: not answer())
            refused = refusal(stub, asked, metadata)
            assert (refused.status, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "AUDIT_UNAVAILABLE")
        wait_for(answer)
        assert server.stop() == 0
    assert len(answered) > 50
    assert sorted(answered) == sorted(decision for decision, _ in recorded(project))


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Holds a SQLite database so that nobody else reads or writes it."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
