"""Imports and exports are for those who may write or read everywhere; each is recorded before it begins."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection

from policy_lang.loading import load
from policy_lang.values import Ref
from service.db.engine import Database
from service.desk import Desk
from service.entities.imported import Imported
from service.entities.transfer_office import Transfer, TransferOffice
from service.entities.transfer_work import TransferWork
from service.entities.transfers import KIND, Counter, Export, Task, TransferFolder
from service.errors import (
    AuditUnavailable,
    BundleRefused,
    DataError,
    FactsUnavailable,
    LimitExceeded,
    PermissionDenied,
)
from service.governance.grants import Grants
from service.model import RecordKind
from service.policies.activations import Activations
from service.policies.in_force import StoredInForce
from service.policies.store import BundleStore, Pushed
from tests.service.decisions.disks import ROOM, small_disk
from tests.service.entities.firm import NOW, Firm, build_firm, caller

NOTE = b'{"kind": "resource", "type": "Note", "id": "n2", "attributes": {"text": "new"}}\n'
NEW = "module new\n\nprincipal type User {}\n"
PEOPLE = ("stranger", "pep", "auditor", "author", "reader", "chief", "root")


class Replica:
    """A worker's office over the firm's facts, and the background process's work for it."""

    def __init__(self, firm: Firm, folder: Path) -> None:
        counter = Counter(Desk(firm.database, "local", KIND))
        self.firm = firm
        self.files = TransferFolder(folder)
        self.office = TransferOffice(gate=firm.gate, policies=firm.policies, counter=counter, folder=self.files)
        self.work = TransferWork(firm.database, counter, self.files)
        self.work_of_store = TransferWork(firm.database, counter, self.files, in_force=StoredInForce(firm.database))

    def imported(self, lines: bytes, work: TransferWork | None = None) -> Imported | Export | None:
        """What an import by the firm's admin came to."""
        return self._ended(self.office.admit_import(caller("root"), upsert=True, dry_run=False), lines, work)

    def _ended(self, transfer: Transfer, lines: bytes, work: TransferWork | None = None) -> Imported | Export | None:
        try:
            transfer.add(lines, 10_000)
            transfer.begin()
            (work or self.work).look()
            return transfer.outcome()
        finally:
            transfer.end()


@pytest.fixture
def replica(database: Database, tmp_path: Path) -> Iterator[Replica]:
    yield Replica(build_firm(database), tmp_path / "transfers")


Begin = Callable[[TransferOffice, str], Transfer]
BEGIN: dict[str, Begin] = {
    "import": lambda office, who: office.admit_import(caller(who), upsert=False, dry_run=True),
    "export": lambda office, who: office.admit_export(caller(who)),
}


@pytest.mark.parametrize(("task", "allowed"), [("import", {"root"}), ("export", {"root", "reader", "author"})])
def test_a_transfer_begins_for_whom_it_may_and_is_recorded_for_everyone(
    replica: Replica, task: str, allowed: set[str]
) -> None:
    for who in PEOPLE:
        before = len(replica.firm.records)
        if who in allowed:
            BEGIN[task](replica.office, who).end()
            kinds = {RecordKind.DECISION}
        else:
            with pytest.raises(PermissionDenied):
                BEGIN[task](replica.office, who)
            kinds = {RecordKind.REFUSAL}
        told = replica.firm.records[before:]
        assert {record.kind for record in told} == kinds, who
        assert {(record.caller, record.resource) for record in told} == {(Ref("User", who), Ref("*", "*"))}


def test_who_may_not_any_more_is_told_so_and_it_is_recorded(replica: Replica) -> None:
    office = replica.office
    tasks: tuple[Task, ...] = ("import", "export")
    for task in tasks:
        office.check(caller("root"), task)
    before = len(replica.firm.records)
    Grants(replica.firm.database).take(Ref("User", "root"), "admin", None)
    for task in tasks:
        with pytest.raises(PermissionDenied):
            office.check(caller("root"), task)
    told = replica.firm.records[before:]
    assert {(record.kind, record.caller) for record in told} == {(RecordKind.REFUSAL, Ref("User", "root"))}


def test_what_cannot_be_recorded_does_not_begin(replica: Replica) -> None:
    replica.firm.recorder.is_refusing = True
    with pytest.raises(AuditUnavailable):
        BEGIN["import"](replica.office, "root")
    assert not replica.files.path.exists()


def test_an_import_is_done_by_the_policies_in_force_and_leaves_no_file(replica: Replica) -> None:
    done = replica.imported(NOTE)
    assert isinstance(done, Imported)
    assert done.entities.added == 1
    with pytest.raises(DataError, match=r"^line 1: unknown type `Memo`"):
        replica.imported(NOTE.replace(b"Note", b"Memo"))
    assert list(replica.files.path.iterdir()) == []


