"""Reads references from the command line: `TYPE:ID`."""

import click
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.values import Ref


def read_ref(text: str) -> Ref:
    """The reference that `TYPE:ID` writes."""
    type_, colon, id_ = text.partition(":")
    if not (type_ and colon and id_):
        raise click.UsageError(f"`{text}` is not of the form TYPE:ID")
    return Ref(type_, id_)


def read_entity(text: str) -> EntityRef:
    """The same as a message."""
    ref = read_ref(text)
    return EntityRef(type=ref.type, id=ref.id)
