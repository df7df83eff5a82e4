"""What fails under an import leaves nothing of it, and nothing that was acknowledged before is lost."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import orjson
import pytest

from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.imported import Asked
from service.entities.importer import Importer, Listener
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import FactsUnavailable
from tests.contracts.documents import SCHEMA
from tests.e2e.own_server import own_postgresql
from tests.e2e.running import wait_for
from tests.service.decisions.disks import files_up_to, small_disk

DOCUMENTS = [Ref("Document", f"d{at:04}") for at in range(500)]
CHANGING = Asked(may_change=True)


def lines_at(level: int) -> BytesIO:
    """All the documents, with one label of 200 characters each, at that level."""
    attributes = {"level": level, "labels": ["x" * 200]}
    line = {"kind": "resource", "type": "Document", "attributes": attributes}
    return BytesIO(b"\n".join(orjson.dumps(line | {"id": ref.id}) for ref in DOCUMENTS))


def levels(database: Database) -> set[object]:
    with EntityStore(database).snapshot(SCHEMA) as snapshot:
        return {row.attributes["level"] for row in snapshot.rows(DOCUMENTS).values()}


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    migrate(database, "facts")
    yield database
    database.close()


def test_a_full_disk_under_the_temporary_file_leaves_nothing_imported(embedded: Database, tmp_path: Path) -> None:
    before = Importer(embedded, SCHEMA).run(lines_at(1)).revision
    with small_disk(tmp_path / "small") as disk, disk.limited(), pytest.raises(FactsUnavailable, match="disk"):
        Importer(embedded, SCHEMA, disk.folder).run(lines_at(2), CHANGING)
    assert levels(embedded) == {1}
    assert Importer(embedded, SCHEMA).run(lines_at(1)).revision == before
    assert list((tmp_path / "small").iterdir()) == []


def test_a_full_disk_under_the_database_leaves_nothing_imported_and_what_was_acknowledged(embedded: Database) -> None:
    """It fills up when all is checked and the write begins: no file may grow past what the database has by then."""
    EntityWriter(embedded, SCHEMA).put(Ref("Tenant", "t1"), {})
    limits = files_up_to(20_000)
    with pytest.raises(FactsUnavailable, match="disk"):
        try:
            Importer(embedded, SCHEMA).run(lines_at(1), listener=Listener(writes=limits.__enter__))
        finally:
            limits.__exit__(None, None, None)
    assert levels(embedded) == set()
    with EntityStore(embedded).snapshot(SCHEMA) as snapshot:
        assert Ref("Tenant", "t1") in snapshot.rows([Ref("Tenant", "t1")])
    Importer(embedded, SCHEMA).run(lines_at(1))
    assert levels(embedded) == {1}


def test_a_server_that_stops_under_writers_and_imports_keeps_all_it_acknowledged_and_no_half() -> None:
    with own_postgresql() as server:
        database = open_database(server.url)
        migrate(database, "facts")
        ended, acknowledged, imported = Event(), list[Ref](), list[int]()

        def write(who: int) -> None:
            writer, at = EntityWriter(database, SCHEMA), 0
            while not ended.is_set():
                at += 1
                try:
                    writer.put(Ref("Tenant", f"w{who}-{at}"), {})
                except FactsUnavailable:
                    ended.wait(0.02)
                else:
                    acknowledged.append(Ref("Tenant", f"w{who}-{at}"))

        def import_on() -> None:
            level = 0
            while not ended.is_set():
                level += 1
                try:
                    Importer(database, SCHEMA).run(lines_at(level), CHANGING)
                except FactsUnavailable:
                    ended.wait(0.02)
                else:
                    imported.append(level)

        threads = [Thread(target=write, args=(who,)) for who in range(3)] + [Thread(target=import_on)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: len(acknowledged) > 20 and imported)
            server.stop()
            so_far = len(acknowledged), len(imported)
            server.start()
            wait_for(lambda: len(acknowledged) > so_far[0] + 20 and len(imported) > so_far[1])
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        assert len(levels(database)) == 1
        assert max(imported) in levels(database)
        with EntityStore(database).snapshot(SCHEMA) as snapshot:
            assert snapshot.rows(acknowledged).keys() == set(acknowledged)
        database.close()
