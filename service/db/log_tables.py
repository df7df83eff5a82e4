"""The tables of the decision log, as the migrations leave them.

A decision's `body` is the whole record (service/decisions/payload.py); its other columns only find it. Ids are UUIDv7,
so their order is that of time, and indexes end with the id: a page of one filter is one stretch of its index.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text, Uuid, text

LOG: Final = MetaData()

_NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")
_ID: Final = Uuid(as_uuid=False).with_variant(Text(), "sqlite")  # so that it reads there as it is written elsewhere


def _name(name: str, *, is_key: bool = False) -> "Column[str]":
    return Column(name, _NAME, nullable=False, primary_key=is_key)


def _told(name: str, column: str) -> Index:
    """An index of those that tell it."""
    is_told = text(f"{column} IS NOT NULL")
    return Index(name, column, "id", sqlite_where=is_told, postgresql_where=is_told)


decision: Final = Table(
    "decision",
    LOG,
    Column("id", _ID, primary_key=True),
    Column("time", BigInteger, nullable=False),
    _name("kind"),
    _name("request_id"),
    _name("caller_type"),
    _name("caller_id"),
    _name("principal_type"),
    _name("principal_id"),
    _name("action"),
    _name("resource_type"),
    _name("resource_id"),
    Column("tenant_type", _NAME),
    Column("tenant_id", _NAME),
    _name("effect"),
    _name("code"),
    _name("policy_digest"),
    _name("revision"),
    Column("duration_us", BigInteger, nullable=False),
    Column("trace_id", _NAME),
    Column("peer", _NAME),
    Column("caller_evidence", _NAME),
    Column("caller_issuer", _NAME),
    Column("caller_credential", _NAME),
    Column("principal_evidence", _NAME),
    Column("unenforced", BigInteger),
    Column("flip", _NAME),
    Column("break_glass", _NAME),
    Column("body", Text, nullable=False),
    Index("decision_times", "time", "id"),
    Index("decision_requests", "request_id", "id"),
    Index("decision_callers", "caller_type", "caller_id", "id"),
    Index("decision_principals", "principal_type", "principal_id", "id"),
    Index("decision_actions", "action", "id"),
    Index("decision_resources", "resource_type", "resource_id", "id"),
    Index("decision_tenants", "tenant_type", "tenant_id", "id"),
    Index("decision_effects", "effect", "id"),
    Index("decision_codes", "code", "id"),
    Index("decision_policies", "policy_digest", "id"),
    *(_told(f"decision_{column}s", column) for column in ("trace_id", "peer", "caller_credential", "unenforced")),
    _told("decision_break_glass", "break_glass"),
    Index("decision_flips", "id", sqlite_where=text("flip IS NOT NULL"), postgresql_where=text("flip IS NOT NULL")),
)
"""One row for each decision or refusal. `time` is in milliseconds since 1970 UTC.

The columns of trace, peer and evidence are null where the record does not tell them; `unenforced` is 1 or null,
`flip` says how candidate policies decided otherwise, and `break_glass` is the emergency grant that it was allowed by.
"""

decision_rule: Final = Table(
    "decision_rule", LOG, _name("rule", is_key=True), Column("decision_id", _ID, primary_key=True),
    Index("decision_rule_decisions", "decision_id"), sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each rule that determined a decision."""

decision_missing: Final = Table(
    "decision_missing", LOG, _name("path", is_key=True), Column("decision_id", _ID, primary_key=True),
    Index("decision_missing_decisions", "decision_id"), sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each input for lack of which a decision was undetermined."""

decision_attribute: Final = Table(
    "decision_attribute", LOG, _name("path", is_key=True), _name("value", is_key=True),
    Column("decision_id", _ID, primary_key=True),
    Index("decision_attribute_decisions", "decision_id"), sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each value of the inputs by which the settings want decisions found."""

spool_position: Final = Table(
    "spool_position",
    LOG,
    _name("segment", is_key=True),
    Column("position", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How far each segment of a spool is in the log: an offset in bytes, and when it last moved (milliseconds).

Rows outlive their segments, so that a shipper which still has an old one open can never ship it again.
"""

unauthenticated: Final = Table(
    "unauthenticated",
    LOG,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    _name("replica", is_key=True),
    _name("reason", is_key=True),
    _name("network", is_key=True),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Sums of calls that were not authenticated: by the minute (when it began, in milliseconds), why, and from where."""

chain_link: Final = Table(
    "chain_link",
    LOG,
    _name("replica", is_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", _ID, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("record_hash", LargeBinary, nullable=False),
    Column("chain_hash", LargeBinary, nullable=False),
    Column("note", BigInteger),
    Index("chain_link_decisions", "decision_id", unique=True),
)
"""The place of each record in the chain of the replica that shipped it (service/decisions/chain.py).

Where the record was taken out, `note` is the number of the note that says so, and the salt is empty.
"""

chain_head: Final = Table(
    "chain_head",
    LOG,
    _name("replica", is_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""The last place of each chain."""

chain_origin: Final = Table(
    "chain_origin", LOG, Column("records", BigInteger, primary_key=True, autoincrement=False), Column("last_id", _ID)
)
"""One row: how many records there were before there were chains, and the last id of those."""

checkpoint: Final = Table(
    "checkpoint",
    LOG,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Text, nullable=False),
)
"""The checkpoints, each the line that stands in the file too (service/decisions/checkpoint.py)."""

log_note: Final = Table(
    "log_note",
    LOG,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Text, nullable=False),
)
"""The notes of records that were taken out (service/decisions/retention/notes.py)."""

log_hold: Final = Table(
    "log_hold",
    LOG,
    _name("name", is_key=True),
    Column("principal_type", _NAME),
    Column("principal_id", _NAME),
    Column("resource_type", _NAME),
    Column("resource_id", _NAME),
    Column("tenant_type", _NAME),
    Column("tenant_id", _NAME),
    Column("since", BigInteger),
    Column("until", BigInteger),
    Column("reason", Text, nullable=False),
    _name("placed_by"),
    Column("placed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The legal holds: what is NULL in one narrows nothing. Times are in milliseconds since 1970 UTC."""
