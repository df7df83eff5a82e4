"""The names in policy text, as editors see them: what each stands for, and where it stands."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy_lang.source import Span
from policy_lang.types import Type


class Kind(Enum):
    """What a name stands for; the value is how a reader is told."""

    MODULE = "module"
    TYPE = "type"
    SCALAR = "built-in type"
    ATTRIBUTE = "attribute"
    MEMBER = "enum member"
    FIELD = "context field"
    ACTION = "action"
    GROUP = "action group"
    ROLE = "role"
    RELATION = "relation"
    LET = "let"
    RULE = "rule"
    TEMPLATE = "template"
    PARAMETER = "parameter"
    FIXTURE = "fixture"
    CODE = "code"
    OBLIGATION = "obligation"
    FUNCTION = "function"
    ROOT = "root"


GIVEN: Final = frozenset({Kind.SCALAR, Kind.FUNCTION, Kind.ROOT})
"""What the language itself names."""

OWNED: Final = frozenset({Kind.ROLE, Kind.RELATION, Kind.LET, Kind.RULE, Kind.TEMPLATE, Kind.PARAMETER, Kind.FIXTURE})
"""What belongs to a module, whose way begins with a full name."""


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """What a name stands for: its kind, and the way to it, the name itself last.

    A module's own names have their full name, an attribute, action or group its type before it, a relation its full
    name and its type, a member its enum's whole list, a parameter its template's full name before it.
    """

    kind_name: str
    way: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What it is."""
        return Kind(self.kind_name)

    @property
    def text(self) -> str:
        """The name as it stands in the text, without its module."""
        is_first = self.kind in OWNED and self.kind is not Kind.PARAMETER
        return self.way[0].rpartition(".")[2] if is_first else self.way[-1]


def symbol(kind: Kind, *way: str) -> Symbol:
    """The symbol of that kind."""
    return Symbol(kind.value, way)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name in the text. It stands for several things where a rule is on several types: each is meant.

    `types` is what the value may be that a path comes to here.
    """

    span: Span
    symbols: frozenset[Symbol]
    is_declaration: bool = False
    types: tuple[Type, ...] = ()
