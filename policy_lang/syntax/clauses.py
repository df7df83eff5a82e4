"""Collects the clauses of a statement that may stand in any order, each at most once."""

from dataclasses import dataclass
from typing import TypeVar

from policy_lang.source import Span
from policy_lang.syntax.reading import READING

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that stands at most once: what it is called, where, and what it says."""

    kind: str
    span: Span
    content: object = True


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of one statement."""

    parts: tuple[Clause, ...]

    def once(self, kind: str, type_: type[_T]) -> _T | None:
        """What the clause of that kind says; a second one is a fault."""
        found = [part for part in self.parts if part.kind == kind]
        for part in found[1:]:
            READING.get().refuse("E104", f"a second `{kind}`", part.span, "it stands at most once")
        return found[0].content if found and isinstance(found[0].content, type_) else None

    def span(self, kind: str) -> Span | None:
        """Where the clause of that kind stands."""
        return next((part.span for part in self.parts if part.kind == kind), None)
