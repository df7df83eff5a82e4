"""The rows of a record in the log: the record whole, and the columns that find it."""

from typing import Final

from service.decisions.payload import encode_record
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
        "body": encode_record(record),
    }


def rule_rows(record: DecisionRecord) -> list[dict[str, Cell]]:
    """The rows of `decision_rule`."""
    return [{"rule": rule, "decision_id": record.id} for rule in dict.fromkeys(map(indexed, record.rules))]


def indexed(text: str) -> str:
    """The text as a column holds it: bounded, and without NUL, which PostgreSQL has no place for."""
    return text[:INDEXED].replace("\0", "\N{REPLACEMENT CHARACTER}")
