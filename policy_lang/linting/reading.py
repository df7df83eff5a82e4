"""Follows a path through the declarations, step by step."""

from collections.abc import Iterator

from policy_lang.schema import Attribute, EntityType, Schema
from policy_lang.typed import Path, Root

CONTEXT = "context"
"""What the fields of the context are declared by."""


def steps(schema: Schema, path: Path, type_: str) -> Iterator[tuple[tuple[EntityType, Attribute], ...]]:
    """For each step of a path, what it may read, each with the type that declares it.

    A step is looked up in all types that its place may have, so that this is more than what narrowing leaves.
    """
    owners = _owners(schema, path.root, type_)
    for step in path.steps:
        found = tuple((owner, owner.attributes[step]) for owner in owners if step in owner.attributes)
        yield found
        owners = tuple({behind.name: behind for _, each in found for behind in schema.behind(each)}.values())


def _owners(schema: Schema, root: Root, type_: str) -> tuple[EntityType, ...]:
    match root:
        case Root.PRINCIPAL:
            return tuple(declared for declared in schema.types.values() if declared.is_principal)
        case Root.RESOURCE:
            return (schema.types[type_],)
        case Root.CONTEXT:
            return (EntityType(CONTEXT, "", schema.context),)
