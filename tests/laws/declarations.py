"""The one rich schema over which bundles are generated: every kind of type, origin and way to stand."""

from typing import Final

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
    Type,
)

TENANT: Final = RefType(("Tenant",))
TEAM: Final = RefType(("Team",))
USER: Final = RefType(("User",))
FOLDER: Final = RefType(("Folder",))
HOLDER: Final = RefType(("User", "Team"))
VISIBILITY: Final = EnumType(("private", "internal", "public"))


ADDRESS: Final = RecordType(
    (
        Field("city", StringType()),
        Field("zip", StringType(), is_optional=True),
        Field("host", USER, is_optional=True),
        Field("box", RecordType((Field("size", IntType()), Field("fee", DecimalType(), is_optional=True)))),
    )
)
DEVICE: Final = RecordType(
    (Field("managed", BoolType(), is_given=True), Field("level", IntType(), is_optional=True, is_given=True))
)


def _attributes(*attributes: Attribute) -> dict[str, Attribute]:
    return {attribute.name: attribute for attribute in attributes}


def _request(name: str, type_: Type, *, is_optional: bool = False) -> Attribute:
    return Attribute(name, type_, is_optional=is_optional, origin=Origin.REQUEST)


TYPES: Final = {
    declared.name: declared
    for declared in (
        EntityType("Tenant", "m", {}, is_tenant=True),
        EntityType("Team", "m", _attributes(Attribute("size", IntType(), is_optional=True)), parents=("Team",)),
        EntityType(
            "User",
            "m",
            _attributes(
                Attribute("tenant", TENANT),
                Attribute("department", StringType(), is_optional=True),
                Attribute("clearance", IntType()),
                Attribute("budget", DecimalType()),
                Attribute("home", ADDRESS),
                Attribute("device", DEVICE, origin=Origin.CLAIM, claim=("device",)),
                Attribute("suspended", BoolType()),
                Attribute("zone", TimezoneType()),
                Attribute("manager", USER, is_optional=True),
                Attribute("tags", SetType(StringType())),
                Attribute("acr", StringType(), origin=Origin.CLAIM, claim=("acr",)),
            ),
            parents=("Team",),
            is_principal=True,
        ),
        EntityType(
            "Service",
            "m",
            _attributes(Attribute("tenant", TENANT, origin=Origin.CLAIM, claim=("tid",))),
            rows=Origin.CLAIM,
            is_principal=True,
        ),
        EntityType(
            "Folder",
            "m",
            _attributes(
                Attribute("tenant", TENANT),
                Attribute("owner", HOLDER),
                Attribute("outer", FOLDER, is_optional=True),
            ),
            parents=("Folder",),
        ),
        EntityType(
            "Document",
            "m",
            _attributes(
                Attribute("tenant", TENANT),
                Attribute("owner", USER),
                Attribute("folder", FOLDER, is_optional=True),
                Attribute("region", StringType()),
                Attribute("level", IntType()),
                Attribute("price", DecimalType()),
                Attribute("address", ADDRESS, is_optional=True),
                Attribute("discount", DecimalType(), is_optional=True),
                Attribute("rates", SetType(DecimalType()), is_optional=True),
                Attribute("labels", SetType(StringType()), is_optional=True),
                Attribute("readers", SetType(HOLDER)),
                Attribute("visibility", VISIBILITY),
                Attribute("locked", BoolType()),
                Attribute("retain_until", TimestampType(), is_optional=True),
                Attribute("grace", DurationType()),
                Attribute("origin", IpType(), is_optional=True),
                Attribute("net", NetworkType()),
                Attribute("salary", IntType(), is_optional=True, is_sensitive=True),
                _request("intent", StringType(), is_optional=True),
                _request("copies", IntType()),
            ),
            parents=("Folder",),
        ),
        EntityType(
            "Route",
            "m",
            _attributes(_request("path", StringType()), _request("owner", USER, is_optional=True)),
            rows=Origin.REQUEST,
        ),
    )
}

ROLES: Final = {
    role.name: role
    for role in (
        Role("m.viewer", "Tenant", {"Document": frozenset({"read"})}, frozenset({"m.viewer"})),
        Role("m.editor", "Tenant", {"Document": frozenset({"read", "create"})}, frozenset({"m.editor", "m.viewer"})),
        Role("m.curator", "Folder", {"Document": frozenset({"read"})}, frozenset({"m.curator"})),
        Role("m.auditor", None, {}, frozenset({"m.auditor"})),
    )
}

RELATIONS: Final = {
    ("m.collaborator", "Document"): StoredRelation("m.collaborator", "Document", ("User", "Team")),
    ("m.keeper", "Folder"): StoredRelation("m.keeper", "Folder", ("User", "Team")),
}

SCHEMA: Final = Schema(
    types=TYPES,
    actions={"Document": {"create": True, "read": False}, "Folder": {"read": False}, "Route": {"call": False}},
    context=_attributes(
        Attribute("now", TimestampType()),
        _request("ip", IpType()),
        _request("mfa", BoolType(), is_optional=True),
        _request("device", DEVICE, is_optional=True),
    ),
    roles=ROLES,
    relations=RELATIONS,
)
