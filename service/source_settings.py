"""The settings of one mapped source: which tables of the application hold which types, roles and relations."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.permits import PREFIX
from service.pool_settings import PoolSettings

Column = Annotated[str, Field(min_length=1, max_length=128)]
TableName = Annotated[str, Field(pattern=r"^[^.\x00]{1,128}(\.[^.\x00]{1,128})?$")]
"""`table`, or `schema.table`."""
Unit = Literal["ms", "s", "m", "h", "d"]

SOURCE_NAME: Final = r"^[a-z][a-z0-9_]{0,31}$"
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)


class ColumnSettings(BaseModel):
    """Where a value stands, and what its column alone does not say."""

    model_config = _STRICT

    column: Column = Field(description="the column")
    zone: str | None = Field(default=None, description="the time zone of times that are kept without one")
    unit: Unit | None = Field(default=None, description="what a whole number counts: of times, since 1970 UTC")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """A column alone may be written as its name."""
        return {"column": given} if isinstance(given, str) else given


class EndSettings(BaseModel):
    """A reference in a table: the column with the id, and its type, fixed or by another column's value."""

    model_config = _STRICT

    column: Column = Field(description="the column with the id")
    type: str | None = Field(default=None, description="the type that it leads to")
    type_column: Column | None = Field(default=None, description="the column that says the type")
    types: dict[str, str] = Field(default={}, description="what stands there, and the type that it means")

    @model_validator(mode="after")
    def _one_type(self) -> "EndSettings":
        if (self.type_column is None) != (not self.types):
            raise ValueError("give type_column and types, or neither")
        if (self.type is None) == (self.type_column is None):
            raise ValueError("give type, or type_column with types")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The types that it may lead to."""
        return (self.type,) if self.type is not None else tuple(dict.fromkeys(self.types.values()))


class AttributeSettings(ColumnSettings):
    """Where an attribute stands. `type`, or `type_column` and `types`, say whom a reference to several may mean."""

    type: str | None = Field(default=None, description="the type that a reference leads to, of those it may")
    type_column: Column | None = Field(default=None, description="the column that says the type of a reference")
    types: dict[str, str] = Field(default={}, description="what stands there, and the type that it means")

    @model_validator(mode="after")
    def _type_is_whole(self) -> "AttributeSettings":
        if (self.type_column is None) != (not self.types):
            raise ValueError("give type_column and types, or neither")
        if self.type is not None and self.types:
            raise ValueError("give type, or type_column with types")
        return self


class ParentSettings(EndSettings):
    """The parents of a type's entities: in a column of its own table, or in a table with a row for each."""

    table: TableName | None = Field(default=None, description="the table of edges; without, the column is the type's")
    child: Column | None = Field(default=None, description="the column of that table with the id of the child")

    @model_validator(mode="after")
    def _edges_are_whole(self) -> "ParentSettings":
        if (self.table is None) != (self.child is None):
            raise ValueError("give table and child, or neither")
        return self


class TypeSettings(BaseModel):
    """The table or view that holds the entities of one type."""

    model_config = _STRICT

    table: TableName = Field(description="the table or view, as `table` or `schema.table`")
    id: Column = Field(default="id", description="the column with the id: never NULL, each once")
    tenant: Column | None = Field(default=None, description="the column of the attribute that holds the tenant")
    attributes: dict[str, AttributeSettings] = Field(default={}, description="the column of each attribute")
    parents: list[ParentSettings] = Field(default=[], description="where the parents stand")


class RoleSettings(BaseModel):
    """A table with a row for each role that somebody holds."""

    model_config = _STRICT

    table: TableName = Field(description="the table or view")
    subject: EndSettings = Field(description="who holds the role")
    role: str | None = Field(default=None, description="the role, as `module.role`, where every row means the same")
    role_column: Column | None = Field(default=None, description="the column that says the role")
    roles: dict[str, str] = Field(default={}, description="what stands there, and the role that it means")
    at: EndSettings | None = Field(default=None, description="where it is held; without, everywhere")
    expires_at: ColumnSettings | None = Field(default=None, description="when it expires; NULL is never")

    @model_validator(mode="after")
    def _one_role(self) -> "RoleSettings":
        if (self.role_column is None) != (not self.roles):
            raise ValueError("give role_column and roles, or neither")
        if (self.role is None) == (self.role_column is None):
            raise ValueError("give role, or role_column with roles")
        for role in self.names:
            if role.startswith(PREFIX):
                raise ValueError(f"`{role}` is a role of this service, which `magistrate admin` gives")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The roles that its rows may mean."""
        return (self.role,) if self.role is not None else tuple(dict.fromkeys(self.roles.values()))


class RelationSettings(BaseModel):
    """A table with the rows of a stored relation."""

    model_config = _STRICT

    table: TableName = Field(description="the table or view")
    relation: str = Field(description="the relation, as `module.relation`")
    resource: EndSettings = Field(description="whose relation it is")
    subject: EndSettings = Field(description="who stands in it")
    expires_at: ColumnSettings | None = Field(default=None, description="when it expires; NULL is never")


class SourceSettings(BaseModel):
    """Tables of the application that Magistrate reads, and never writes."""

    model_config = _STRICT

    database: str = Field(default="", description="URL of the application's database; that of the facts when empty")
    max_staleness: float = Field(
        default=1.0, ge=0, le=3600, description="seconds that a worker may answer by what it read; 0: reads each time"
    )
    cache_entries: int = Field(default=10_000, ge=0, le=10_000_000, description="facts of each kind kept in memory")
    pool: PoolSettings = Field(
        default=PoolSettings(connections=4, statement_ms=2_000), description="how each worker reads the source"
    )
    types: dict[str, TypeSettings] = Field(default={}, description="the types that it holds, by name")
    roles: list[RoleSettings] = Field(default=[], description="tables of roles held")
    relations: list[RelationSettings] = Field(default=[], description="tables of stored relations")
