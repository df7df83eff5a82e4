"""Tells the inputs that are never written down: those declared `sensitive`, and whatever is reached through one."""

from collections.abc import Iterable, Mapping

from policy_lang.schema import Attribute, Schema
from policy_lang.typed import Path, Root


def is_sensitive(path: Path, schema: Schema, principal_type: str, resource_type: str) -> bool:
    """Whether a step of the path reads a sensitive attribute, of any type that it may lead to."""
    match path.root:
        case Root.PRINCIPAL:
            declared: Iterable[Mapping[str, Attribute]] = (schema.types[principal_type].attributes,)
        case Root.RESOURCE:
            declared = (schema.types[resource_type].attributes,)
        case Root.CONTEXT:
            declared = (schema.context,)
    for step in path.steps:
        found = [attributes[step] for attributes in declared if step in attributes]
        if any(attribute.is_sensitive for attribute in found):
            return True
        declared = [behind.attributes for attribute in found for behind in schema.behind(attribute)]
    return False