def test_an_import_waits_for_policies_that_come_into_force_and_is_held_to_them(replica: Replica) -> None:
    activations, firm = Activations(replica.firm.database), replica.firm
    own = {file.path: file.text for file in firm.policies.active().bundle.files}
    ruled = {**own, "more.policy": "module more\n\ntype Memo {}\n"}
    digests = [load(texts).digest for texts in (own, ruled, {"new.policy": NEW})]
    for digest, texts in zip(digests, (own, ruled, {"new.policy": NEW}), strict=True):
        BundleStore(firm.database).put(Pushed(digest, "User:root", NOW, "", None), texts)
    activations.beat("r1")

    def begin(digest: str) -> int:
        return activations.begin(digest, "User:root", 60).number

    def finish(number: int) -> None:
        activations.acknowledge(number, "r1")
        activations.settle(number)

    finish(begin(digests[0]))
    assert isinstance(replica.imported(NOTE, replica.work_of_store), Imported)
    number = begin(digests[1])
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(replica.imported, NOTE.replace(b"n2", b"n3"), replica.work_of_store)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        finish(number)
        assert isinstance(waiting.result(20), Imported)
    assert b"n3" in _exported(replica)
    finish(begin(digests[2]))
    with pytest.raises(DataError, match=r"^line 1: unknown type `Note`"):
        replica.imported(NOTE.replace(b"n2", b"n4"), replica.work_of_store)


def test_an_import_is_not_held_to_texts_that_somebody_put_into_the_store(replica: Replica) -> None:
    activations = Activations(replica.firm.database)
    BundleStore(replica.firm.database).put(Pushed("other", "User:root", NOW, "", None), {"new.policy": NEW})
    activations.beat("r1")
    number = activations.begin("other", "User:root", 60).number
    activations.acknowledge(number, "r1")
    activations.settle(number)
    with pytest.raises(BundleRefused, match="the texts of `other` in the store are those of"):
        replica.imported(NOTE, replica.work_of_store)


class Faulty(StoredInForce):
    """A store of policies that has a fault."""

    def require(self, connection: Connection, digest: str) -> None:
        """Fails as nobody has foreseen."""
        raise KeyError(digest)


def test_a_fault_is_told_and_the_next_import_done(replica: Replica, capsys: pytest.CaptureFixture[str]) -> None:
    database = replica.firm.database
    counter = Counter(Desk(database, "local", KIND))
    work = TransferWork(database, counter, replica.files, in_force=Faulty(database))
    with pytest.raises(FactsUnavailable, match="a fault of the service, whose log says more"):
        replica.imported(NOTE, work)
    assert "transfer.fault" in capsys.readouterr().out
    assert isinstance(replica.imported(NOTE), Imported)


def test_a_disk_that_fills_up_under_a_transfer_is_unavailable_and_leaves_no_file(
    database: Database, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small") as disk:
        replica = Replica(build_firm(database), disk.folder)
        transfer = replica.office.admit_import(caller("root"), upsert=False, dry_run=False)
        with disk.limited(), pytest.raises(FactsUnavailable, match="the files of imports and exports: "):
            transfer.add(b"x" * (2 * ROOM), 4 * ROOM)
        transfer.end()
        assert list(disk.folder.iterdir()) == []


def test_where_no_file_can_be_made_no_transfer_begins(database: Database, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    replica = Replica(build_firm(database), tmp_path / "taken")
    with pytest.raises(FactsUnavailable, match="the files of imports and exports: file exists"):
        replica.office.admit_export(caller("root"))


def test_what_a_killed_process_left_is_taken_away_and_what_is_in_hand_stays(replica: Replica) -> None:
    folder = replica.files.path
    (folder / "magistrate-import-x").mkdir(parents=True)
    (folder / "magistrate-import-x" / "facts").write_text("of an import that was killed")
    for name in ("old.jsonl", "new.jsonl"):
        (folder / name).write_text("")
    os.utime(folder / "old.jsonl", (0, 0))
    ended = Event()
    ended.set()
    replica.work.run(ended)
    assert [path.name for path in folder.iterdir()] == ["new.jsonl"]


def test_an_import_over_the_limit_stops_where_it_is(replica: Replica) -> None:
    transfer = replica.office.admit_import(caller("root"), upsert=False, dry_run=False)
    transfer.add(b"x" * 100, 150)
    with pytest.raises(LimitExceeded, match=r"`transfers\.import_bytes`: 200 given, 150 allowed"):
        transfer.add(b"x" * 100, 150)
    transfer.end()
    assert list(replica.files.path.iterdir()) == []


def test_an_import_that_nobody_waits_for_any_more_writes_nothing(replica: Replica) -> None:
    transfer = replica.office.admit_import(caller("root"), upsert=False, dry_run=False)
    transfer.add(NOTE, 10_000)
    transfer.begin()
    work = replica.work
    found = transfer.outcome()
    transfer.end()
    work.look()
    assert found is None
    assert b"n2" not in _exported(replica)


def test_nobody_comes_into_a_team_with_roles_of_the_service_by_an_import(replica: Replica) -> None:
    joins = b'{"kind": "principal", "type": "User", "id": "root", "parents": ["auditors"]}\n'
    with pytest.raises(DataError, match=r"^line 1: `Team:auditors` holds roles of this service"):
        replica.imported(joins)


def test_the_lines_of_an_error_are_no_more_than_a_call_can_carry(replica: Replica) -> None:
    lines = b"".join(b'{"kind": "resource", "type": "%s", "id": "x"}\n' % (b"y" * 240) for _ in range(20))
    with pytest.raises(DataError) as failed:
        replica.imported(lines)
    text = str(failed.value)
    assert len(text) < 2_000
    assert text.endswith("help: nothing was imported (10 more faults are not shown)")


def _exported(replica: Replica) -> bytes:
    transfer = replica.office.admit_export(caller("root"))
    try:
        transfer.begin()
        replica.work.look()
        assert isinstance(transfer.outcome(), Export)
        return transfer.read(0, 1 << 20)
    finally:
        transfer.end()
