"""Tells which inputs a configured path names, and whether policies declare it at all."""

from collections.abc import Iterable, Iterator, Mapping

from policy_lang.fold import Case
from policy_lang.schema import NOW, Attribute, Origin, Schema
from policy_lang.typed import Path, Root
from policy_lang.types import Type
from service.record_paths import CLAIMS, ROOTS, RecordPath

Attributes = Mapping[str, Attribute]


def covers(named: RecordPath, path: Path, case: Case, schema: Schema) -> bool:
    """Whether an input is what the path names, is reached through it, or holds it."""
    return any(
        written[: len(named.steps)] == named.steps[: len(written)] for written in _ways(named, path, case, schema)
    )


def is_exactly(named: RecordPath, path: Path, case: Case, schema: Schema) -> bool:
    """Whether an input is what the path names."""
    return named.steps in _ways(named, path, case, schema)


def types_named(named: RecordPath, schema: Schema) -> list[Type]:
    """The types of what the path names in these policies, each time that it is declared; none where it is not."""
    return [
        found.type
        for attributes in _beginnings(named, schema)
        for steps in _steps(named, attributes)
        for found in _resolve(attributes, steps, schema)
    ]


def names_beside(named: RecordPath, schema: Schema) -> list[str]:
    """What could have been written in place of the path's root and first step."""
    if named.root not in ROOTS and named.root not in schema.types:
        return [*ROOTS, *schema.types]
    return [f"{named.root}.{name}" for attributes in _beginnings(named, schema) for name in attributes]


def _ways(named: RecordPath, path: Path, case: Case, schema: Schema) -> Iterator[tuple[str, ...]]:
    """How the input is written from the path's root on; a type may come up several times on the way."""
    if named.root == path.root.value:
        yield path.steps
    elif named.root == CLAIMS:
        attribute = schema.types[case.principal_type].attributes.get(path.steps[0])
        if path.root is Root.PRINCIPAL and attribute is not None and attribute.origin is Origin.CLAIM:
            yield (*attribute.claim, *path.steps[1:])
    elif named.root in schema.types:
        for place, names in enumerate(_types_on(path, case, schema)):
            if named.root in names:
                yield path.steps[place:]


def _types_on(path: Path, case: Case, schema: Schema) -> Iterator[frozenset[str]]:
    """Before each step of an input: the types that it may be at."""
    match path.root:
        case Root.PRINCIPAL:
            declared = [schema.types[case.principal_type]]
        case Root.RESOURCE:
            declared = [schema.types[case.resource_type]]
        case Root.CONTEXT:
            return
    for step in path.steps:
        # A record's fields have no type of their own.
        yield frozenset(each.name for each in declared if schema.types.get(each.name) is each)
        found = [each.attributes[step] for each in declared if step in each.attributes]
        declared = [behind for attribute in found for behind in schema.behind(attribute)]


def _beginnings(named: RecordPath, schema: Schema) -> Iterator[Attributes]:
    """The attributes among which the path's first step may be."""
    match named.root:
        case "context":
            yield {**schema.context, NOW.name: NOW}
        case "resource":
            yield from (declared.attributes for declared in schema.types.values())
        case "principal":
            yield from (declared.attributes for declared in schema.types.values() if declared.is_principal)
        case root if root == CLAIMS:
            for declared in schema.types.values():
                if declared.is_principal:
                    yield {name: each for name, each in declared.attributes.items() if each.origin is Origin.CLAIM}
        case type_ if type_ in schema.types:
            yield schema.types[type_].attributes


def _steps(named: RecordPath, attributes: Attributes) -> Iterator[tuple[str, ...]]:
    """The path's steps by attributes; several attributes may come from what one way into the claims leads to."""
    if named.root != CLAIMS:
        yield named.steps
        return
    for name, attribute in attributes.items():
        claim = attribute.claim
        if claim[: len(named.steps)] == named.steps[: len(claim)]:
            yield (name, *named.steps[len(claim) :])


def _resolve(attributes: Attributes, steps: tuple[str, ...], schema: Schema) -> Iterable[Attribute]:
    """The attributes that the steps lead to."""
    attribute = attributes.get(steps[0])
    if attribute is None:
        return
    if len(steps) == 1:
        yield attribute
        return
    for behind in schema.behind(attribute):
        yield from _resolve(behind.attributes, steps[1:], schema)
