"""Every name that a bundle declares, and where names are looked up."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Generic, TypeVar

from policy_lang.diagnostics import Diagnostic, did_you_mean, nearest_of
from policy_lang.limits import FAULT_LIMIT
from policy_lang.schema import Schema
from policy_lang.source import Span
from policy_lang.syntax.ast import Name, Word
from policy_lang.syntax.cases import Fixture, Test
from policy_lang.syntax.statements import ComputedRelation, File, Let, Rule, Template

_T = TypeVar("_T")

RESERVED: Final = frozenset(
    {
        "principal",
        "resource",
        "context",
        "true",
        "false",
        "not",
        "has",
        "role",
        "anyone",
        "any",
        "granted",
        "in",
        "over",
    }
)
"""Names that mean something already; attributes and rule ids may have them."""


class TooManyFaults(Exception):
    """So much is wrong that looking for more would cost more than it says."""


@dataclass(slots=True)
class Faults:
    """What was found wrong so far; one fault of a kind for each place in the text, and no more than `limit`.

    `used` is where a template is used, while the rule is checked that this makes.
    """

    limit: int = FAULT_LIMIT
    _found: dict[tuple[str, int, int, str], Diagnostic] = field(default_factory=dict)
    used: Span | None = None

    def refuse(self, code: str, message: str, span: Span, help_: str = "") -> None:
        """Notes a fault, unless its place has one of that kind; TooManyFaults past the limit."""
        if len(self._found) >= self.limit:
            raise TooManyFaults
        key = (span.file.path, span.start, span.end, code)
        self._found.setdefault(key, Diagnostic(code, message, span, help_, used=self.used))

    def extend(self, faults: Iterable[Diagnostic]) -> None:
        """Notes faults that were found by trying."""
        for fault in faults:
            self.refuse(fault.code, fault.message, fault.span, fault.help)

    def unknown(self, code: str, kind: str, word: Word | Name, known: Iterable[str], *, of: str = "") -> None:
        """Notes a name that nothing has (nothing of that type), with the nearest that something has."""
        whose = f" of `{of}`" if of else ""
        self.refuse(code, f"unknown {kind} `{word.text}`{whose}", word.span, nearest(word.text, known))

    def __len__(self) -> int:
        return len(self._found)

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """Every fault."""
        return tuple(self._found.values())


@dataclass(frozen=True, slots=True)
class Declared(Generic[_T]):
    """A statement and the module that it belongs to; `scope` is that of its names, where this is another one."""

    module: str
    statement: _T
    scope: str = ""

    @property
    def names(self) -> str:
        """The module in which the statement's names are looked up."""
        return self.scope or self.module


@dataclass(frozen=True)
class Symbols:
    """All names of a bundle: the schema, and what is expanded where it is used, by full name.

    `computed`: (full name, type) → relation. `groups`: type → group → its actions. `kinds`: full name → what it is.
    `doubled`: rules whose id another has; they are checked all the same, so that all their faults are told at once.
    """

    schema: Schema
    modules: frozenset[str]
    groups: Mapping[str, Mapping[str, frozenset[str]]]
    lets: Mapping[str, Declared[Let]]
    computed: Mapping[tuple[str, str], Declared[ComputedRelation]]
    fixtures: Mapping[str, Declared[Fixture]]
    rules: Mapping[str, Declared[Rule]]
    doubled: tuple[Declared[Rule], ...]
    templates: Mapping[str, Declared[Template]]
    tests: tuple[Declared[Test], ...]
    kinds: Mapping[str, str]
    members: frozenset[str]

    @cached_property
    def principals(self) -> tuple[str, ...]:
        """The types that may ask, sorted."""
        return tuple(sorted(name for name, type_ in self.schema.types.items() if type_.is_principal))

    def nearby(self, module: str) -> frozenset[str]:
        """Every name as it may be written in a module."""
        own = module + "."
        return frozenset(name.removeprefix(own) for name in self.kinds)


def statements_of(files: Iterable[File], kind: type[_T]) -> Iterator[Declared[_T]]:
    """The statements of a kind, in the order of the files."""
    for file in files:
        for statement in file.statements:
            if isinstance(statement, kind):
                yield Declared(file.module.text, statement)


def nearest(name: str, known: Iterable[str]) -> str:
    """A help text that names the nearest known name; one of another module is near by its last part."""
    names = sorted(known)
    by_last = {full.rpartition(".")[2]: full for full in names}
    near = nearest_of(name, by_last)
    return did_you_mean(name, names) or (f"did you mean `{by_last[near]}`?" if near else "")


def full_name(name: Name, module: str) -> str:
    """A name of the module itself, or `module.name` of another."""
    return f"{module}.{name.text}" if len(name.parts) == 1 else name.text
