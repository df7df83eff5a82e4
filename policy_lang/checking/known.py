"""What may be taken as known beside a condition: that paths are there, and which types references have.

Law (language.md, Definite): `has p` guards p and its steps, and `is T` narrows, in every other operand of the same
`and`; `not has p` likewise in an `or`. Sound because the operand that says so is false (in an `and`) whenever what it
says does not hold, so that the others do not matter.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression

Key = tuple[str, ...]
"""A root and the steps from it."""
Targets = Callable[[Key], frozenset[str]]
"""The types that a reference may have, nothing being known; empty for what is no reference."""


@dataclass(frozen=True, slots=True)
class Known:
    """Paths that are there (or broken), and the types left for references."""

    present: frozenset[Key] = frozenset()
    types: Mapping[Key, frozenset[str]] = field(default_factory=dict)

    def and_(self, other: "Known") -> "Known":
        """What is known when both hold."""
        if not other.present and not other.types:
            return self
        types = dict(self.types)
        for key, left in other.types.items():
            types[key] = types[key] & left if key in types else left
        return Known(self.present | other.present, types)

    def or_(self, other: "Known") -> "Known":
        """What is known when one of both holds."""
        types = {key: left | other.types[key] for key, left in self.types.items() if key in other.types}
        return Known(self.present & other.present, types)

    @property
    def is_impossible(self) -> bool:
        """Whether no principal or no resource is left."""
        return any(not left for key, left in self.types.items() if len(key) == 1)

    @property
    def says_who(self) -> bool:
        """Whether it bounds the type of the principal or the resource."""
        return any(len(key) == 1 for key in self.types)


NOTHING = Known()


def known_if(node: Expression, outcome: bool, targets: Targets) -> Known:
    """What is known where the condition has that outcome."""
    match node:
        case ast.Not():
            return known_if(node.item, not outcome, targets)
        case ast.And() | ast.Or():
            found = [known_if(item, outcome, targets) for item in node.items]
            return together(found) if isinstance(node, ast.And) is outcome else _any(found)
        case ast.Has(path=ast.Path() as path) if outcome:
            key = path.key
            return Known(frozenset(key[:end] for end in range(2, len(key) + 1)))
        case ast.Is(subject=ast.Path(is_id=False) as path):
            return _narrowed(path.key, node.type.text, outcome, targets)
        case ast.PrincipalIs():
            return _narrowed(("principal",), node.type.text, outcome, targets)
        case _:
            return NOTHING


def beside(items: Iterable[Known]) -> list[Known]:
    """For each item, what all the others say."""
    found = list(items)
    before = accumulate(found, Known.and_, initial=NOTHING)
    after = list(accumulate(reversed(found), Known.and_, initial=NOTHING))[-2::-1]
    return [left.and_(right) for left, right in zip(before, after, strict=False)]


def together(found: Iterable[Known]) -> Known:
    """What is known when all hold."""
    every = NOTHING
    for known in found:
        every = every.and_(known)
    return every


def _any(found: Iterable[Known]) -> Known:
    first, *others = found
    for known in others:
        first = first.or_(known)
    return first


def _narrowed(key: Key, type_: str, outcome: bool, targets: Targets) -> Known:
    possible = targets(key)
    return Known(types={key: possible & {type_} if outcome else possible - {type_}}) if possible else NOTHING
