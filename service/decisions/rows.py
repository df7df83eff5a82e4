"""The rows of a record in the log: the record whole, and the columns and rows that find it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from sqlalchemy import Table

from policy_lang.decision import Effect
from policy_lang.types import Json
from service.db.log_tables import decision_attribute, decision_missing, decision_rule
from service.decisions.payload import encode_stored, read_flip
from service.decisions.stored import Stored
from service.identity import EvidenceKind

INDEXED: Final = 256
"""Characters of a text that its column holds; an index takes no long ones. The body has them whole."""

_UNTOLD: Final = EvidenceKind.UNTOLD.value

Cell = str | int | None


def decision_row(stored: Stored) -> dict[str, Cell]:
    """The row of `decision`."""
    tenant_type, tenant_id = stored.tenant or (None, None)
    caller_kind, caller_issuer, caller_credential = stored.caller_evidence
    principal_kind = caller_kind if stored.principal_evidence is None else stored.principal_evidence[0]
    return {
        "id": stored.id,
        "time": stored.time,
        "kind": stored.kind,
        "request_id": indexed(stored.request_id),
        "caller_type": indexed(stored.caller_type),
        "caller_id": indexed(stored.caller_id),
        "principal_type": indexed(stored.principal_type),
        "principal_id": indexed(stored.principal_id),
        "action": indexed(stored.action),
        "resource_type": indexed(stored.resource_type),
        "resource_id": indexed(stored.resource_id),
        "tenant_type": None if tenant_type is None else indexed(tenant_type),
        "tenant_id": None if tenant_id is None else indexed(tenant_id),
        "effect": stored.effect,
        "code": indexed(stored.code),
        "policy_digest": indexed(stored.policy_digest),
        "revision": indexed(stored.revision),
        "duration_us": stored.duration_us,
        "trace_id": indexed(stored.trace_id) or None,
        "peer": indexed(stored.peer) or None,
        "caller_evidence": _told(caller_kind),
        "caller_issuer": indexed(caller_issuer) or None,
        "caller_credential": indexed(caller_credential) or None,
        "principal_evidence": _told(principal_kind),
        "unenforced": None if stored.enforced else 1,
        "flip": None if stored.flip is None else read_flip(stored.flip).direction(Effect(stored.effect)),
        "break_glass": indexed(stored.break_glass) or None,
        "body": encode_stored(stored),
    }


def rule_rows(stored: Stored) -> list[dict[str, Cell]]:
    """The rows of `decision_rule`."""
    return [{"rule": rule, "decision_id": stored.id} for rule in dict.fromkeys(map(indexed, stored.rules))]


def missing_rows(stored: Stored) -> list[dict[str, Cell]]:
    """The rows of `decision_missing`."""
    paths = dict.fromkeys([indexed(path) for path, _ in stored.missing])
    return [{"path": path, "decision_id": stored.id} for path in paths]


def attribute_rows(stored: Stored) -> list[dict[str, Cell]]:
    """The rows of `decision_attribute`: of what was read on those paths, a set's elements one by one."""
    found = [(path, text) for path in stored.found_by for text in texts_of(stored.inputs.get(path))]
    pairs = dict.fromkeys([(indexed(path), indexed(text)) for path, text in found])
    return [{"path": path, "value": value, "decision_id": stored.id} for path, value in pairs]


CHILDREN: Final[Mapping[Table, Callable[[Stored], list[dict[str, Cell]]]]] = {
    decision_rule: rule_rows, decision_missing: missing_rows, decision_attribute: attribute_rows,
}  # fmt: skip
"""The tables beside `decision`, and what stands there of a record."""


def texts_of(given: Json) -> Iterator[str]:
    """The texts by which a recorded value is found: none for a gap and for a record."""
    match given:
        case bool():
            yield "true" if given else "false"
        case int() | str():
            yield str(given)
        case {"type": str(type_), "id": str(id_)}:
            yield f"{type_}:{id_}"
        case list():
            for item in given:
                yield from texts_of(item)


def _told(kind: str) -> str | None:
    return None if kind == _UNTOLD else kind


def indexed(text: str) -> str:
    """The text as a column holds it: bounded, and without NUL, which PostgreSQL has no place for."""
    if len(text) <= INDEXED and "\0" not in text:
        return text
    return text[:INDEXED].replace("\0", "\N{REPLACEMENT CHARACTER}")
