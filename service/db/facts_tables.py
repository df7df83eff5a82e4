"""The tables of the facts, as the migrations leave them.

Attributes are JSON in the stored form (policy_lang.types): canonical, so that equal values are equal bytes.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

FACTS: Final = MetaData()

NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")
DOCUMENT: Final = JSON().with_variant(JSONB(), "postgresql")


def _key(name: str) -> "Column[str]":
    return Column(name, NAME, primary_key=True)


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
    Column("tenants", Text),
    Index("change_times", "at"),
    sqlite_with_rowid=False,
)
"""What each revision changed, for a day: kinds and keys as in service.db.feed; `at` is in milliseconds.

`tenants` is a JSON list of `Type:id`, those that what changed is or was of; NULL where that is not known.
"""

entity: Final = Table(
    "entity",
    FACTS,
    _key("type"),
    _key("id"),
    Column("attributes", DOCUMENT, nullable=False),
    Index(
        "entity_attributes",
        "attributes",
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
        info={"dialect": "postgresql"},
    ),
    sqlite_with_rowid=False,
)
"""Principals and resources that have rows. PostgreSQL alone has an index for what their attributes hold."""

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

_NOT_ENDED: Final = text("ended_at IS NULL")
break_glass: Final = Table(
    "break_glass",
    FACTS,
    _key("id"),
    Column("subject_type", NAME, nullable=False),
    Column("subject_id", NAME, nullable=False),
    Column("role", NAME, nullable=False),
    Column("place_type", NAME, nullable=False),
    Column("place_id", NAME, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", Text),
    *(
        Index(f"break_glass_{end}s", f"{end}_type", f"{end}_id", sqlite_where=_NOT_ENDED, postgresql_where=_NOT_ENDED)
        for end in ("subject", "place")
    ),
    Index("break_glass_ends", "expires_at"),
    sqlite_with_rowid=False,
)
"""Roles held in an emergency (service.entities.break_glass): assignments that are not ended count beside the others."""

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

bundle: Final = Table(
    "bundle",
    FACTS,
    _key("digest"),
    Column("texts", Text, nullable=False),
    Column("pushed_by", Text, nullable=False),
    Column("pushed_at", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("signature", LargeBinary),
    Index("bundle_times", "pushed_at", "digest"),
)
"""Policies that were pushed; `texts` is a JSON object of path → text, `pushed_at` is in milliseconds."""

activation: Final = Table(
    "activation",
    FACTS,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", NAME, ForeignKey("bundle.digest"), nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("why", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Index("activation_states", "state", "number"),
)
"""Each time that policies were to be put in force, and what came of it (service.policies.activations)."""

trial: Final = Table(
    "trial",
    FACTS,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", NAME, ForeignKey("bundle.digest"), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
)
"""The policies that are tried out beside those in force: one row, or none (service.policies.trials)."""

preparation: Final = Table(
    "preparation",
    FACTS,
    Column("activation", BigInteger, ForeignKey("activation.number"), primary_key=True, autoincrement=False),
    _key("replica"),
    Column("why", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What each replica answered to an activation: `why` it cannot load the policies; empty if it has."""

replica: Final = Table(
    "replica",
    FACTS,
    _key("id"),
    Column("seen_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The replicas that follow the activations, and when each was last heard of, by the database's clock."""

errand: Final = Table(
    "errand",
    FACTS,
    _key("id"),
    Column("replica", NAME, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("question", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("answer", Text),
    Index("errand_replicas", "replica", "kind", "asked_at"),
)
"""Work that a replica's workers have handed to its background process, and the outcome (service/desk.py).

Of an outcome, `asked_at` says since when it lies there.
"""

revocation: Final = Table(
    "revocation",
    FACTS,
    _key("kind"),
    _key("space"),
    _key("name"),
    Column("issued_until", BigInteger),
    Column("kept_until", BigInteger),
    Column("revoked_at", BigInteger, nullable=False),
    Column("revoked_by", Text, nullable=False),
    Index("revocation_ends", "kept_until"),
    sqlite_with_rowid=False,
)
"""What is revoked: the token `name` (its `jti`) of the issuer `space`, or the principal `name` of the type `space`;
a key of an issuer, or a certificate, likewise; or, of kind `lifted`, a revoked principal whose certificates are let in.

Times are in milliseconds; `kept_until` is NULL for ever. Of a principal, `issued_until` bounds which of its tokens.
"""

api_key: Final = Table(
    "api_key",
    FACTS,
    _key("id"),
    Column("name", Text, nullable=False),
    Column("principal_type", NAME, nullable=False),
    Column("principal_id", NAME, nullable=False),
    Column("owner_type", NAME, nullable=False),
    Column("owner_id", NAME, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("per_minute", BigInteger),
    Column("burst", BigInteger),
    Column("pepper", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("former_pepper", Text),
    Column("former_mac", LargeBinary),
    Column("former_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("rotated_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("revoked_by", Text, nullable=False),
    Index("api_key_ends", "expires_at"),
    sqlite_with_rowid=False,
)
"""API keys. `mac` is of the secret, under the `pepper` of that id; the former one is good until `former_until`.

`scopes` is a JSON object of lists; times are in milliseconds. `last_used_at` alone changes without a revision.
"""

session: Final = Table(
    "session",
    FACTS,
    _key("id"),
    Column("digest", LargeBinary, nullable=False),
    Column("principal_type", NAME, nullable=False),
    Column("principal_id", NAME, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("idle_ms", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("renewed_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", Text, nullable=False),
    Index("session_principals", "principal_type", "principal_id"),
    Index("session_ends", "ends_at"),
    sqlite_with_rowid=False,
)
"""Sessions. `digest` is of the whole token, and `id` its beginning in hex; times are in milliseconds.

`renewed_at` alone changes without a revision: it only ever lengthens, and who finds it passed looks once more.
"""
