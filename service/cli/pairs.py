"""Reads values from the command line: `name=value` for plain ones, `name:=json` for every other."""

from collections.abc import Iterable

import click
import orjson

from magistrate_client.values import EntityRef, Given, GivenScalar
from policy_lang.types import Json
from service.cli.references import read_ref

_PLAIN = {"true": True, "false": False}


def read_pairs(texts: Iterable[str], option: str) -> dict[str, Given]:
    """The values by name; BadParameter names the option and what is wrong with one of its texts."""
    values: dict[str, Given] = {}
    for text in texts:
        name, equals, written = text.partition("=")
        if not equals or not name.removesuffix(":"):
            raise click.BadParameter(f"`{text}` is not of the form NAME=VALUE or NAME:=JSON", param_hint=option)
        values[name.removesuffix(":")] = _from_json(written, option) if name.endswith(":") else _plain(written)
    return values


def read_attributes(texts: Iterable[str], option: str) -> dict[str, Given]:
    """The same for attributes, of which many are references: `NAME=@TYPE:ID` is one."""
    read: dict[str, Given] = {}
    for text in texts:
        name, _, written = text.partition("=")
        if written.startswith("@") and not name.endswith(":"):
            ref = read_ref(written.removeprefix("@"))
            read[name] = EntityRef(ref.type, ref.id)
        else:
            read |= read_pairs([text], option)
    return read


def _plain(text: str) -> bool | int | str:
    """`true`, `false` and whole numbers are what they look like; all else is a string."""
    if text in _PLAIN:
        return _PLAIN[text]
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 16 else text


def _from_json(text: str, option: str) -> Given:
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"`{text}` is not JSON: {error}", param_hint=option) from error
    return _value(value, option)


def _value(value: Json, option: str) -> Given:
    match value:
        case None:
            return None
        case list():
            return [_scalar(element, option) for element in value]
        case dict() if "id" not in value:  # which no field of a record is called
            return {name: _value(field, option) for name, field in value.items()}
        case _:
            return _scalar(value, option)


def _scalar(value: Json, option: str) -> GivenScalar:
    match value:
        case bool() | int() | str():
            return value
        case {"type": str(type_), "id": str(id_), **rest} if not rest:
            return EntityRef(type_, id_)
        case _:
            raise click.BadParameter(
                f"`{orjson.dumps(value).decode()}` is no bool, int, string, {{type, id}}, record or list of them",
                param_hint=option,
            )
