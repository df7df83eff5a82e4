"""The tests that stand beside the rules, as written: fixtures, what is given, who asks, what is expected."""

from dataclasses import dataclass

from policy_lang.source import Span
from policy_lang.syntax.ast import EntityLiteral, Expression, Literal, Name, Quoted, Word


@dataclass(frozen=True, slots=True)
class WrittenCell:
    """`name: value` in a row or a test's context; the value is a literal, a name, an entity, a list or a record."""

    name: Word
    value: "Expression | WrittenRow"


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """`{ name: value, … }` behind an entity, or a record; `depth` counts the rows in it, itself included."""

    cells: tuple[WrittenCell, ...]
    span: Span
    depth: int


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
class Answer:
    """What an `expect` says of the answer; `by`, `code` and `obliges` are None where it does not say."""

    is_allow: bool
    by: tuple[Name, ...] | None
    code: Word | None
    obliges: tuple[Word, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect allow edit by owner`."""

    action: Word
    answer: Answer


@dataclass(frozen=True, slots=True)
class MatrixExpect:
    """`expect allow read, edit on plan to alice, bob by owner`; None for `any`, all of the matrix."""

    actions: tuple[Word, ...] | None
    resources: tuple[Name | EntityLiteral, ...] | None
    principals: tuple[Name | EntityLiteral, ...] | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class Matrix:
    """`matrix { principals … resources … actions … expect … }`; `actions` is None for `any`."""

    principals: tuple[WrittenEntity, ...]
    resources: tuple[WrittenEntity, ...]
    actions: tuple[Word, ...] | None
    expects: tuple[MatrixExpect, ...]
    span: Span


TestItem = GivenRow | GivenParent | GivenLink | Asks | WrittenContext | Expect | Matrix


@dataclass(frozen=True, slots=True)
class Test:
    """`test "…" { … }`."""

    __test__ = False

    name: Quoted
    items: tuple[TestItem, ...]
    span: Span
