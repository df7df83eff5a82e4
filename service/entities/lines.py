"""Reads import files: JSON lines, one fact each; every fault names its line (api.md, Import and export)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import orjson

from policy_lang.types import Json
from policy_lang.values import Ref
from service.entities.admission import Admission, Fact
from service.errors import DataError
from service.unique_names import fault_of_names

LINE_LIMIT: Final = 1 << 20
"""Bytes in one line, at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank: its number from 1, its bytes (None if over the limit), where it ends in the file."""

    number: int
    text: bytes | None
    end: int


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """The lines that are not blank, from where the file stands."""
    number = end = 0
    while text := file.readline(LINE_LIMIT + 1):
        number += 1
        is_whole = len(text) <= LINE_LIMIT
        end += len(text)
        while len(text) > LINE_LIMIT and not text.endswith(b"\n"):
            text = file.readline(LINE_LIMIT + 1)
            end += len(text)
        if not is_whole or text.strip():
            yield Line(number, text.strip() if is_whole else None, end)


def read_fact(line: Line, admission: Admission, unit: str = "line") -> Fact:
    """The fact of a line, or of another unit of a file; DataError names it and what is wrong with it."""
    try:
        return _fact(line.text, admission)
    except DataError as error:
        raise DataError(f"{unit} {line.number:,}: {error}") from error


def _fact(text: bytes | None, admission: Admission) -> Fact:
    if text is None:
        raise DataError(f"longer than {LINE_LIMIT:,} bytes")
    try:
        document: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DataError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DataError("expected an object")
    kind = document.get("kind")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise DataError(f"`kind`: expected one of {', '.join(_SHAPES)}")
    for name in document:
        if name not in shape.fields and name != "kind":
            raise DataError(f"a fact of kind `{kind}` has no field `{name}`")
    for name, is_required in shape.fields.items():
        if is_required and document.get(name) is None:
            raise DataError(f"a fact of kind `{kind}` needs `{name}`")
    fact = shape.read(document, admission)
    if (fault := fault_of_names(text, document)) is not None:
        raise DataError(fault)
    return fact


def _entity(document: Mapping[str, Json], admission: Admission) -> Fact:
    type_ = _text(document, "type")
    declared = admission.stored_type(type_)
    if declared.is_principal != (document["kind"] == "principal"):
        kind, is_one = ("principal", "a") if declared.is_principal else ("resource", "no")
        raise DataError(f"`kind`: expected {kind}, as `{type_}` is {is_one} principal type")
    return admission.entity(Ref(type_, _text(document, "id")), document.get("attributes", {}), document.get("parents"))


def _assignment(document: Mapping[str, Json], admission: Admission) -> Fact:
    return admission.assignment(
        document["principal"], _text(document, "role"), document.get("scope"), document.get("expires_at")
    )


def _relation(document: Mapping[str, Json], admission: Admission) -> Fact:
    return admission.link(
        document["resource"], _text(document, "relation"), document["principal"], document.get("expires_at")
    )


def _text(document: Mapping[str, Json], name: str) -> str:
    found = document[name]
    if not isinstance(found, str):
        raise DataError(f"`{name}`: expected a string")
    return found


@dataclass(frozen=True, slots=True)
class _Shape:
    """The fields of a kind of line and whether each must be there, and what reads it."""

    fields: Mapping[str, bool]
    read: Callable[[Mapping[str, Json], Admission], Fact]


_ENTITY: Final = _Shape({"type": True, "id": True, "attributes": False, "parents": False}, _entity)
_SHAPES: Final[Mapping[str, _Shape]] = {
    "principal": _ENTITY,
    "resource": _ENTITY,
    "assignment": _Shape({"principal": True, "role": True, "scope": False, "expires_at": False}, _assignment),
    "relation": _Shape({"resource": True, "relation": True, "principal": True, "expires_at": False}, _relation),
}
