"""The rows of a record in the log: the record whole, and the columns and rows that find it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from sqlalchemy import Table

from policy_lang.types import Json
from service.db.log_tables import decision_attribute, decision_missing, decision_rule
from service.decisions.payload import encode_record
from service.identity import EvidenceKind
from service.model import DecisionRecord

INDEXED: Final = 256
"""Characters of a text that its column holds; an index takes no long ones. The body has them whole."""

Cell = str | int | None


def decision_row(record: DecisionRecord) -> dict[str, Cell]:
    """The row of `decision`."""
    tenant = record.tenant
    return {
        "id": record.id,
        "time": record.time,
        "kind": record.kind.value,
        "request_id": indexed(record.request_id),
        "caller_type": indexed(record.caller.type),
        "caller_id": indexed(record.caller.id),
        "principal_type": indexed(record.principal.type),
        "principal_id": indexed(record.principal.id),
        "action": indexed(record.action),
        "resource_type": indexed(record.resource.type),
        "resource_id": indexed(record.resource.id),
        "tenant_type": None if tenant is None else indexed(tenant.type),
        "tenant_id": None if tenant is None else indexed(tenant.id),
        "effect": record.effect.value,
        "code": indexed(record.code),
        "policy_digest": indexed(record.policy_digest),
        "revision": indexed(record.revision),
        "duration_us": record.duration_us,
        "trace_id": indexed(record.origin.trace_id) or None,
        "peer": indexed(record.origin.peer) or None,
        "caller_evidence": _kind(record.caller_evidence.kind),
        "caller_issuer": indexed(record.caller_evidence.issuer) or None,
        "caller_credential": indexed(record.caller_evidence.credential) or None,
        "principal_evidence": _kind(record.principal_evidence.kind),
        "unenforced": None if record.enforced else 1,
        "flip": record.flip and record.flip.direction(record.effect),
        "body": encode_record(record),
    }


def rule_rows(record: DecisionRecord) -> list[dict[str, Cell]]:
    """The rows of `decision_rule`."""
    return [{"rule": rule, "decision_id": record.id} for rule in dict.fromkeys(map(indexed, record.rules))]


def missing_rows(record: DecisionRecord) -> list[dict[str, Cell]]:
    """The rows of `decision_missing`."""
    paths = dict.fromkeys([indexed(gap.path) for gap in record.missing])
    return [{"path": path, "decision_id": record.id} for path in paths]


def attribute_rows(record: DecisionRecord) -> list[dict[str, Cell]]:
    """The rows of `decision_attribute`: of what was read on those paths, a set's elements one by one."""
    found = [(path, text) for path in record.found_by for text in texts_of(record.inputs.get(path))]
    pairs = dict.fromkeys([(indexed(path), indexed(text)) for path, text in found])
    return [{"path": path, "value": value, "decision_id": record.id} for path, value in pairs]


CHILDREN: Final[Mapping[Table, Callable[[DecisionRecord], list[dict[str, Cell]]]]] = {
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


def _kind(kind: EvidenceKind) -> str | None:
    return None if kind is EvidenceKind.UNTOLD else kind.value


def indexed(text: str) -> str:
    """The text as a column holds it: bounded, and without NUL, which PostgreSQL has no place for."""
    return text[:INDEXED].replace("\0", "\N{REPLACEMENT CHARACTER}")
