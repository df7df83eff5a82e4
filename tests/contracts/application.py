"""An application with tables of its own for the facts of `documents`, on either kind of database, and how it writes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import orjson
from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Engine,
    ForeignKey,
    Interval,
    MetaData,
    Numeric,
    Table,
    Text,
    create_engine,
    delete,
    insert,
)
from sqlalchemy.dialects.postgresql import ARRAY, CIDR, INET, JSONB

from policy_lang.forms import read_given
from policy_lang.types import Json, TimestampType
from policy_lang.values import Ref
from service.entities.admission import Admission
from service.source_settings import SourceSettings
from tests.contracts.documents import SCHEMA

TABLES: Final = MetaData()
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _id(name: str = "id") -> "Column[str]":
    return Column(name, Text, primary_key=True)


def _json() -> Text:
    return Text().with_variant(JSONB(), "postgresql")


def _moment() -> Text:
    return Text().with_variant(TIMESTAMP(timezone=True), "postgresql")


def _edges(name: str, child: str, parent: str) -> Table:
    return Table(name, TABLES, _id(child), _id(parent))


TENANTS = Table("tenants", TABLES, _id())
TEAMS = Table("teams", TABLES, _id())
USERS = Table(
    "users", TABLES, _id(), Column("tenant_id", Text), Column("department", Text), Column("clearance", BigInteger),
    Column("suspended", Boolean), Column("zone", Text),
)  # fmt: skip
FOLDERS = Table("folders", TABLES, _id(), Column("owner_kind", Text), Column("owner_id", Text))
DOCUMENTS = Table(
    "documents",
    TABLES,
    _id(),
    Column("tenant_id", Text),
    Column("owner_kind", Text),
    Column("owner_id", Text),
    Column("level", BigInteger),
    Column("price", Numeric(20, 4)),
    Column("rates", Text().with_variant(ARRAY(Numeric), "postgresql")),
    Column("address", _json()),
    Column("labels", Text().with_variant(ARRAY(Text), "postgresql")),
    Column("readers", _json()),
    Column("visibility", Text),
    Column("retain_until", _moment()),
    Column("review_every", BigInteger().with_variant(Interval(), "postgresql")),
    Column("from", Text().with_variant(INET(), "postgresql")),
    Column("networks", Text().with_variant(ARRAY(CIDR), "postgresql")),
)
PARENTS: Final[Mapping[str, Table]] = {
    "Team": _edges("team_parents", "team_id", "parent_id"),
    "User": _edges("memberships", "user_id", "team_id"),
    "Folder": _edges("folder_parents", "folder_id", "parent_id"),
    "Document": _edges("document_folders", "document_id", "folder_id"),
}
TENANT_ROLES = Table(
    "tenant_roles", TABLES, Column("kind", Text), Column("who", Text), Column("role", Text),
    Column("tenant_id", Text), Column("until", _moment()),
)  # fmt: skip
AUDITORS = Table("auditors", TABLES, Column("kind", Text), Column("who", Text), Column("until", _moment()))
COLLABORATORS = Table(
    "collaborators", TABLES, Column("document_id", ForeignKey("documents.id")), Column("kind", Text),
    Column("who", Text), Column("until", _moment()),
)  # fmt: skip
WATCHERS = Table(
    "watchers", TABLES, Column("folder_id", Text), Column("user_id", Text), Column("until", _moment())
)  # fmt: skip

_KINDS: Final = {"user": "User", "team": "Team"}
_WHO: Final = {"column": "who", "type_column": "kind", "types": _KINDS}
_OWNER: Final = {"column": "owner_id", "type_column": "owner_kind", "types": _KINDS}
_PLAIN: Final = (
    "level",
    "price",
    "rates",
    "address",
    "labels",
    "readers",
    "visibility",
    "retain_until",
    "from",
    "networks",
)


def settings(url: str) -> SourceSettings:
    """How Magistrate reads the application's tables."""
    review = {"column": "review_every", **({"unit": "ms"} if url.startswith("sqlite") else {})}
    return SourceSettings.model_validate(
        {
            "database": url,
            "types": {
                "Tenant": {"table": "tenants"},
                "Team": {
                    "table": "teams",
                    "parents": [{"table": "team_parents", "child": "team_id", "column": "parent_id", "type": "Team"}],
                },
                "User": {
                    "table": "users",
                    "tenant": "tenant_id",
                    "attributes": {name: name for name in ("department", "clearance", "suspended", "zone")},
                    "parents": [{"table": "memberships", "child": "user_id", "column": "team_id", "type": "Team"}],
                },
                "Folder": {
                    "table": "folders",
                    "attributes": {"owner": _OWNER},
                    "parents": [
                        {"table": "folder_parents", "child": "folder_id", "column": "parent_id", "type": "Folder"}
                    ],
                },
                "Document": {
                    "table": "documents",
                    "tenant": "tenant_id",
                    "attributes": {**{name: name for name in _PLAIN}, "owner": _OWNER, "review_every": review},
                    "parents": [
                        {"table": "document_folders", "child": "document_id", "column": "folder_id", "type": "Folder"}
                    ],
                },
            },
            "roles": [
                {
                    "table": "tenant_roles",
                    "subject": _WHO,
                    "role_column": "role",
                    "roles": {"viewer": "docs.viewer"},
                    "at": {"column": "tenant_id", "type": "Tenant"},
                    "expires_at": "until",
                },
                {"table": "auditors", "subject": _WHO, "role": "docs.auditor", "expires_at": "until"},
            ],
            "relations": [
                {
                    "table": "collaborators",
                    "relation": "docs.collaborator",
                    "resource": {"column": "document_id", "type": "Document"},
                    "subject": _WHO,
                    "expires_at": "until",
                },
                {
                    "table": "watchers",
                    "relation": "docs.watcher",
                    "resource": {"column": "folder_id", "type": "Folder"},
                    "subject": {"column": "user_id", "type": "User"},
                    "expires_at": "until",
                },
            ],
        }
    )


