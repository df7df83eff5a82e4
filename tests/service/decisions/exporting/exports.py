"""Exports of three chains to verify and to tamper with."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policy_lang.values import Ref
from service.db.engine import Database
from service.decisions.chain import hash_next, hash_record
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.exporting.checking import ExportReport, verify_export
from service.decisions.exporting.lines import (
    Bare,
    ExportLine,
    Recorded,
    read_export_line,
    write_export_line,
)
from service.decisions.exporting.manifest import Manifest, files_of, read_manifest, write_manifest
from service.decisions.exporting.writing import Order, export_log
from service.decisions.log_filter import LogFilter
from tests.service.decisions.chains import CHAINS, KEY, keep
from tests.service.decisions.records import sample

NOW = 1_767_607_200_000
BOB = Ref("User", "bob")


def fill(database: Database, folder: Path) -> None:
    """Nine records in each of three chains, of which every third is bob's; checkpoints saw the first three and six."""
    writer = CheckpointWriter(database, folder / "checkpoints.jsonl", KEY)
    for turn in range(3):
        for replica in CHAINS:
            keep(database, folder, replica, [sample(), sample(), replace(sample(), principal=BOB)])
        if turn < 2:
            writer.write()


def export(
    database: Database, path: Path, wanted: LogFilter | None = None, key: Ed25519PrivateKey | None = KEY
) -> Manifest:
    """Exports what is wanted, signed by KEY."""
    return export_log(database, Order(wanted or LogFilter(), "operator:bob", NOW, key), path)


def checked(path: Path, *, has_key: bool = True) -> ExportReport:
    """What a verification of it finds."""
    return verify_export(path, (KEY.public_key(),) if has_key else ())


def lines_of(path: Path) -> list[ExportLine]:
    """Its lines."""
    return [read_export_line(line) for line in files_of(path)[0].read_bytes().splitlines()]


def rewrite(path: Path, change: Callable[[list[ExportLine]], list[ExportLine]]) -> None:
    """Changes the lines of an export, as whoever holds the file might."""
    changed = change(lines_of(path))
    files_of(path)[0].write_bytes(b"".join(map(write_export_line, changed)))


def resign(path: Path, key: Ed25519PrivateKey | None) -> None:
    """Makes the manifest tell of the lines that are there now, as somebody who knows how would."""
    lines, file = files_of(path)
    manifest, _ = read_manifest(file.read_text().rstrip("\n"))
    content = lines.read_bytes()
    there = lines_of(path)
    contents = replace(
        manifest.contents,
        bytes=len(content),
        lines=len(there),
        sha256=sha256(content).hexdigest(),
        records=sum(isinstance(line, Recorded) for line in there),
    )
    chains = []
    for chain in manifest.chains:
        own = [line for line in there if isinstance(line, Recorded | Bare) and line.place.replica == chain.head.replica]
        if not own:
            continue
        last = own[-1].place
        records = sum(isinstance(line, Recorded) for line in own)
        head = replace(chain.head, sequence=last.sequence, hash=last.hash)
        chains.append(replace(chain, first=own[0].place.sequence, last=last.sequence, records=records, head=head))
    file.write_text(write_manifest(replace(manifest, contents=contents, chains=tuple(chains)), key) + "\n")


def at(lines: list[ExportLine], replica: str, sequence: int) -> int:
    """Where a place of a chain stands."""
    return next(
        number
        for number, line in enumerate(lines)
        if isinstance(line, Recorded | Bare) and (line.place.replica, line.place.sequence) == (replica, sequence)
    )


def recomputed(lines: list[ExportLine], replica: str) -> list[ExportLine]:
    """The lines with the hashes of a chain computed anew, over what its records say now."""
    made: list[ExportLine] = []
    before: bytes | None = None
    for line in lines:
        if not isinstance(line, Recorded | Bare) or line.place.replica != replica:
            made.append(line)
            continue
        body_hash = hash_record(line.salt, line.body) if isinstance(line, Recorded) else line.record_hash
        hash_ = line.place.hash if before is None else hash_next(before, body_hash)
        made.append(replace(line, place=replace(line.place, hash=hash_)))
        before = hash_
    return made


def reworded(line: ExportLine) -> Recorded:
    """The record with another effect."""
    assert isinstance(line, Recorded)
    fields = orjson.loads(line.body)
    return replace(line, body=orjson.dumps(fields | {"effect": "allow"}).decode())
