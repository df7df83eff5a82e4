"""Imports and exports are for those who may write or read everywhere; each is recorded before it begins."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policy_lang.values import Ref
from service.db.engine import Database
from service.desk import Desk
from service.entities.importer import Imported
from service.entities.transfer_office import Transfer, TransferOffice
from service.entities.transfer_work import TransferWork
from service.entities.transfers import KIND, Counter, Export, TransferFolder
from service.errors import AuditUnavailable, DataError, LimitExceeded, PermissionDenied
from service.model import RecordKind
from tests.service.entities.firm import Firm, build_firm, caller

NOTE = b'{"kind": "resource", "type": "Note", "id": "n2", "attributes": {"text": "new"}}\n'
PEOPLE = ("stranger", "pep", "auditor", "author", "reader", "chief", "root")


class Replica:
    """A worker's office over the firm's facts, and the background process's work for it."""

    def __init__(self, firm: Firm, folder: Path) -> None:
        counter = Counter(Desk(firm.database, "local", KIND))
        self.firm = firm
        self.files = TransferFolder(folder)
        self.office = TransferOffice(gate=firm.gate, policies=firm.policies, counter=counter, folder=self.files)
        self.work = TransferWork(firm.database, counter, self.files)

    def imported(self, lines: bytes) -> Imported | Export | None:
        """What an import by the firm's admin came to."""
        return self._ended(self.office.admit_import(caller("root"), upsert=True, dry_run=False), lines)

    def _ended(self, transfer: Transfer, lines: bytes) -> Imported | Export | None:
        try:
            transfer.add(lines, 10_000)
            transfer.begin()
            self.work.look()
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