class Application:
    """The application, which writes its own tables; facts are given as to `EntityWriter`."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self._is_embedded = url.startswith("sqlite")
        self._admission = Admission(SCHEMA)
        TABLES.create_all(self.engine)

    def put(self, ref: Ref, attributes: Json, parents: Json = None) -> None:
        """Writes an entity whole."""
        fact = self._admission.entity(ref, attributes, parents)
        values = self._columns(fact.attributes)
        if isinstance(attributes, dict) and "address" in attributes:
            values["address"] = self._document(attributes["address"])
        table, edges = TABLES.tables[f"{ref.type.lower()}s"], PARENTS.get(ref.type)
        with self.engine.begin() as connection:
            if edges is not None:
                child, parent = edges.columns
                connection.execute(delete(edges).where(child == ref.id))
                for each in fact.parents:
                    connection.execute(insert(edges).values({child: ref.id, parent: each.id}))
            connection.execute(delete(table).where(table.c.id == ref.id))
            connection.execute(insert(table).values(id=ref.id, **values))

    def assign(self, subject: Json, role: str, place: Json = None, expires_at: Json = None) -> None:
        """Gives a role."""
        given = self._admission.assignment(subject, role, place, expires_at)
        who = {"kind": given.subject.type.lower(), "who": given.subject.id, "until": self._until(expires_at)}
        with self.engine.begin() as connection:
            if given.place is None:
                connection.execute(insert(AUDITORS).values(**who))
            else:
                short = role.removeprefix("docs.")
                connection.execute(insert(TENANT_ROLES).values(**who, role=short, tenant_id=given.place.id))

    def relate(self, resource: Json, relation: str, subject: Json, expires_at: Json = None) -> None:
        """Writes a row of a relation."""
        link = self._admission.link(resource, relation, subject, expires_at)
        until = self._until(expires_at)
        with self.engine.begin() as connection:
            if relation == "docs.watcher":
                connection.execute(
                    insert(WATCHERS).values(folder_id=link.resource.id, user_id=link.subject.id, until=until)
                )
                return
            who = {"kind": link.subject.type.lower(), "who": link.subject.id, "until": until}
            connection.execute(insert(COLLABORATORS).values(document_id=link.resource.id, **who))

    def close(self) -> None:
        """Closes its connections."""
        self.engine.dispose()

    def _until(self, given: Json) -> object:
        if given is None:
            return None
        moment = read_given(TimestampType(), given)
        assert isinstance(moment, int)
        return self._moment(moment)

    def _moment(self, milliseconds: int) -> object:
        moment = EPOCH + timedelta(milliseconds=milliseconds)
        return moment.isoformat() if self._is_embedded else moment

    def _columns(self, stored: Mapping[str, Json]) -> dict[str, object]:
        """The stored form of attributes, in columns."""
        columns: dict[str, object] = {}
        for name, value in stored.items():
            match name, value:
                case "tenant", str():
                    columns["tenant_id"] = value.partition(":")[2]
                case "owner", str():
                    kind, _, columns["owner_id"] = value.partition(":")
                    columns["owner_kind"] = kind.lower()
                case "price", int():
                    columns[name] = Decimal(value) / 10_000
                case "rates", list():
                    rates = [Decimal(each) / 10_000 for each in value if isinstance(each, int)]
                    columns[name] = orjson.dumps([str(each) for each in rates]).decode() if self._is_embedded else rates
                case "readers", list():
                    columns[name] = self._document([str(each).partition(":")[2] for each in value])
                case "address", _:
                    pass
                case (("labels" | "networks"), list()):
                    columns[name] = orjson.dumps(value).decode() if self._is_embedded else value
                case "retain_until", int():
                    columns[name] = self._moment(value)
                case "review_every", int():
                    columns[name] = value if self._is_embedded else timedelta(milliseconds=value)
                case _:
                    columns[name] = value
        return columns

    def _document(self, value: Json) -> object:
        return orjson.dumps(value).decode() if self._is_embedded else value
