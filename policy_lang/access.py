"""Makes ready, once a plan, how the facts of its questions are put together and read."""

from collections.abc import Callable
from dataclasses import dataclass

from policy_lang.facts import Readable
from policy_lang.fold import Case
from policy_lang.judging.expressions import evaluate
from policy_lang.reads import Reads
from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.typed import Expression, Path, Root
from policy_lang.values import BAD_VALUE, NO_ROW, Cell

Getter = Callable[[Readable], Cell]


@dataclass(frozen=True, slots=True)
class Access:
    """What `Reads` states, with a quick getter for each expression.

    `principal` and `resource` are the declared types, `principal_foreign` and `resource_foreign` the attributes that no
    row holds; `makes_resource` says that the resource has no row yet. `holds_globally`: roles without a place count.
    """

    principal: EntityType
    principal_foreign: tuple[Attribute, ...]
    resource: EntityType
    resource_foreign: tuple[Attribute, ...]
    makes_resource: bool
    steps: tuple[tuple[Getter, ...], ...]
    needs_ancestry: bool
    climbs: tuple[Getter, ...]
    holds_globally: bool
    places: tuple[Getter, ...]
    overs: tuple[Getter, ...]
    ends: tuple[tuple[str, Getter], ...]

    @property
    def needs_roles(self) -> bool:
        """Whether assignments are read."""
        return self.holds_globally or bool(self.places)


def access_to(reads: Reads, case: Case, schema: Schema) -> Access:
    """The access to what a case reads."""
    principal, resource = schema.types[case.principal_type], schema.types[case.resource_type]
    return Access(
        principal=principal,
        principal_foreign=_foreign(principal),
        resource=resource,
        resource_foreign=_foreign(resource),
        makes_resource=schema.makes_row(case.resource_type, case.action),
        steps=tuple(tuple(map(getter, step)) for step in reads.steps),
        needs_ancestry=reads.needs_ancestry,
        climbs=tuple(map(getter, reads.climbs)),
        holds_globally=None in reads.places,
        places=tuple(getter(place) for place in reads.places if place is not None),
        overs=tuple(map(getter, reads.overs)),
        ends=tuple((relation, getter(end)) for relation, end in reads.ends),
    )


def getter(expression: Expression) -> Getter:
    """What `evaluate` gives as cell, without its causes; the common short paths have a shortcut."""
    match expression:
        case Path(root=Root.PRINCIPAL, steps=()):
            return lambda facts: facts.question.principal
        case Path(root=Root.RESOURCE, steps=()):
            return lambda facts: facts.question.resource
        case Path(root=Root.PRINCIPAL, steps=(step,)):
            return lambda facts: NO_ROW if (cells := facts.principal_cells) is None else cells.get(step, BAD_VALUE)
        case Path(root=Root.RESOURCE, steps=(step,)):
            return lambda facts: NO_ROW if (cells := facts.resource_cells) is None else cells.get(step, BAD_VALUE)
        case Path(root=Root.CONTEXT, steps=(step,)):
            return lambda facts: facts.question.context.get(step, BAD_VALUE)
        case _:
            return lambda facts: evaluate(expression, facts).cell


def _foreign(declared: EntityType) -> tuple[Attribute, ...]:
    return tuple(attribute for attribute in declared.attributes.values() if attribute.origin is not Origin.STORE)
