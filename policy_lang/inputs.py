"""Keeps what a decision read, for the record: inputs in the given form, and the rows of roles, relations and parents.

Sensitive inputs are left out, and the rows that are reached through one. With the rest a decision can be made again
without the store.
"""

from collections.abc import Callable
from dataclasses import replace

from policy_lang.access import Access
from policy_lang.ancestry import climb
from policy_lang.compiling.inputs import ReadInputs, emit_inputs
from policy_lang.facts import Facts
from policy_lang.fold import Case
from policy_lang.reads import Reads
from policy_lang.schema import Schema
from policy_lang.sensitivity import is_sensitive
from policy_lang.typed import Expression, Path
from policy_lang.types import Json
from policy_lang.values import Ref
from policy_lang.walk import paths

Keep = Callable[[Facts], dict[str, Json]]
Hides = Callable[[Path], bool]
"""Whether the value of an input is to be kept out of the record."""


def reader(reads: Reads, case: Case, schema: Schema) -> ReadInputs:
    """The generated function that reads the inputs that the record may show."""
    hides = hides_sensitive(case, schema)
    return emit_inputs([path for path in reads.paths if not hides(path)], case, schema)


def hides_sensitive(case: Case, schema: Schema) -> Hides:
    """Hides the inputs of a case that are declared sensitive, or reached through what is."""
    return lambda path: is_sensitive(path, schema, case.principal_type, case.resource_type)


def shown_reads(reads: Reads, hides: Hides) -> Reads:
    """What is read, without the rows that are reached through a hidden input: they would tell where it leads."""

    def is_shown(expression: Expression) -> bool:
        return not any(hides(path) for path in paths(expression))

    shown = replace(
        reads,
        climbs=tuple(filter(is_shown, reads.climbs)),
        places=tuple(place for place in reads.places if place is None or is_shown(place)),
        overs=tuple(filter(is_shown, reads.overs)),
        ends=tuple((relation, end) for relation, end in reads.ends if is_shown(end)),
    )
    return reads if shown == reads else shown


def keeper(access: Access, read_inputs: ReadInputs) -> Keep:
    """The function that keeps a case's inputs, by path, and rows, as `parents`, `assignments` and `links`.

    It keeps nothing where no rule was asked: an entity has no row, or has one and should have none.
    """

    def keep(facts: Facts) -> dict[str, Json]:
        if facts.principal_cells is None or facts.resource_cells is None:
            return {}
        if access.makes_resource and facts.question.resource in facts.rows:
            return {}
        kept = read_inputs(facts)
        if access.needs_ancestry or access.climbs:
            kept["parents"] = _parents(access, facts)
        if access.needs_roles:
            kept["assignments"] = _assignments(access, facts)
        if access.ends:
            kept["links"] = _links(access, facts)
        return kept

    return keep


def _parents(access: Access, facts: Facts) -> Json:
    nodes = facts.ancestors if access.needs_ancestry else frozenset()
    for get in access.climbs:
        if isinstance(start := get(facts), Ref):
            nodes |= climb(start, facts.parents).ancestors
    kept: dict[str, Json] = {}
    for node in nodes:
        edges = facts.parents.get(node)
        if edges is not None:
            kept[_name(node)] = [_name(edge) for edge in edges] if edges else []
    return kept


def _assignments(access: Access, facts: Facts) -> Json:
    kept: list[Json] = []
    for place in _places(access, facts):
        if rows := facts.assignments.get(place):
            name = None if place is None else _name(place)
            for subject, role, _, expires_at, _ in rows:
                if subject in facts.ancestors or not facts.is_ancestry_known:
                    kept.append([_name(subject), role, name, expires_at])
    return kept


def _places(access: Access, facts: Facts) -> list[Ref | None]:
    """The places whose assignments may count, each once."""
    places: list[Ref | None] = [None] if access.holds_globally else []
    for get in access.places:
        if isinstance(place := get(facts), Ref) and place not in places:
            places.append(place)
    for get in access.overs:
        if isinstance(start := get(facts), Ref):
            places += climb(start, facts.parents).ancestors.difference(places)
    return places


def _links(access: Access, facts: Facts) -> Json:
    kept: list[Json] = []
    for relation, get in access.ends:
        if isinstance(end := get(facts), Ref):
            for _, _, subject, expires_at in facts.links.get((end, relation), ()):
                if subject in facts.ancestors or not facts.is_ancestry_known:
                    kept.append([_name(end), relation, _name(subject), expires_at])
    return kept


def _name(ref: Ref) -> str:
    type_, id_ = ref
    return f"{type_}:{id_}"
