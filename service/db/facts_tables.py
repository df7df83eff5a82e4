"""The tables of the facts, as the migrations leave them.

Attributes are JSON in the stored form (policy_lang.types): canonical, so that equal values are equal bytes.
"""

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

FACTS: Final = MetaData()

_NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = JSON().with_variant(JSONB(), "postgresql")


def _key(name: str) -> "Column[str]":
    return Column(name, _NAME, primary_key=True)


revision: Final = Table(
    "revision",
    FACTS,
    Column("singleton", Integer, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
)
"""One row: the last revision. Every write ends with raising `n` (service.db.feed)."""

change: Final = Table(
    "change",
    FACTS,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("format", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("change_times", "at"),
    sqlite_with_rowid=False,
)
"""What each revision changed, for a day: kinds and keys as in service.db.feed; `at` is in milliseconds."""

entity: Final = Table(
    "entity", FACTS, _key("type"), _key("id"), Column("attributes", _DOCUMENT, nullable=False), sqlite_with_rowid=False
)
"""Principals and resources that have rows."""

entity_parent: Final = Table(
    "entity_parent",
    FACTS,
    _key("type"),
    _key("id"),
    _key("parent_type"),
    _key("parent_id"),
    ForeignKeyConstraint(["type", "id"], ["entity.type", "entity.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["parent_type", "parent_id"], ["entity.type", "entity.id"], deferrable=True, initially="DEFERRED"
    ),
    Index("entity_parent_children", "parent_type", "parent_id"),
    sqlite_with_rowid=False,
)
"""One row for each parent of an entity."""

role_assignment: Final = Table(
    "role_assignment",
    FACTS,
    _key("subject_type"),
    _key("subject_id"),
    _key("role"),
    _key("place_type"),
    _key("place_id"),
    Column("expires_at", BigInteger),
    Index("role_assignment_places", "place_type", "place_id"),
    sqlite_with_rowid=False,
)
"""Roles held. A global one is at the place of empty type and id; `expires_at` is in milliseconds, NULL for ever."""

relation_link: Final = Table(
    "relation_link",
    FACTS,
    _key("resource_type"),
    _key("resource_id"),
    _key("relation"),
    _key("subject_type"),
    _key("subject_id"),
    Column("expires_at", BigInteger),
    Index("relation_link_subjects", "subject_type", "subject_id"),
    sqlite_with_rowid=False,
)
"""Stored relations: `relation` ties the resource to the subject until `expires_at`."""
