"""What may be asked of the log, and the condition that each part of it comes to."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Final, TypeVarTuple

import orjson
from sqlalchemy import Column, ColumnElement, FromClause, Select, and_

from policy_lang.decision import Effect
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.log_tables import decision, decision_attribute, decision_missing, decision_rule
from service.decisions.rows import indexed, texts_of
from service.errors import InvalidRequest, Violation
from service.model import FLIPS, DecisionRecord

Selected = TypeVarTuple("Selected")

TEXT_LIMIT: Final = 8192
"""Characters of one text of a filter; those beyond what a column holds (`INDEXED`) do not count."""
ANY_FLIP: Final = "any"
"""Stands for every way in which a candidate may decide otherwise."""
ANY_GRANT: Final = "any"
"""Stands for every emergency grant."""
ATTRIBUTE_LIMIT: Final = 8
"""Attribute paths of one filter."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What to find; None is anything. `since` is included, `until` is not; both in milliseconds since 1970 UTC.

    `resource_prefix` is how the ids of the resources of a type begin. `attributes` are what recorded inputs were, by
    their paths: a text as it is, all else as JSON (`input_text`). `flip` is one of FLIPS, or ANY_FLIP;
    `break_glass` is the id of an emergency grant, or ANY_GRANT.
    """

    since: int | None = None
    until: int | None = None
    principal: Ref | None = None
    caller: Ref | None = None
    action: str | None = None
    resource: Ref | None = None
    resource_type: str | None = None
    resource_prefix: str | None = None
    tenant: Ref | None = None
    effect: Effect | None = None
    code: str | None = None
    rule: str | None = None
    missing: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    peer: str | None = None
    credential: str | None = None
    policy_digest: str | None = None
    enforced: bool | None = None
    flip: str | None = None
    break_glass: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def check_filter(wanted: LogFilter) -> LogFilter:
    """The filter itself; InvalidRequest names what no record could be found by."""
    faults = [*_form_faults(wanted), *_range_faults(wanted)]
    if faults:
        raise InvalidRequest(faults)
    return wanted


def filter_fields(wanted: LogFilter) -> dict[str, Json]:
    """What the filter asks for, by name, for the record of its use; what it leaves open is left out."""
    return {each.name: _plain(value) for each in fields(wanted) if (value := getattr(wanted, each.name)) not in _OPEN}


def filter_digest(wanted: LogFilter) -> str:
    """Tells the filter from every other: a page goes on with the filter that it began with."""
    return sha256(orjson.dumps(filter_fields(wanted), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def narrowed(
    query: "Select[*Selected]", wanted: LogFilter, indexed_paths: Collection[str] = ()
) -> "tuple[Select[*Selected], ColumnElement[str]]":
    """A query over `decision` with the filter, and the column of ids that stands first in an index of what it asks.

    Of the attributes only those on indexed paths are in it.
    """
    parts = list(_parts(wanted, indexed_paths))
    for table, _ in parts:
        query = query.join(table, table.c.decision_id == decision.c.id)
    query = query.where(*_conditions(wanted), *(condition for _, condition in parts))
    return query, parts[0][0].c.decision_id if parts else decision.c.id


def fits(record: DecisionRecord, attributes: Mapping[str, str]) -> bool:
    """Whether the record's inputs were so."""
    inputs = record.inputs
    return all(text in texts_of(inputs.get(path)) for path, text in attributes.items())


def _form_faults(wanted: LogFilter) -> Iterator[Violation]:
    for each in fields(wanted):
        value = getattr(wanted, each.name)
        texts = (value.type, value.id) if isinstance(value, Ref) else (value,) if isinstance(value, str) else ()
        if any(len(text) > TEXT_LIMIT or not _is_unicode(text) for text in texts):
            yield Violation(each.name, f"at most {TEXT_LIMIT} characters of Unicode")
        if isinstance(value, Ref) and not (value.type and value.id):
            yield Violation(each.name, "a type and an id")
    if wanted.resource is not None and (wanted.resource_type is not None or wanted.resource_prefix is not None):
        yield Violation("resource", "one resource, or a type and how its ids begin")
    if wanted.resource_prefix is not None and not wanted.resource_type:
        yield Violation("resource_type", "required where ids begin with something")
    if wanted.flip not in (None, ANY_FLIP, *FLIPS):
        yield Violation("flip", f"{ANY_FLIP}, {', '.join(FLIPS)}")
    if len(wanted.attributes) > ATTRIBUTE_LIMIT:
        yield Violation("attributes", f"at most {ATTRIBUTE_LIMIT}")
    parts = [text for pair in wanted.attributes.items() for text in pair]
    if not all(wanted.attributes) or any(len(text) > TEXT_LIMIT or not _is_unicode(text) for text in parts):
        yield Violation("attributes", f"paths and values of at most {TEXT_LIMIT} characters of Unicode")


