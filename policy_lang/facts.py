"""What is known when a question is decided: the evaluators' only input."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from policy_lang.notation import format_timestamp
from policy_lang.stages import stage
from policy_lang.values import Cell, Ref


class Row(NamedTuple):
    """A stored entity: a cell for every declared attribute (`Schema.complete`), and its parents."""

    attributes: Mapping[str, Cell]
    parents: tuple[Ref, ...]


class Assignment(NamedTuple):
    """`role` (full name) is assigned to `subject`, a principal or an ancestor of some, at `place` or globally (None).

    It counts while `now < expires_at` (milliseconds; None: for ever). `emergency` is the id of the grant that gives it
    out of the usual order; empty for all else.
    """

    subject: Ref
    role: str
    place: Ref | None
    expires_at: int | None
    emergency: str = ""

    def __str__(self) -> str:
        at = "" if self.place is None else f" of {self.place}"
        return f"{self.subject} is {self.role}{at}{_until(self.expires_at)}"


class Link(NamedTuple):
    """A stored relation's row: `relation` (full name) ties `resource` to `subject` while `now < expires_at`."""

    resource: Ref
    relation: str
    subject: Ref
    expires_at: int | None

    def __str__(self) -> str:
        return f"{self.subject} is {self.relation} of {self.resource}{_until(self.expires_at)}"


def _until(expires_at: int | None) -> str:
    return "" if expires_at is None else f" until {format_timestamp(expires_at)}"


class Source(Protocol):
    """Where facts are read, each method at most one query for a whole batch. What is not there is left out."""

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        ...

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, tuple[Ref, ...]]:
        """The parents of each reference and of all their ancestors that have a row, up to 17 steps."""
        ...

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        ...

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places; asked only when a principal's ancestry is incomplete."""
        ...

    def links(self, ends: Collection[tuple[Ref, str]], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        ...


@stage
class Question:
    """A well-formed question: its types and action are declared, its values fit (line 1 of the law is behind it).

    `principal_cells` are attributes from a verified token; `resource_cells` those the caller gave; `claim_roles` the
    roles a verified token carries. `context` has a cell for every declared field, and `now`.
    """

    principal: Ref
    action: str
    resource: Ref
    now: int
    principal_cells: Mapping[str, Cell]
    resource_cells: Mapping[str, Cell]
    resource_parents: tuple[Ref, ...]
    context: Mapping[str, Cell]
    claim_roles: tuple[Assignment, ...] = ()


class Readable(Protocol):
    """So much of the facts as expressions read."""

    @property
    def question(self) -> Question:
        """What is asked."""
        ...

    @property
    def principal_cells(self) -> Mapping[str, Cell] | None:
        """The principal's attributes; None where it has no row."""
        ...

    @property
    def resource_cells(self) -> Mapping[str, Cell] | None:
        """The resource's attributes; None where it has no row."""
        ...

    @property
    def rows(self) -> Mapping[Ref, Mapping[str, Cell]]:
        """The attributes of entities behind references."""
        ...


@stage
class Facts:
    """Everything that the rules in play for one question may read, loaded.

    `principal_cells` and `resource_cells` have a cell for every declared attribute, or are None where a stored type has
    no row. `rows` holds the cells of entities behind references, and where an action would make the resource, its own
    row if there is one already; `parents` the way up from whatever `under` starts at
    (types without rows are there with no parents; a node left out has no row). `ancestors` are those of the principal,
    itself included; `is_ancestry_known` is false where a row on the way up is missing or too deep.
    """

    question: Question
    principal_cells: Mapping[str, Cell] | None
    resource_cells: Mapping[str, Cell] | None
    rows: Mapping[Ref, Mapping[str, Cell]]
    parents: Mapping[Ref, tuple[Ref, ...]]
    ancestors: frozenset[Ref]
    is_ancestry_known: bool
    assignments: Mapping[Ref | None, Sequence[Assignment]]
    links: Mapping[tuple[Ref, str], Sequence[Link]]
