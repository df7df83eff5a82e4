"""The statements that policy text is read into: declarations and rules as written."""

from dataclasses import dataclass
from enum import Enum

from policy_lang.source import Span
from policy_lang.syntax.ast import Expression, Name, Quoted, Word
from policy_lang.syntax.cases import Fixture, Test

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


@dataclass(frozen=True, slots=True)
class RecordType:
    """`{ city: string, zip: string? }`; `depth` counts the records in it, itself included."""

    fields: tuple["Attribute", ...]
    span: Span
    depth: int


TypeExpression = PlainType | EnumType | SetType | RecordType


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
class ReasonText:
    """`reason "documents in {resource.region}"`: as written; its parts, plain text and the names that it quotes."""

    written: Quoted
    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class Obligation:
    """`oblige step_up(max_age: 15m)`."""

    name: Word
    parameters: tuple[tuple[Word, Expression], ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """A parameter's name in a template, and what a use gives for it, as written."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Instance:
    """Where a rule that a use made has its words from."""

    template: Span
    replaced: tuple[Replaced, ...]

    def text(self, span: Span) -> str:
        """The text of a stretch of the template, with what the use gives."""
        parts, at = [], span.start
        for each in sorted(self.replaced, key=lambda each: each.span.start):
            if at <= each.span.start and each.span.end <= span.end:
                parts += [span.file.text[at : each.span.start], each.text]
                at = each.span.end
        return "".join((*parts, span.file.text[at : span.end]))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `actions` is None for `any`; `on` is None for `any`; `to` is None where it is left out.

    `instance` is None for a rule that is written out.
    """

    id: Word
    is_shadow: bool
    is_allow: bool
    is_granted: bool
    actions: tuple[Word, ...] | None
    on: tuple[Word, ...] | None
    to: tuple[Expression, ...] | None
    to_span: Span | None
    conditions: tuple[Condition, ...]
    reason: ReasonText | None
    code: Word | None
    hide: Span | None
    obligations: tuple[Obligation, ...]
    span: Span
    instance: Instance | None = None

    def text(self, span: Span) -> str:
        """The text of a part of the rule, as it stands for this rule."""
        return span.text if self.instance is None else self.instance.text(span)


# Templates --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TemplateParameter:
    """`level: int`, `kinds: types` in the head of a template."""

    name: Word
    type: TypeExpression
    span: Span


@dataclass(frozen=True, slots=True)
class Template:
    """`template own(level: int): allow …`: the rule that its uses are made of; its id is the template's name."""

    name: Word
    parameters: tuple[TemplateParameter, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Use:
    """`shadow use id: own(level: 3)`."""

    id: Word
    is_shadow: bool
    template: Name
    arguments: tuple[tuple[Word, Expression], ...]
    span: Span


Statement = (
    TypeDeclaration | ContextDeclaration | ActionsDeclaration | GroupDeclaration | RoleDeclaration | ComputedRelation
    | StoredRelation | Let | Rule | Template | Use | Fixture | Test
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """One policy file: the module it belongs to, and its statements."""

    module: Word
    statements: tuple[Statement, ...]
