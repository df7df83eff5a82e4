"""Reads facts from the command line: `TYPE:ID`, and attributes by the types that the schema gives them."""

from collections.abc import Iterable, Mapping

import click
import orjson

from policy_lang.schema import Schema
from policy_lang.types import BoolType, IntType, Json, RefType, SetType, Type
from policy_lang.values import Ref


def read_ref(text: str) -> Ref:
    """The reference that `TYPE:ID` writes."""
    type_, colon, id_ = text.partition(":")
    if not (type_ and colon and id_):
        raise click.UsageError(f"`{text}` is not of the form TYPE:ID")
    return Ref(type_, id_)


def given_ref(text: str) -> Json:
    """The same in the given form."""
    ref = read_ref(text)
    return {"type": ref.type, "id": ref.id}


def read_attributes(schema: Schema, type_: str, texts: Iterable[str]) -> dict[str, Json]:
    """`NAME=VALUE` by the attribute's type, `NAME:=JSON` as it is; in the given form, not yet checked."""
    declared = schema.types.get(type_)
    types = {name: attribute.type for name, attribute in declared.attributes.items()} if declared else {}
    return dict(_read(text, types) for text in texts)


def _read(text: str, types: Mapping[str, Type]) -> tuple[str, Json]:
    name, equals, written = text.partition("=")
    if not equals or not name.removesuffix(":"):
        raise click.UsageError(f"`{text}` is not of the form NAME=VALUE or NAME:=JSON")
    if name.endswith(":"):
        return name[:-1], _json(written)
    return name, _plain(types.get(name), written)


def _plain(type_: Type | None, written: str) -> Json:
    match type_:
        case SetType(element):
            return [_plain(element, part) for part in written.split(",") if part]
        case BoolType() | IntType():
            return _json(written)
        case RefType() if ":" in written:
            return given_ref(written)
        case _:
            return written


def _json(text: str) -> Json:
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"`{text}` is not JSON: {error}") from error
    return value
