"""A schema for the store's tests: tenants, teams, users, folders and documents, every type of value once."""

from policy_lang.schema import Attribute, EntityType, Origin, Role, Schema, StoredRelation
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    EnumType,
    Field,
    IntType,
    IpType,
    NetworkType,
    RecordType,
    RefType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
)


def _type(entity: EntityType, *attributes: Attribute) -> EntityType:
    named = {attribute.name: attribute for attribute in attributes}
    return EntityType(entity.name, "docs", named, entity.parents, entity.rows, entity.is_principal, entity.is_tenant)


ADDRESS = RecordType(
    (
        Field("city", StringType()),
        Field("host", RefType(("User",)), is_optional=True),
        Field("box", RecordType((Field("size", IntType()), Field("fee", DecimalType(), is_optional=True)))),
    )
)
_TENANT = Attribute("tenant", RefType(("Tenant",)))

_TYPES = (
    EntityType("Tenant", "docs", {}, is_tenant=True),
    EntityType("Team", "docs", {}, parents=("Team",)),
    _type(
        EntityType("User", "docs", {}, parents=("Team",), is_principal=True),
        _TENANT,
        Attribute("department", StringType(), is_optional=True),
        Attribute("clearance", IntType()),
        Attribute("suspended", BoolType()),
        Attribute("zone", TimezoneType()),
        Attribute("email", StringType(), is_optional=True, origin=Origin.CLAIM, claim=("email",)),
    ),
    _type(EntityType("Service", "docs", {}, rows=Origin.CLAIM, is_principal=True), _TENANT),
    _type(EntityType("Folder", "docs", {}, parents=("Folder",)), Attribute("owner", RefType(("User", "Team")))),
    _type(
        EntityType("Document", "docs", {}, parents=("Folder",)),
        _TENANT,
        Attribute("owner", RefType(("User", "Team"))),
        Attribute("level", IntType()),
        Attribute("price", DecimalType(), is_optional=True),
        Attribute("rates", SetType(DecimalType()), is_optional=True),
        Attribute("address", ADDRESS, is_optional=True),
        Attribute("labels", SetType(StringType())),
        Attribute("readers", SetType(RefType(("User",)))),
        Attribute("visibility", EnumType(("private", "internal", "public"))),
        Attribute("retain_until", TimestampType(), is_optional=True),
        Attribute("review_every", DurationType(), is_optional=True),
        Attribute("from", IpType(), is_optional=True),
        Attribute("networks", SetType(NetworkType()), is_optional=True),
        Attribute("intent", StringType(), is_optional=True, origin=Origin.REQUEST),
    ),
    _type(EntityType("Route", "docs", {}, rows=Origin.REQUEST), Attribute("path", StringType(), origin=Origin.REQUEST)),
)

SCHEMA = Schema(
    types={declared.name: declared for declared in _TYPES},
    actions={declared.name: {"read": False} for declared in _TYPES},
    context={},
    roles={
        "docs.viewer": Role("docs.viewer", "Tenant", {"Document": frozenset({"read"})}, frozenset({"docs.viewer"})),
        "docs.auditor": Role("docs.auditor", None, {}, frozenset({"docs.auditor"})),
    },
    relations={
        ("docs.collaborator", "Document"): StoredRelation("docs.collaborator", "Document", ("User", "Team")),
        ("docs.watcher", "Folder"): StoredRelation("docs.watcher", "Folder", ("User",)),
    },
)
