"""The statements that policy text is read into: declarations, rules and tests as written."""

from dataclasses import dataclass
from enum import Enum

from policy_lang.source import Span
from policy_lang.syntax.ast import EntityLiteral, Expression, Literal, Name, Quoted, Word

# Declarations -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlainType:
    """A built-in scalar type or a reference, by name: `int`, `User | Team`."""

    names: tuple[Word, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class EnumType:
    """`enum(draft, paid)`."""

    members: tuple[Word, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SetType:
    """`set<string>`."""

    element: "PlainType | EnumType"
    span: Span


TypeExpression = PlainType | EnumType | SetType


class From(Enum):
    """What `from` names."""

    REQUEST = "request"
    TOKEN = "token"  # noqa: S105
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a type, or a context field."""

    name: Word
    type: TypeExpression
    is_optional: bool
    source: From | None
    claim: tuple[str, ...]
    is_sensitive: bool


@dataclass(frozen=True, slots=True)
class TypeDeclaration:
    """`type Document in Folder { … }`."""

    name: Word
    attributes: tuple[Attribute, ...]
    parents: tuple[Word, ...]
    source: From | None
    is_principal: bool
    is_tenant: bool
    is_listable: bool


@dataclass(frozen=True, slots=True)
class ContextDeclaration:
    """`context { … }`."""

    fields: tuple[Attribute, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ActionName:
    """One action of an `actions`; `new` makes a row."""

    name: Word
    is_new: bool


@dataclass(frozen=True, slots=True)
class ActionsDeclaration:
    """`actions Document { … }`."""

    type: Word
    actions: tuple[ActionName, ...]


@dataclass(frozen=True, slots=True)
class GroupDeclaration:
    """`group write on Document = comment, edit`."""

    name: Word
    type: Word
    actions: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """`Document: create, write` in a role."""

    type: Word
    actions: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class RoleDeclaration:
    """`role editor on Tenant includes viewer { … }`."""

    name: Word
    on: Word | None
    includes: tuple[Name, ...]
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class ComputedRelation:
    """`relation owner on Document = resource.owner == principal`."""

    name: Word
    on: Word
    body: Expression


@dataclass(frozen=True, slots=True)
class StoredRelation:
    """`relation collaborator on Document: User, Team`."""

    name: Word
    on: Word
    subjects: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Let:
    """`let name = expression`."""

    name: Word
    body: Expression


# Rules ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """A `when` or an `unless`."""

    is_unless: bool
    expression: Expression


@dataclass(frozen=True, slots=True)
class Obligation:
    """`oblige step_up(max_age: 15m)`."""

    name: Word
    parameters: tuple[tuple[Word, Expression], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `actions` is None for `any`; `on` is None for `any`; `to` is None where it is left out."""

    id: Word
    is_shadow: bool
    is_allow: bool
    is_granted: bool
    actions: tuple[Word, ...] | None
    on: tuple[Word, ...] | None
    to: tuple[Expression, ...] | None
    to_span: Span | None
    conditions: tuple[Condition, ...]
    reason: Quoted | None
    code: Word | None
    hide: Span | None
    obligations: tuple[Obligation, ...]
    span: Span


# Tests ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WrittenCell:
    """`name: value` in a row or a test's context; the value is a literal, a name, an entity or a list."""

    name: Word
    value: Expression


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """`{ name: value, … }` behind an entity."""

    cells: tuple[WrittenCell, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class WrittenEntity:
    """A fixture's name or `Type "id"`, perhaps with a row."""

    subject: Name | EntityLiteral
    row: WrittenRow | None
    span: Span


@dataclass(frozen=True, slots=True)
class Fixture:
    """`fixture alice = User "alice" { … }`."""

    name: Word
    entity: WrittenEntity


@dataclass(frozen=True, slots=True)
class GivenRow:
    """`given Team "legal" {}`: the entity has this row."""

    entity: WrittenEntity


@dataclass(frozen=True, slots=True)
class GivenParent:
    """`given alice in Team "legal"`."""

    child: WrittenEntity
    parent: WrittenEntity


@dataclass(frozen=True, slots=True)
class GivenLink:
    """`given alice is editor of Tenant "t1" until …`: a role or a stored relation."""

    subject: WrittenEntity
    name: Name
    place: WrittenEntity | None
    until: Literal | None


@dataclass(frozen=True, slots=True)
class Asks:
    """`principal alice`, `resource plan`."""

    is_principal: bool
    entity: WrittenEntity
    span: Span


@dataclass(frozen=True, slots=True)
class WrittenContext:
    """`context { … }` in a test."""

    row: WrittenRow


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect allow edit by owner`; `by` is None where the test does not say."""

    is_allow: bool
    action: Word
    by: tuple[Name, ...] | None
    code: Word | None
    obliges: tuple[Word, ...] | None
    span: Span


TestItem = GivenRow | GivenParent | GivenLink | Asks | WrittenContext | Expect


@dataclass(frozen=True, slots=True)
class Test:
    """`test "…" { … }`."""

    __test__ = False

    name: Quoted
    items: tuple[TestItem, ...]
    span: Span


Statement = (
    TypeDeclaration | ContextDeclaration | ActionsDeclaration | GroupDeclaration | RoleDeclaration | ComputedRelation
    | StoredRelation | Let | Rule | Fixture | Test
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """One policy file: the module it belongs to, and its statements."""

    module: Word
    statements: tuple[Statement, ...]
