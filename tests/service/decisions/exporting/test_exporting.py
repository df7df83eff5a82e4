"""An export is verified by the public key alone: it says what is proven, and what is done to it shows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, event

from policy_lang.values import Ref
from service.db.engine import Database
from service.decisions.chain import hash_record
from service.decisions.checkpoint import WrittenCheckpoint
from service.decisions.exporting.lines import BadExportLine, Bare, ExportLine, Recorded, read_export_line
from service.decisions.exporting.manifest import files_of
from service.decisions.log_filter import LogFilter
from service.decisions.retention.erasing import Erasure
from service.decisions.retention.notes import NoteKind, WrittenNote
from service.decisions.retention.removing import Warrant
from service.errors import ConfigError, FactsUnavailable
from tests.service.decisions.chains import CHAINS, KEY, NORTH, SOUTH, WEST, insert_beside, keep, tamper
from tests.service.decisions.exporting.exports import (
    BOB,
    NOW,
    at,
    checked,
    export,
    fill,
    lines_of,
    recomputed,
    resign,
    reworded,
    rewrite,
)
from tests.service.decisions.records import sample, samples

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def faults_of(path: Path, *, has_key: bool = True) -> list[tuple[str, str | None, int | None]]:
    """Each finding as (kind, replica, sequence), those of the chains first."""
    report = checked(path, has_key=has_key)
    every = [fault for chain in report.chains for fault in chain.faults] + list(report.faults)
    return [(fault.kind.value, fault.replica, fault.sequence) for fault in every]


@pytest.fixture
def path(log_database: Database, tmp_path: Path) -> Path:
    """A whole export."""
    fill(log_database, tmp_path)
    export(log_database, tmp_path / "whole")
    return tmp_path / "whole"


def test_a_whole_export_is_every_record_proven_as_far_as_checkpoints_saw(
    log_database: Database, tmp_path: Path
) -> None:
    fill(log_database, tmp_path)
    manifest = export(log_database, tmp_path / "export.jsonl")
    assert (manifest.contents.records, manifest.contents.lines, manifest.asked) == (27, 29, {})
    report = checked(tmp_path / "export.jsonl")
    assert (report.is_sound, report.is_signed, report.checkpoints) == (True, True, 2)
    assert [(each.replica, each.first, each.last, each.records) for each in report.chains] == [
        (replica, 1, 9, 9) for replica in CHAINS
    ]
    assert [(chain.proven, chain.proven_by) for chain in report.chains] == [(6, 2)] * 3
    assert files_of(tmp_path / "export.jsonl")[1] == tmp_path / "export.manifest.json"
    assert [file.stat().st_mode & 0o777 for file in files_of(tmp_path / "export.jsonl")] == [0o600, 0o600]


def test_a_filtered_export_proves_each_record_by_the_hashes_up_to_a_checkpoint(
    log_database: Database, tmp_path: Path
) -> None:
    fill(log_database, tmp_path)
    keep(log_database, tmp_path, WEST, samples(2))
    manifest = export(log_database, tmp_path / "bob", LogFilter(principal=BOB))
    assert (manifest.contents.records, manifest.asked) == (9, {"principal": "User:bob"})
    report = checked(tmp_path / "bob")
    assert report.is_sound
    assert [(each.first, each.last, each.records, each.proven, each.bare) for each in report.chains] == [
        (3, 9, 3, 2, 0),
        (3, 9, 3, 2, 0),
        (3, 11, 3, 2, 2),
    ]
    bodies = [orjson.loads(line.body) for line in lines_of(tmp_path / "bob") if isinstance(line, Recorded)]
    assert {(body["principal_type"], body["principal_id"]) for body in bodies} == {("User", "bob")}


def test_a_filtered_export_shows_nothing_of_what_was_not_asked_for(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    export(log_database, tmp_path / "alice", LogFilter(principal=Ref("User", "alice")))
    bare = [line for line in lines_of(tmp_path / "alice") if isinstance(line, Bare)]
    assert [(line.place.replica, line.place.sequence) for line in bare] == [
        (replica, sequence) for sequences in ((3,), (6,), (9,)) for replica in CHAINS for sequence in sequences
    ]
    assert b"bob" not in files_of(tmp_path / "alice")[0].read_bytes().replace(b'"User:bob"', b"")
    assert checked(tmp_path / "alice").is_sound


def test_attributes_are_asked_for_too(log_database: Database, tmp_path: Path) -> None:
    keep(log_database, tmp_path, NORTH, [sample(), replace(sample(), inputs={"principal.clearance": 3}), sample()])
    export(log_database, tmp_path / "cleared", LogFilter(attributes={"principal.clearance": "3"}))
    (chain,) = checked(tmp_path / "cleared").chains
    assert (chain.records, chain.first, chain.last, chain.bare) == (1, 2, 3, 1)


def test_records_that_were_erased_are_there_as_hashes_under_their_note(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    Erasure(log_database, BOB, is_mentioned=False).erase(
        Warrant(NoteKind.ERASED, "operator:bob", "request 114", NOW, KEY), lambda _: None
    )
    export(log_database, tmp_path / "whole")
    report = checked(tmp_path / "whole")
    assert report.is_sound
    assert [(chain.records, chain.proven, chain.erased) for chain in report.chains] == [(6, 4, 3)] * 3
    assert [(note.reason, note.records) for note in report.erasures] == [("request 114", 9)]


def test_records_from_before_the_chains_are_there_and_said_to_be_unproven(
    log_database: Database, tmp_path: Path
) -> None:
    old = sample()
    insert_beside(log_database, old)
    tamper(log_database, f"UPDATE chain_origin SET records = 1, last_id = '{old.id}'")
    fill(log_database, tmp_path)
    manifest = export(log_database, tmp_path / "whole")
    assert (manifest.contents.records, manifest.contents.unchained) == (28, 1)
    report = checked(tmp_path / "whole")
    assert (report.is_sound, report.unchained) == (True, 1)


def test_an_export_never_overwrites(path: Path, log_database: Database) -> None:
    with pytest.raises(ConfigError, match="is there already"):
        export(log_database, path)


def test_an_export_that_is_broken_off_leaves_nothing_and_can_be_made_again(
    log_database: Database, tmp_path: Path
) -> None:
    fill(log_database, tmp_path)

    def fail(_c: Connection, _r: object, statement: str, *_: object) -> None:
        if "FROM chain_link" in statement:
            raise FactsUnavailable("the server went away")

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(FactsUnavailable):
            export(log_database, tmp_path / "whole")
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    assert list((tmp_path / "whole").iterdir()) == []
    assert export(log_database, tmp_path / "whole").contents.records == 27


def test_a_manifest_that_is_there_already_stays_and_nothing_beside_it(log_database: Database, tmp_path: Path) -> None:
    (tmp_path / "march.manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"march.manifest.json` is there already"):
        export(log_database, tmp_path / "march.jsonl")
    assert [file.name for file in tmp_path.glob("march*")] == ["march.manifest.json"]


def edit(lines: list[ExportLine]) -> list[ExportLine]:
    lines[at(lines, NORTH, 2)] = reworded(lines[at(lines, NORTH, 2)])
    return lines


def delete(lines: list[ExportLine]) -> list[ExportLine]:
    del lines[at(lines, NORTH, 2)]
    return lines


def swap(lines: list[ExportLine]) -> list[ExportLine]:
    one, two = at(lines, NORTH, 2), at(lines, NORTH, 3)
    lines[one], lines[two] = lines[two], lines[one]
    return lines


def double(lines: list[ExportLine]) -> list[ExportLine]:
    place = at(lines, NORTH, 2)
    return [*lines[: place + 1], *lines[place:]]


def move(lines: list[ExportLine]) -> list[ExportLine]:
    victim = lines[at(lines, NORTH, 9)]
    assert isinstance(victim, Recorded)
    lines[at(lines, NORTH, 9)] = replace(victim, place=replace(victim.place, replica=SOUTH, sequence=10))
    return lines


def behead(lines: list[ExportLine]) -> list[ExportLine]:
    return [line for line in lines if not (is_of(line, NORTH) and sequence_of(line) < 3)]


def cut(lines: list[ExportLine]) -> list[ExportLine]:
    return [line for line in lines if not (is_of(line, NORTH) and sequence_of(line) > 4)]


def drop(lines: list[ExportLine]) -> list[ExportLine]:
    return [line for line in lines if not is_of(line, NORTH)]


def strip(lines: list[ExportLine]) -> list[ExportLine]:
    victim = lines[at(lines, NORTH, 2)]
    assert isinstance(victim, Recorded)
    lines[at(lines, NORTH, 2)] = Bare(victim.place, hash_record(victim.salt, victim.body), None)
    return lines


def remake(lines: list[ExportLine]) -> list[ExportLine]:
    return recomputed(edit(lines), NORTH)


def is_of(line: ExportLine, replica: str) -> bool:
    return isinstance(line, Recorded | Bare) and line.place.replica == replica


def sequence_of(line: ExportLine) -> int:
    assert isinstance(line, Recorded | Bare)
    return line.place.sequence


CHANGES: dict[str, tuple[Callable[[list[ExportLine]], list[ExportLine]], tuple[str, str, int]]] = {
    "edit a record": (edit, ("broken", NORTH, 2)),
    "delete a record": (delete, ("removed", NORTH, 2)),
    "swap two records": (swap, ("removed", NORTH, 2)),
    "double a record": (double, ("broken", NORTH, 2)),
    "move a record to another chain": (move, ("truncated", NORTH, 9)),
    "cut the beginning": (behead, ("removed", NORTH, 1)),
    "cut the end": (cut, ("truncated", NORTH, 5)),
    "drop a chain": (drop, ("truncated", NORTH, 1)),
    "take a record from its place": (strip, ("removed", NORTH, 2)),
    "compute a chain anew": (remake, ("replaced", NORTH, 3)),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_done_to_the_lines_shows_in_the_chain_and_in_the_manifest(path: Path, case: str) -> None:
    change, first = CHANGES[case]
    rewrite(path, change)
    faults = faults_of(path)
    assert faults[0] == first
    assert ("export", None, None) in faults


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_manifest_that_was_made_to_fit_hides_nothing_from_who_has_the_key(path: Path, case: str) -> None:
    change, first = CHANGES[case]
    rewrite(path, change)
    resign(path, OTHER_KEY)
    faults = faults_of(path)
    assert ("export", None, None) in faults
    assert ("broken", SOUTH, 10) in faults if case == "move a record to another chain" else first in faults


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_no_checkpoint_saw_is_held_by_the_manifests_signature_alone(path: Path) -> None:
    def change(lines: list[ExportLine]) -> list[ExportLine]:
        lines[at(lines, NORTH, 8)] = reworded(lines[at(lines, NORTH, 8)])
        return recomputed(lines, NORTH)

    rewrite(path, change)
    resign(path, None)
    assert checked(path, has_key=False).is_sound
    assert [fault[0] for fault in faults_of(path)] == ["export"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_checkpoint_that_another_signed_proves_nothing(path: Path) -> None:
    def unsign(lines: list[ExportLine]) -> list[ExportLine]:
        return [line for line in lines if not isinstance(line, WrittenCheckpoint)]

    rewrite(path, unsign)
    resign(path, KEY)
    report = checked(path)
    assert (report.is_sound, [chain.proven for chain in report.chains]) == (True, [0, 0, 0])


def test_a_forged_note_covers_nothing(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    Erasure(log_database, BOB, is_mentioned=False).erase(
        Warrant(NoteKind.ERASED, "operator:eve", "none", NOW, OTHER_KEY), lambda _: None
    )
    export(log_database, tmp_path / "whole")
    faults = faults_of(tmp_path / "whole")
    assert faults[:3] == [("removed", NORTH, 3), ("removed", NORTH, 6), ("removed", NORTH, 9)]
    assert faults[-1] == ("note", None, None)
    assert sum(isinstance(line, WrittenNote) for line in lines_of(tmp_path / "whole")) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_dropped_stretch_of_a_filtered_export_shows_by_its_manifest(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    path = tmp_path / "bob.jsonl"
    export(log_database, path, LogFilter(principal=BOB))

    def drop_stretch(lines: list[ExportLine]) -> list[ExportLine]:
        del lines[at(lines, NORTH, 6)]
        return lines

    rewrite(path, drop_stretch)
    assert faults_of(path) == [("removed", NORTH, 1), ("export", None, None)]


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"none", b"[]", b'{"record":{}', b'{"note":"x"}', b'{"checkpoint":"x"}', b'{"sequence":1}'],
    ids=["empty", "nothing", "no JSON", "a list", "unfinished", "no note", "no checkpoint", "no place"],
)
def test_a_line_in_another_form_is_none(line: bytes) -> None:
    with pytest.raises(BadExportLine):
        read_export_line(line)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_line_that_is_none_is_a_finding(path: Path) -> None:
    file = files_of(path)[0]
    content = file.read_bytes()
    file.write_bytes(content.replace(b'{"replica":"north"', b'{ "replica":"north"', 1))
    assert faults_of(path)[0] == ("removed", NORTH, 1)
    file.write_bytes(content + b"more")
    assert faults_of(path) == [("export", None, None)] * 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_manifest_that_cannot_be_read_is_a_finding(path: Path) -> None:
    files_of(path)[1].write_text("{}\n")
    report = checked(path)
    assert (report.manifest, report.is_sound) == (None, False)
    files_of(path)[1].unlink()
    with pytest.raises(ConfigError, match="cannot read the export"):
        checked(path)


@pytest.mark.parametrize("key", [None, OTHER_KEY], ids=["unsigned", "another key"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_manifest_that_the_key_did_not_sign_is_a_finding(
    log_database: Database, tmp_path: Path, key: Ed25519PrivateKey | None
) -> None:
    fill(log_database, tmp_path)
    export(log_database, tmp_path / "whole", None, key)
    assert faults_of(tmp_path / "whole") == [("export", None, None)]
    assert checked(tmp_path / "whole", has_key=False).is_sound