def _range_faults(wanted: LogFilter) -> Iterator[Violation]:
    for name, moment in (("since", wanted.since), ("until", wanted.until)):
        if moment is not None and not -_LAST_MOMENT <= moment <= _LAST_MOMENT:
            yield Violation(name, "a moment of the years that timestamps have")
    if wanted.since is not None and wanted.until is not None and wanted.until <= wanted.since:
        yield Violation("until", "later than `since`")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _parts(wanted: LogFilter, indexed_paths: Collection[str]) -> Iterator[tuple[FromClause, ColumnElement[bool]]]:
    """What is asked of the tables beside `decision`, of each row one thing."""
    if wanted.rule is not None:
        yield decision_rule, decision_rule.c.rule == indexed(wanted.rule)
    if wanted.missing is not None:
        yield decision_missing, decision_missing.c.path == indexed(wanted.missing)
    for number, (path, text) in enumerate(sorted(wanted.attributes.items())):
        if path in indexed_paths:
            table = decision_attribute.alias(f"attribute_{number}")
            yield table, and_(table.c.path == indexed(path), table.c.value == indexed(text))


def _conditions(wanted: LogFilter) -> Iterator[ColumnElement[bool]]:
    columns = decision.c
    if wanted.since is not None:
        yield columns.time >= wanted.since
    if wanted.until is not None:
        yield columns.time < wanted.until
    if wanted.effect is not None:
        yield columns.effect == wanted.effect.value
    if wanted.enforced is not None:
        yield columns.unenforced.is_(None) if wanted.enforced else columns.unenforced == 1
    if wanted.flip is not None:
        yield columns.flip.is_not(None) if wanted.flip == ANY_FLIP else columns.flip == wanted.flip
    if wanted.break_glass is not None:
        is_any = wanted.break_glass == ANY_GRANT
        yield columns.break_glass.is_not(None) if is_any else columns.break_glass == indexed(wanted.break_glass)
    yield from _same_text(columns.action, wanted.action)
    yield from _same_text(columns.code, wanted.code)
    yield from _same_text(columns.request_id, wanted.request_id)
    yield from _same_text(columns.trace_id, wanted.trace_id)
    yield from _same_text(columns.peer, wanted.peer)
    yield from _same_text(columns.caller_credential, wanted.credential)
    yield from _same_text(columns.policy_digest, wanted.policy_digest)
    yield from _same_text(columns.resource_type, wanted.resource_type)
    if wanted.resource_prefix:
        yield from _begins(columns.resource_id, indexed(wanted.resource_prefix))
    yield from _same_ref(columns.caller_type, columns.caller_id, wanted.caller)
    yield from _same_ref(columns.principal_type, columns.principal_id, wanted.principal)
    yield from _same_ref(columns.resource_type, columns.resource_id, wanted.resource)
    yield from _same_ref(columns.tenant_type, columns.tenant_id, wanted.tenant)


def _plain(value: object) -> Json:
    match value:
        case Ref():
            return str(value)
        case Effect():
            return value.value
        case Mapping():
            return {str(path): str(text) for path, text in value.items()}
        case int() | str():
            return value
        case _:
            raise TypeError(f"no part of a filter: {type(value).__name__}")


def _same_text(column: "Column[str]", text: str | None) -> Iterator[ColumnElement[bool]]:
    if text is not None:
        yield column == indexed(text)


def _same_ref(type_: "Column[str]", id_: "Column[str]", ref: Ref | None) -> Iterator[ColumnElement[bool]]:
    if ref is not None:
        yield type_ == indexed(ref.type)
        yield id_ == indexed(ref.id)


def _begins(column: "Column[str]", prefix: str) -> Iterator[ColumnElement[bool]]:
    """A stretch of the column's order, which is that of code points; no pattern, whatever letters the prefix has."""
    yield column >= prefix
    kept = prefix.rstrip(chr(_LAST_LETTER))
    if kept:
        following = ord(kept[-1]) + 1
        yield column < kept[:-1] + chr(_BEHIND_SURROGATES if following == _FIRST_SURROGATE else following)


_OPEN: Final[tuple[object, ...]] = (None, {})
_LAST_MOMENT: Final = 253_402_300_800_000
"""The end of the year 9999; what is before 1970 is as far from it at most."""
_LAST_LETTER: Final = 0x10FFFF
_FIRST_SURROGATE: Final = 0xD800
_BEHIND_SURROGATES: Final = 0xE000
