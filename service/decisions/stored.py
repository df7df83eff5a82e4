"""The values of a record as they stand in the spool and in the log, and which of them need not be read to be kept.

Law: what `taken` gives is what reading the record and writing it again would give. Reading one costs 20 µs and this
look 3, and the shipper takes its time from the workers; so it reads records of earlier versions and unusual ones alone.
"""

import re
from collections.abc import Mapping
from itertools import product
from types import UnionType
from typing import Final, NamedTuple, get_args, get_origin

from policy_lang.decision import Effect
from policy_lang.types import Json
from service.identity import EvidenceKind
from service.model import Masking, RecordKind

VERSION: Final = 4
"""The format of records that this version writes."""


class Stored(NamedTuple):
    """A record's values, in their order. `principal_evidence` is null where it is the caller's."""

    v: int
    id: str
    kind: str
    time: int
    request_id: str
    caller_type: str
    caller_id: str
    principal_type: str
    principal_id: str
    action: str
    resource_type: str
    resource_id: str
    tenant: list[str] | None
    effect: str
    code: str
    rules: list[str]
    missing: list[list[str]]
    obligations: list[Json]
    hide: bool
    shadow_effect: str
    inputs: dict[str, Json]
    policy_digest: str
    revision: str
    duration_us: int
    tzdata: str
    peer: str
    trace_id: str
    caller_evidence: list[str]
    principal_evidence: list[str] | None
    masked: list[list[str]]
    found_by: list[str]
    enforced: bool
    flip: list[Json] | None
    break_glass: str


FIELDS: Final = Stored._fields
"""The names of the values."""


def taken(values: list[Json]) -> Stored | None:
    """The record that these are, if they are as this version writes them; None where that takes reading them.

    Those with obligations, or that candidate policies decide otherwise, are read.
    """
    if tuple(map(type, values)) not in _SHAPES:
        return None
    stored = Stored._make(values)
    is_known = (
        stored.v == VERSION
        and _ID.fullmatch(stored.id) is not None
        and stored.kind in _KINDS
        and stored.effect in _EFFECTS
        and stored.shadow_effect in _EFFECTS
        and not stored.obligations
        and stored.flip is None
    )
    return stored if is_known and _has_known_parts(stored) else None


def _has_known_parts(stored: Stored) -> bool:
    tenant, caller, principal = stored.tenant, stored.caller_evidence, stored.principal_evidence
    return (
        _are_texts(stored.rules)
        and _are_texts(stored.found_by)
        and (tenant is None or (len(tenant) == 2 and _are_texts(tenant)))
        and _is_evidence(caller)
        and (principal is None or _is_evidence(principal))
        and (not stored.missing or all(map(_is_pair, stored.missing)))
        and (not stored.masked or all(_is_pair(item) and item[1] in _MASKINGS for item in stored.masked))
    )


def _is_evidence(items: list[str]) -> bool:
    return len(items) == 3 and _are_texts(items) and items[0] in _EVIDENCE


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2 and _are_texts(item)


def _are_texts(items: list[str]) -> bool:
    return _TEXT.issuperset(map(type, items))


def _types(hint: object) -> tuple[object, ...]:
    """The types that JSON has for a value of that hint."""
    members = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(get_origin(member) or member for member in members)


_HINTS: Final[Mapping[str, object]] = Stored.__annotations__
_SHAPES: Final = frozenset(product(*map(_types, _HINTS.values())))
"""The types that the values of a record have."""
_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEXT: Final = frozenset({str})
_KINDS: Final = frozenset(kind.value for kind in RecordKind)
_EFFECTS: Final = frozenset(effect.value for effect in Effect)
_EVIDENCE: Final = frozenset(kind.value for kind in EvidenceKind)
_MASKINGS: Final = frozenset(how.value for how in Masking)
