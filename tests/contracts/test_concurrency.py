"""Many writers at once lose nothing, and nobody sees half of a write."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event

import orjson
import pytest
from sqlalchemy import Connection

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.feed import EVERYTHING, advance, entity_change
from service.db.turns import FACTS_LOCK, refuse_changed, take_turn
from service.entities.admission import EntityFact
from service.entities.changes import Changes
from service.entities.imported import Asked
from service.entities.importer import Importer
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import DataError, EntityChanged
from tests.contracts.documents import SCHEMA

WRITERS, WRITES = 20, 5
SERVICE: Json = {"type": "Service", "id": "s"}


def test_twenty_writers_get_revisions_without_gap_or_double(writer: EntityWriter, store: EntityStore) -> None:
    def write(who: int) -> list[int]:
        revisions = [writer.put(Ref("Tenant", f"t{who}-{at}"), {}) for at in range(WRITES)]
        return [int(revision.partition(".")[2]) for revision in revisions]

    with ThreadPoolExecutor(WRITERS) as threads:
        given = [revision for revisions in threads.map(write, range(WRITERS)) for revision in revisions]
    assert sorted(given) == list(range(1, WRITERS * WRITES + 1))
    with store.snapshot(SCHEMA) as snapshot:
        assert snapshot.revision.endswith(f".{WRITERS * WRITES}")
        written = [Ref("Tenant", f"t{who}-{at}") for who in range(WRITERS) for at in range(WRITES)]
        assert len(snapshot.rows(written)) == len(written)


def test_a_reader_sees_an_import_whole_or_not_at_all(facts: Database, store: EntityStore) -> None:
    importer, done = Importer(facts, SCHEMA), Event()

    def write() -> None:
        try:
            for level in range(30):
                line = {"kind": "resource", "type": "Document", "attributes": {"level": level}}
                lines = b"\n".join(orjson.dumps(line | {"id": f"d{at}"}) for at in range(5))
                importer.run(BytesIO(lines), Asked(may_change=True))
        finally:
            done.set()

    def read() -> int:
        refs, reads = [Ref("Document", f"d{at}") for at in range(5)], 0
        while not done.is_set() or not reads:
            with store.snapshot(SCHEMA) as snapshot:
                first, second = snapshot.rows(refs[:3]), snapshot.rows(refs[3:])
                seen = [row.attributes["level"] for row in (*first.values(), *second.values())]
            expected = int(snapshot.revision.partition(".")[2]) - 1
            assert seen == ([expected] * 5 if expected >= 0 else [])
            reads += 1
        return reads

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        threads.submit(write).result()
        assert all(reader.result() for reader in readers)


def test_two_writes_that_are_right_alone_make_no_cycle_together(writer: EntityWriter) -> None:
    refused = 0
    for at in range(10):
        left, right = Ref("Folder", f"l{at}"), Ref("Folder", f"r{at}")
        writer.put(left, {})
        writer.put(right, {})
        with ThreadPoolExecutor(2) as threads:
            puts = [threads.submit(writer.put, low, {}, [high.id]) for low, high in ((left, right), (right, left))]
        for put in puts:
            if put.exception() is not None:
                assert isinstance(put.exception(), DataError)
                refused += 1
    assert refused == 10


def test_two_halves_of_a_long_cycle_are_never_both_written(writer: EntityWriter, store: EntityStore) -> None:
    for at in range(10):
        ring = [Ref("Team", f"{name}{at}") for name in "abcd"]
        for below, above in ((0, None), (1, 0), (2, None), (3, 2)):
            writer.put(ring[below], {}, None if above is None else [ring[above].id])
        # a over d, c over b: each alone makes one way of four teams.
        with ThreadPoolExecutor(2) as threads:
            puts = [threads.submit(writer.put, ring[low], {}, [ring[high].id]) for low, high in ((0, 3), (2, 1))]
        faults = [put.exception() for put in puts if put.exception() is not None]
        assert len(faults) == 1
        assert "would be its own ancestor" in str(faults[0])
        with store.snapshot(SCHEMA) as snapshot:
            assert sum(len(parents) for parents in snapshot.ancestry(ring).values()) == 3


def test_two_writes_that_are_right_alone_make_no_way_too_long_together(writer: EntityWriter) -> None:
    for at in range(5):
        low, high = ([Ref("Team", f"{name}{at}-{step}") for step in range(9)] for name in ("low", "high"))
        for way in (low, high):
            writer.put(way[0], {})
            for step in range(1, 9):
                writer.put(way[step], {}, [way[step - 1].id])
        middle = Ref("Team", f"middle{at}")
        writer.put(middle, {})
        # Eight steps above the middle and eight below it, with two to tie them: eighteen, where sixteen may be.
        with ThreadPoolExecutor(2) as threads:
            puts = [
                threads.submit(writer.put, middle, {}, [high[-1].id]),
                threads.submit(writer.put, low[0], {}, [middle.id]),
            ]
        faults = [str(put.exception()) for put in puts if put.exception() is not None]
        assert len(faults) == 1
        assert "is longer than 16 parents" in faults[0]


def test_a_parent_is_not_deleted_while_it_gets_a_child(writer: EntityWriter, store: EntityStore) -> None:
    for at in range(10):
        parent, child = Ref("Team", f"parent{at}"), Ref("User", f"child{at}")
        writer.put(parent, {})
        with ThreadPoolExecutor(2) as threads:
            both = [threads.submit(writer.put, child, {}, [parent.id]), threads.submit(writer.delete, parent)]
        faults = [each.exception() for each in both]
        assert [fault is None for fault in faults].count(True) == 1
        assert all(fault is None or isinstance(fault, DataError) for fault in faults)
        with store.snapshot(SCHEMA) as snapshot:
            assert len(snapshot.rows([parent, child])) in ((2,) if faults[0] is None else (0,))


def test_nothing_is_assigned_to_an_entity_that_is_being_deleted(writer: EntityWriter, store: EntityStore) -> None:
    for at in range(10):
        tenant = Ref("Tenant", f"t{at}")
        writer.put(tenant, {})
        with ThreadPoolExecutor(2) as threads:
            assigned = threads.submit(writer.assign, SERVICE, "docs.viewer", tenant.id)
            threads.submit(writer.delete, tenant).result()
        assert assigned.exception() is None or isinstance(assigned.exception(), DataError)
        with store.snapshot(SCHEMA) as snapshot:
            assert snapshot.assignments_at([tenant]) == []


@pytest.mark.parametrize("is_refused", [False, True], ids=["committed", "rolled back"])
def test_a_write_under_way_is_not_seen(
    facts: Database, writer: EntityWriter, store: EntityStore, *, is_refused: bool
) -> None:
    writer.put(Ref("Tenant", "t1"), {})
    with store.snapshot(SCHEMA) as snapshot:
        before = snapshot.revision
    seen: list[str] = []

    class Refused(Exception):
        pass

    def write() -> None:
        with facts.write() as connection:
            changes = Changes(connection)
            changes.put([EntityFact(Ref("Tenant", "t2"))])
            changes.advance()
            with store.snapshot(SCHEMA) as beside:
                seen.append(beside.revision)
                assert set(beside.rows([Ref("Tenant", "t2")])) == set()
            if is_refused:
                raise Refused

    if is_refused:
        with pytest.raises(Refused):
            write()
    else:
        write()
    assert seen == [before]
    with store.snapshot(SCHEMA) as after:
        assert (after.revision == before) is is_refused
        assert bool(after.rows([Ref("Tenant", "t2")])) is not is_refused


def test_twenty_writers_beside_an_import_lose_nothing_and_nobody_sees_half(
    facts: Database, writer: EntityWriter, store: EntityStore
) -> None:
    """Each import says one level of ten documents; each writer makes a way of teams of its own."""
    importer, refs, done = Importer(facts, SCHEMA), [Ref("Document", f"d{at}") for at in range(10)], Event()

    def lines_at(level: int) -> BytesIO:
        line = {"kind": "resource", "type": "Document", "attributes": {"level": level}}
        return BytesIO(b"\n".join(orjson.dumps(line | {"id": ref.id}) for ref in refs))

    def write(who: int) -> list[str]:
        return [writer.put(Ref("Team", f"w{who}-{at}"), {}, [f"w{who}-{at - 1}"] if at else []) for at in range(WRITES)]

    def import_all() -> list[str]:
        return [importer.run(lines_at(level), Asked(may_change=True)).revision for level in range(10)]

    def read() -> int:
        reads = 0
        while not done.is_set():
            with store.snapshot(SCHEMA) as snapshot:
                levels = {
                    row.attributes["level"] for half in (refs[:5], refs[5:]) for row in snapshot.rows(half).values()
                }
            assert len(levels) <= 1, levels
            reads += 1
        return reads

    with ThreadPoolExecutor(WRITERS + 3) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        importing = threads.submit(import_all)
        writing = [threads.submit(write, who) for who in range(WRITERS)]
        try:
            given = [*importing.result(), *(revision for each in writing for revision in each.result())]
        finally:
            done.set()
        assert all(reader.result() for reader in readers)
    numbers = sorted(int(revision.partition(".")[2]) for revision in given)
    assert numbers == list(range(1, WRITERS * WRITES + 10 + 1))
    with store.snapshot(SCHEMA) as snapshot:
        assert {row.attributes["level"] for row in snapshot.rows(refs).values()} == {9}
        teams = [Ref("Team", f"w{who}-{at}") for who in range(WRITERS) for at in range(WRITES)]
        assert len(snapshot.rows(teams)) == len(teams)


def test_a_write_that_has_not_seen_an_import_is_stopped(facts: Database, writer: EntityWriter) -> None:
    """The condition is looked at once nothing can come between it and the write: here, after the import."""
    tenant, change = Ref("Tenant", "t1"), [entity_change(Ref("Tenant", "t1"))]
    before = writer.put(tenant, {})
    begun = Event()

    def approve(connection: Connection) -> None:
        begun.set()
        take_turn(facts, connection, change)
        refuse_changed(connection, change, before)

    with ThreadPoolExecutor(1) as threads, facts.session() as importing:
        with importing.begin():
            facts.wait_for(importing, FACTS_LOCK)
            put = threads.submit(writer.put, tenant, {}, approve=approve)
            assert facts.is_embedded or begun.wait(10)
            advance(importing, [EVERYTHING])
        assert isinstance(put.exception(), EntityChanged)
