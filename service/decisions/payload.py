"""Turns decision records into the JSON that the spool and the log keep, and back, exactly.

The spool holds a record as a list of values in the order of FIELDS (two thirds of the bytes of an object, and half the
time), the log as an object. Both begin with the format version, because a record outlives the segment that brought it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

import orjson

from policy_lang.decision import Effect, MissingInput, Obligation
from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.stored import FIELDS, VERSION, Stored, taken
from service.identity import Evidence, EvidenceKind, Origin
from service.model import DecisionRecord, Flip, Masked, Masking, RecordKind

ReadT = TypeVar("ReadT", DecisionRecord, Stored)

_TOLD_LATER: Final[Mapping[str, Json]] = {
    "tzdata": "", "peer": "", "trace_id": "", "caller_evidence": ["untold", "", ""], "principal_evidence": None,
    "masked": [], "found_by": [], "enforced": True, "flip": None, "break_glass": "",
}  # fmt: skip
"""How formats read that do not have them."""

_FIELDS: Final[Mapping[Json, tuple[str, ...]]] = {1: FIELDS[:24], 2: FIELDS[:25], 3: FIELDS[:31], VERSION: FIELDS}
"""Format → its values."""


class BadPayload(ValueError):
    """Bytes that are no records of this format."""


class LaterFormat(BadPayload):
    """Records in a format that only a later version reads."""


def encode_batch(records: Sequence[DecisionRecord]) -> bytes:
    """The payload of one frame; ValueError for a record that JSON cannot hold."""
    try:
        return orjson.dumps([_write(record) for record in records])
    except orjson.JSONEncodeError as error:
        raise ValueError(f"a record has no JSON form: {error}") from error


def decode_batch(payload: bytes) -> tuple[DecisionRecord, ...]:
    """The records of one frame; BadPayload if these bytes hold none of this format, LaterFormat if of a later one."""
    return _decode_batch(payload, _read)


def stored_batch(payload: bytes) -> tuple[Stored, ...]:
    """The same records as they are stored; errors are the same."""
    return _decode_batch(payload, _take)


def encode_record(record: DecisionRecord) -> str:
    """One record as the log keeps it."""
    return _encode(_write(record))


def encode_stored(stored: Stored) -> str:
    """The same of one that is stored."""
    return _encode(stored)


def decode_record(text: str) -> DecisionRecord:
    """One record that the log kept; BadPayload if this text holds none of this format."""
    return _decode_record(text, _read)


def stored_record(text: str) -> Stored:
    """The same record as it is stored; errors are the same."""
    return _decode_record(text, _take)


def stored(record: DecisionRecord) -> Stored:
    """A record as it is stored."""
    return Stored._make(orjson.loads(orjson.dumps(_write(record))))


def _encode(values: Sequence[object]) -> str:
    return orjson.dumps(dict(zip(FIELDS, values, strict=True))).decode()


def _decode_batch(payload: bytes, read: Callable[[list[Json]], ReadT]) -> tuple[ReadT, ...]:
    try:
        return tuple([read(_items(item)) for item in _items(orjson.loads(payload))])
    except LaterFormat:
        raise
    except (ValueError, TypeError) as error:
        raise BadPayload(f"no batch of decision records: {error}") from error


def _decode_record(text: str, read: Callable[[list[Json]], ReadT]) -> ReadT:
    try:
        item = _object(orjson.loads(text))
        return read([item[name] for name in _fields_of(item["v"])])
    except (ValueError, KeyError, TypeError) as error:
        raise BadPayload(f"no decision record: {error}") from error


def _take(values: list[Json]) -> Stored:
    return taken(values) or stored(_read(values))


def _write(record: DecisionRecord) -> tuple[object, ...]:
    caller, principal, resource = record.caller, record.principal, record.resource
    return (
        VERSION, record.id, record.kind._value_, record.time, record.request_id, caller.type, caller.id, principal.type,
        principal.id, record.action, resource.type, resource.id, record.tenant and tuple(record.tenant),
        record.effect._value_, record.code, record.rules, [(gap.path, gap.cause) for gap in record.missing],
        [(duty.type, duty.parameters) for duty in record.obligations], record.hide, record.shadow_effect._value_,
        record.inputs, record.policy_digest, record.revision, record.duration_us, record.tzdata, *record.origin,
        _evidence(record.caller_evidence),
        None if record.principal_evidence is record.caller_evidence else _evidence(record.principal_evidence),
        record.masked and [(path, how._value_) for path, how in record.masked], record.found_by,
        record.enforced, record.flip and _write_flip(record.flip), record.break_glass,
    )  # fmt: skip


def _read(values: list[Json]) -> DecisionRecord:
    format_ = _fields_of(values[0] if values else None)
    known: dict[str, Json] = {**dict.fromkeys(FIELDS), **_TOLD_LATER, **dict(zip(format_, values, strict=True))}
    (
        _, id_, kind, time, request_id, caller_type, caller_id, principal_type, principal_id, action, resource_type,
        resource_id, tenant, effect, code, rules, missing, obligations, hide, shadow_effect, inputs, policy_digest,
        revision, duration_us, tzdata, peer, trace_id, caller_evidence, principal_evidence, masked, found_by,
        enforced, flip, break_glass,
    ) = known.values()  # fmt: skip
    caller_known = _read_evidence(caller_evidence)
    return DecisionRecord(
        id=str(UUID(_text(id_))),
        kind=RecordKind(kind),
        time=_whole(time),
        request_id=_text(request_id),
        caller=Ref(_text(caller_type), _text(caller_id)),
        principal=Ref(_text(principal_type), _text(principal_id)),
        action=_text(action),
        resource=Ref(_text(resource_type), _text(resource_id)),
        tenant=None if tenant is None else Ref(*_pair(tenant)),
        effect=Effect(effect),
        code=_text(code),
        rules=tuple(_text(rule) for rule in _items(rules)),
        missing=tuple(MissingInput(*_pair(gap)) for gap in _items(missing)),
        obligations=tuple(_obligation(duty) for duty in _items(obligations)),
        hide=_flag(hide),
        shadow_effect=Effect(shadow_effect),
        inputs=_object(inputs),
        policy_digest=_text(policy_digest),
        revision=_text(revision),
        duration_us=_whole(duration_us),
        tzdata=_text(tzdata),
        origin=Origin(_text(peer), _text(trace_id)),
        caller_evidence=caller_known,
        principal_evidence=caller_known if principal_evidence is None else _read_evidence(principal_evidence),
        masked=tuple(_masked(item) for item in _items(masked)),
        found_by=tuple(_text(path) for path in _items(found_by)),
        enforced=_flag(enforced),
        flip=None if flip is None else read_flip(flip),
        break_glass=_text(break_glass),
    )


def _write_flip(flip: Flip) -> tuple[object, ...]:
    return flip.digest, flip.effect._value_, flip.code, flip.rules


def read_flip(item: Json) -> Flip:
    """A flip as it is stored; ValueError or TypeError for what is none."""
    digest, effect, code, rules = _items(item)
    return Flip(_text(digest), Effect(effect), _text(code), tuple(_text(rule) for rule in _items(rules)))


def _evidence(evidence: Evidence) -> tuple[str, str, str]:
    kind, issuer, credential = evidence
    return kind._value_, issuer, credential


def _read_evidence(item: Json) -> Evidence:
    kind, issuer, credential = _items(item)
    return Evidence(EvidenceKind(kind), _text(issuer), _text(credential))


def _masked(item: Json) -> Masked:
    path, how = _pair(item)
    return Masked(path, Masking(how))


def _fields_of(format_: Json) -> tuple[str, ...]:
    if isinstance(format_, int) and format_ > VERSION:
        raise LaterFormat(f"this version reads formats 1 to {VERSION}, not {format_}")
    if isinstance(format_, bool) or not isinstance(format_, int) or format_ not in _FIELDS:
        raise ValueError(f"this version reads formats 1 to {VERSION}")
    return _FIELDS[format_]


def _obligation(item: Json) -> Obligation:
    name, parameters = _items(item)
    return Obligation(_text(name), tuple(_parameter(parameter) for parameter in _items(parameters)))


def _parameter(item: Json) -> tuple[str, Json]:
    name, value = _items(item)
    return _text(name), value


def _pair(item: Json) -> tuple[str, str]:
    first, second = _items(item)
    return _text(first), _text(second)


def _items(item: Json) -> list[Json]:
    if not isinstance(item, list):
        raise TypeError("expected a list")
    return item


def _object(item: Json) -> dict[str, Json]:
    if not isinstance(item, dict):
        raise TypeError("expected an object")
    return item


def _text(item: Json) -> str:
    if not isinstance(item, str):
        raise TypeError("expected a string")
    return item


def _whole(item: Json) -> int:
    if isinstance(item, bool) or not isinstance(item, int):
        raise TypeError("expected a whole number")
    return item


def _flag(item: Json) -> bool:
    if not isinstance(item, bool):
        raise TypeError("expected true or false")
    return item
