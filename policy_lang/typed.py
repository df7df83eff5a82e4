"""The typed tree: rules with every name resolved, computed relations and lets expanded, one per resource type.

Both evaluators read it. An expression has a value or is unknown; a condition is true, false or unknown (language.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from policy_lang.decision import Effect
from policy_lang.facts import Assignment, Link
from policy_lang.schema import Schema
from policy_lang.source import Span
from policy_lang.types import Type
from policy_lang.values import Cell, Ref, Value


class Root(Enum):
    """Where a path starts."""

    PRINCIPAL = "principal"
    RESOURCE = "resource"
    CONTEXT = "context"


# Expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Path:
    """A read: a root and the attributes on the way. No steps: the principal's or the resource's own reference.

    Each step but the last leads through a reference into its row; `context.now` is a field like others.
    """

    root: Root
    steps: tuple[str, ...]
    type: Type

    def __str__(self) -> str:
        return ".".join((self.root.value, *self.steps))


@dataclass(frozen=True, slots=True)
class IdOf:
    """`.id` of a reference: a string."""

    reference: "Expression"


@dataclass(frozen=True, slots=True)
class Default:
    """`path ?? otherwise`: the value; `otherwise` where absent; unknown where broken."""

    path: Path
    otherwise: "Expression"
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the closed table (functions.py) that gives no bool."""

    function: str
    arguments: tuple["Expression", ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Sum:
    """`left + right`, or `left - right`, over numbers, durations and timestamps (all ints at run time); exact."""

    is_minus: bool
    left: "Expression"
    right: "Expression"
    type: Type


Expression = Constant | Path | IdOf | Default | Call | Sum

# Conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Always:
    """`anyone`, `true`, `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class And:
    """Kleene's and: false if one item is, unknown if one is and none is false."""

    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Kleene's or: true if one item is, unknown if one is and none is true."""

    items: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene's not: unknown stays unknown."""

    item: "Condition"


@dataclass(frozen=True, slots=True)
class Holds:
    """A bool expression as a condition."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Test:
    """A bool function of the closed table as a condition."""

    function: str
    arguments: tuple[Expression, ...]


class Comparison(Enum):
    """The comparing operators; order only on int, decimal, timestamp, duration."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of two values of one type; unknown when one of them is."""

    operator: Comparison
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class InList:
    """`x in [a, b]` over scalar expressions: `x == a or x == b`."""

    needle: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class InSet:
    """`x in s` over a set expression."""

    needle: Expression
    set: Expression


@dataclass(frozen=True, slots=True)
class InRange:
    """`x in low..high`: `low <= x and x <= high`."""

    needle: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class InNetworks:
    """`ip in [networks]`, one network, or a set of them: each item gives a network or a set of networks."""

    needle: Expression
    networks: tuple[Expression, ...]


class Quantifier(Enum):
    """`any in` or `all in`."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Overlap:
    """`s any in t`, `s all in t`: the or, the and, over the elements of `set` of `x in t`.

    `among` is a set expression, or a tuple of scalar expressions where a list is written.
    """

    quantifier: Quantifier
    set: Expression
    among: Expression | tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`x like "a*"`: `*` stands for any text, the rest is literal; at most 8 stars."""

    text: Expression
    pattern: str


@dataclass(frozen=True, slots=True)
class Has:
    """`has path`: whether the value is set; unknown where it is broken."""

    path: Path


@dataclass(frozen=True, slots=True)
class IsType:
    """`x is T`: the reference leads to that type."""

    reference: Expression
    type: str


@dataclass(frozen=True, slots=True)
class Under:
    """`low under high`; with the principal as `low` also `Team "x"` as a subject."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class HoldsRole:
    """One of `roles` (those that are or include the named one) is held at `place`, or globally where it is None.

    `over`: at the place or an ancestor of it. `roles` is None in `granted` rules: those that grant the action.
    """

    roles: frozenset[str] | None
    place: Expression | None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Related:
    """A row of the stored relation (full name) ties `resource` to the principal or an ancestor of it."""

    relation: str
    resource: Expression


Condition = (
    Always | And | Or | Not | Holds | Test | Compare | InList | InSet | InRange | InNetworks | Overlap | Like | Has
    | IsType | Under | HoldsRole | Related
)  # fmt: skip

# Rules -----------------------------------------------------------------------------------------------------------


class ClauseKind(Enum):
    """`to` (the or of its items), `when` (must hold), `unless` (must not)."""

    TO = "to"
    WHEN = "when"
    UNLESS = "unless"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause; `condition` is as written, so an `unless` counts by its negation."""

    kind: ClauseKind
    condition: Condition
    text: str


@dataclass(frozen=True, slots=True)
class ObligationTemplate:
    """`oblige type(name: expression, …)`, parameters sorted by name."""

    type: str
    parameters: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it stands for one resource type. Rule = to and when and not unless.

    `reason` is the text as its author wrote it; `reason_parts` is what it says, with the values that it quotes.
    """

    id: str
    effect: Effect
    actions: frozenset[str]
    clauses: tuple[Clause, ...]
    span: Span
    is_shadow: bool = False
    reason: str = ""
    reason_parts: tuple[str | Expression, ...] = ()
    code: str = ""
    hide: bool = False
    obligations: tuple[ObligationTemplate, ...] = ()


# Tests -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntityFixture:
    """An entity that a test knows. `cells` is None for a mere reference (no row); parents are edges."""

    ref: Ref
    cells: Mapping[str, Cell] | None
    parents: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """`expect allow|deny action [by rules] [code C] [oblige names]`; None where the test does not say.

    `is_listed` is false for a deny that a matrix expects because no line of it says otherwise; `span` is then its own.
    """

    effect: Effect
    action: str
    by: frozenset[str] | None
    code: str | None
    obliges: frozenset[str] | None
    span: Span
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class TestCase:
    """A test: the rows, assignments and links it gives, who asks about what in which context.

    `entities` are the rows that are stored: of fixtures, of `given`, and the principal's. The resource's is among them
    where a fixture or a `given` wrote it; a row that stands behind `resource` alone is in `resource`: for a `new`
    action it is what the request brings, for any other it is stored too. `context` has every field, and `now`.

    A test with a matrix is a case for each of its principals and resources: `row` is what its author calls these two.
    """

    __test__ = False

    name: str
    principal: EntityFixture
    resource: EntityFixture
    entities: tuple[EntityFixture, ...]
    assignments: tuple[Assignment, ...]
    links: tuple[Link, ...]
    context: Mapping[str, Cell]
    now: int
    expectations: tuple[Expectation, ...]
    span: Span
    row: tuple[str, str] | None = None

    def title(self, action: str) -> str:
        """What a report calls one expectation: the test's name, in a matrix with the cell."""
        if self.row is None:
            return self.name
        principal, resource = self.row
        return f"{self.name}: {action} on {resource} to {principal}"


@dataclass(frozen=True)
class Program:
    """A checked bundle: its schema, its rules by resource type (sorted by id), the cases of its tests."""

    schema: Schema
    rules: Mapping[str, tuple[Rule, ...]]
    tests: tuple[TestCase, ...] = ()

    @property
    def test_count(self) -> int:
        """How many tests stand in the files; one with a matrix is several cases."""
        return len({case.span for case in self.tests})

    @cached_property
    def in_play(self) -> Mapping[tuple[str, str], tuple[Rule, ...]]:
        """(resource type, action) → the rules that name them, sorted by id."""
        return {
            (type_, action): tuple(rule for rule in self.rules.get(type_, ()) if action in rule.actions)
            for type_, actions in self.schema.actions.items()
            for action in actions
        }
