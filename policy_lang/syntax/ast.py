"""The expressions that policy text is read into, each with its span: as written, and with names replaced."""

from dataclasses import dataclass

from policy_lang.source import Span
from policy_lang.types import Type
from policy_lang.values import Scalar


@dataclass(frozen=True, slots=True)
class Word:
    """One name as written."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Quoted:
    """One string as written, its escapes read."""

    text: str
    span: Span


# Expressions: `depth` is the nesting of what stands inside, 1 for a leaf. -------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that its form alone gives: `true`, `3`, `"eu"`, `15m`, `10.0.0.0/8`."""

    value: Scalar
    type: Type
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class EntityLiteral:
    """`Team "legal"`."""

    type: Word
    id: Quoted
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name: a path, a let, a relation, a type, an enum member."""

    parts: tuple[Word, ...]
    span: Span
    depth: int = 1

    @property
    def text(self) -> str:
        """The name with its dots."""
        return ".".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b]`."""

    items: tuple["Expression", ...]
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    """`function(a, b)`."""

    function: Word
    arguments: tuple["Expression", ...]
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Coalesce:
    """`path ?? otherwise`."""

    path: "Expression"
    otherwise: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Sum:
    """`first + a - b`: the first term, and the others, each with whether it is taken away."""

    first: "Expression"
    rest: tuple[tuple[bool, "Expression"], ...]
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Range:
    """`low..high`, both ends in it."""

    low: "Expression"
    high: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`left == right`, and the other comparing operators."""

    operator: Word
    left: "Expression"
    right: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class In:
    """`needle in haystack`, with `not in` as a `Not` around it."""

    needle: "Expression"
    haystack: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """`set any in among`, `set all in among`."""

    quantifier: Word
    set: "Expression"
    among: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Like:
    """`subject like "a*"`."""

    subject: "Expression"
    pattern: Quoted
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Has:
    """`has path`."""

    path: "Expression"
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Under:
    """`low under high`."""

    low: "Expression"
    high: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Is:
    """`subject is Type`."""

    subject: "Expression"
    type: Word
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class RoleTest:
    """`role R`, `role R in P`, `role R over P`; without R in `allow granted`."""

    role: Name | None
    place: "Expression | None"
    over: bool
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class RelationOf:
    """`relation of path`."""

    relation: Name
    resource: "Expression"
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Anyone:
    """`anyone`, in `to` only."""

    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Not:
    """`not item`."""

    item: "Expression"
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class And:
    """`a and b and c`."""

    items: tuple["Expression", ...]
    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Or:
    """`a or b or c`."""

    items: tuple["Expression", ...]
    span: Span
    depth: int


# What names turn out to be (names.py) ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Path:
    """A name that starts at `principal`, `resource` or `context`; `is_id` where it ends in `.id`."""

    root: str
    steps: tuple[Word, ...]
    is_id: bool
    span: Span
    depth: int = 1

    @property
    def key(self) -> tuple[str, ...]:
        """The root and the steps, without `.id`."""
        return (self.root, *(step.text for step in self.steps))


@dataclass(frozen=True, slots=True)
class PrincipalIs:
    """A type's name as a subject."""

    type: Word
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Related:
    """A stored relation's full name, of the resource (None) or of what stands behind a path."""

    relation: str
    resource: "Expression | None"
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class HoldsRole:
    """A role's full name (None: any that grants the action), and where it is held."""

    role: str | None
    place: "Expression | None"
    over: bool
    span: Span
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Unusable:
    """What a fault was found in; nothing more is said of it."""

    span: Span
    depth: int = 1


Expression = (
    Literal | EntityLiteral | Name | ListLiteral | Call | Coalesce | Sum | Range | Compare | In | Overlap | Like | Has
    | Under | Is | RoleTest | RelationOf | Anyone | Not | And | Or | Path | PrincipalIs | Related | HoldsRole | Unusable
)  # fmt: skip
