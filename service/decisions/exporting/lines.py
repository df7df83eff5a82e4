"""The lines of an export: places of chains with their records or without, checkpoints, notes, records in no chain.

A record stands last in its line, as the bytes that its hash is of. A place says the hash of the one before only where
that is not in the export, so what follows each other is a stretch that the next checkpoint holds. A line has one form.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import orjson
from pydantic import Field, ValidationError

from service.decisions.checkpoint import BadCheckpoint, WrittenCheckpoint, read_checkpoint
from service.decisions.retention.notes import BadNote, WrittenNote, read_note
from service.decisions.signed_lines import Fields, Form, Hex

_RECORD: Final = b'"record":'


class BadExportLine(ValueError):
    """A line that is none of an export."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a chain and its hash; `before` is the hash of the place before, None where that is in the export."""

    replica: str
    sequence: int
    before: bytes | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """A place with its record."""

    place: Place
    salt: bytes
    body: str


@dataclass(frozen=True, slots=True)
class Bare:
    """A place without its record: it was not asked for, or was taken out as the note of that number says."""

    place: Place
    record_hash: bytes
    note: int | None


@dataclass(frozen=True, slots=True)
class Unchained:
    """A record that is in no chain."""

    body: str


ExportLine = Recorded | Bare | Unchained | WrittenCheckpoint | WrittenNote


def write_export_line(line: ExportLine) -> bytes:
    """The line, with its end."""
    match line:
        case Recorded(place, salt, body):
            return _with_record(_place(place) | {"salt": salt.hex()}, body) + b"\n"
        case Unchained(body):
            return _with_record({}, body) + b"\n"
        case Bare(place, record_hash, note):
            fields = _place(place) | {"record_hash": record_hash.hex()}
            return orjson.dumps(fields if note is None else fields | {"note": note}) + b"\n"
        case WrittenCheckpoint():
            return orjson.dumps({"checkpoint": line.line}) + b"\n"
        case WrittenNote():
            return orjson.dumps({"note": line.line}) + b"\n"


def read_export_line(content: bytes) -> ExportLine:
    """What a line without its end says; BadExportLine if it is in no form of those."""
    try:
        line = _read(content)
    except (ValidationError, BadCheckpoint, BadNote, ValueError) as error:
        raise BadExportLine(str(error)) from error
    if write_export_line(line) != content + b"\n":
        raise BadExportLine("it is not in the form that lines are written in")
    return line


def _read(content: bytes) -> ExportLine:
    fields = orjson.loads(content)
    if not isinstance(fields, dict):
        raise BadExportLine("it is no object")
    if "checkpoint" in fields:
        return read_checkpoint(_Checkpoint.model_validate(fields).checkpoint)
    if "sequence" not in fields and "note" in fields:
        return read_note(_Note.model_validate(fields).note)
    if "record" not in fields:
        bare = _Bare.model_validate(fields)
        return Bare(_place_of(bare), bare.record_hash, bare.note)
    # The first of them: what stands before holds digits and the name of a replica.
    body = content[content.index(_RECORD) + len(_RECORD) : -1].decode()
    del fields["record"]
    if not fields:
        return Unchained(body)
    recorded = _Recorded.model_validate(fields)
    return Recorded(_place_of(recorded), recorded.salt, body)


class _Checkpoint(Form):
    checkpoint: str


class _Note(Form):
    note: str


class _Place(Form):
    replica: str
    sequence: Annotated[int, Field(ge=1)]
    before: Hex | None = None
    hash: Hex


class _Recorded(_Place):
    salt: Hex


class _Bare(_Place):
    record_hash: Hex
    note: int | None = None


def _place_of(form: _Place) -> Place:
    return Place(form.replica, form.sequence, form.before, form.hash)


def _place(place: Place) -> Fields:
    before: Fields = {} if place.before is None else {"before": place.before.hex()}
    return {"replica": place.replica, "sequence": place.sequence, **before, "hash": place.hash.hex()}


def _with_record(fields: Fields, body: str) -> bytes:
    head = orjson.dumps(fields)[:-1]
    return head + (b"," if fields else b"") + _RECORD + body.encode() + b"}"
