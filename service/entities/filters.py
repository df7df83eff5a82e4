"""Filters of lists: an attribute of a type, held against a value of the attribute's own type."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import ge, gt, le, lt
from typing import Final

from sqlalchemy import ColumnElement, false, not_

from policy_lang.diagnostics import did_you_mean
from policy_lang.forms import read_given, write_stored
from policy_lang.notation import BadValue
from policy_lang.schema import EntityType, Origin, Schema
from policy_lang.types import (
    DecimalType,
    DurationType,
    IntType,
    Json,
    RecordType,
    SetType,
    TimestampType,
    Type,
)
from policy_lang.values import Ref
from service.db.documents import StoredScalar, has_element, has_value, is_scalar_like, is_set, number_at
from service.db.facts_tables import entity
from service.errors import InvalidRequest, Violation

FILTERS: Final = 16
"""Filters of one list."""


class Comparison(Enum):
    """How an attribute is held against a value."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    CONTAINS = "contains"
    SET = "set"
    NOT_SET = "not set"


@dataclass(frozen=True, slots=True)
class Filter:
    """An attribute, or a field of a record behind a dot; the value in the given form, None where none is needed."""

    attribute: str
    comparison: Comparison
    value: Json = None


def conditions(schema: Schema, type_: str, filters: Sequence[Filter]) -> list[ColumnElement[bool]]:
    """What rows of that type must hold; InvalidRequest names every filter that means nothing for it."""
    if not filters:
        return []
    declared = schema.types.get(type_)
    if declared is None or not declared.is_stored:
        near = did_you_mean(type_, schema.stored)
        raise InvalidRequest([Violation("type", f"no type `{type_}` has rows" + (f"; {near}" if near else ""))])
    found, faults = list[ColumnElement[bool]](), list[Violation]()
    for at, each in enumerate(filters):
        try:
            found.append(_condition(declared, each))
        except BadValue as error:
            faults.append(Violation(f"filters[{at}]", f"`{each.attribute}`: {error}"))
    if faults:
        raise InvalidRequest(faults)
    return found


def of_tenant(schema: Schema, type_: str, tenant: Ref) -> ColumnElement[bool]:
    """Whether rows of that type are of that tenant; a tenant is its own (`stakes.tenant_of`)."""
    declared = schema.types.get(type_)
    if declared is not None and declared.is_tenant:
        return entity.c.id == tenant.id if type_ == tenant.type else false()
    attribute = schema.tenant_attributes.get(type_)
    return false() if attribute is None else has_value(entity.c.attributes, [attribute], str(tenant))


def _condition(declared: EntityType, each: Filter) -> ColumnElement[bool]:
    """The condition; BadValue says what is wrong with the filter."""
    path, type_ = _found(declared, each.attribute)
    match each.comparison:
        case Comparison.SET:
            return is_set(entity.c.attributes, path)
        case Comparison.NOT_SET:
            return not_(is_set(entity.c.attributes, path))
        case Comparison.CONTAINS:
            if not isinstance(type_, SetType):
                raise BadValue(f"`contains` is for sets, and this is {type_}")
            return has_element(entity.c.attributes, path, _stored(type_.element, each.value))
        case _:
            return _compared(path, type_, each)


def _compared(path: Sequence[str], type_: Type, each: Filter) -> ColumnElement[bool]:
    if isinstance(type_, SetType | RecordType):
        raise BadValue(f"`{each.comparison.value}` is not for {type_}")
    is_ordered = _ORDERED.get(each.comparison)
    if is_ordered is not None and not isinstance(type_, IntType | DecimalType | TimestampType | DurationType):
        raise BadValue(f"{type_} has no order")
    value = _stored(type_, each.value)
    if is_ordered is not None:
        return is_ordered(number_at(entity.c.attributes, path), value)
    is_equal = has_value(entity.c.attributes, path, value)
    if each.comparison is Comparison.EQUAL:
        return is_equal
    return is_scalar_like(entity.c.attributes, path, value) & not_(is_equal)


def _found(declared: EntityType, name: str) -> tuple[list[str], Type]:
    """The way to what is named, and its type."""
    first, *rest = name.split(".")
    attribute = declared.attributes.get(first)
    if attribute is None or attribute.origin is not Origin.STORE:
        near = did_you_mean(first, [each.name for each in declared.attributes.values() if each.origin is Origin.STORE])
        raise BadValue(f"no stored attribute of `{declared.name}`" + (f"; {near}" if near else ""))
    type_ = attribute.type
    for step in rest:
        fields = {field.name: field.type for field in type_.fields} if isinstance(type_, RecordType) else {}
        if step not in fields:
            near = did_you_mean(step, fields)
            raise BadValue(f"no field `{step}` in {type_}" + (f"; {near}" if near else ""))
        type_ = fields[step]
    return [first, *rest], type_


def _stored(type_: Type, given: Json) -> StoredScalar:
    if given is None:
        raise BadValue(f"expected a value, of {type_}")
    stored = write_stored(type_, read_given(type_, given))
    if not isinstance(stored, bool | int | str):
        raise BadValue(f"expected one value of {type_}")
    return stored


_ORDERED: Final[Mapping[Comparison, Callable[[ColumnElement[int], StoredScalar], ColumnElement[bool]]]] = {
    Comparison.LESS: lt,
    Comparison.LESS_OR_EQUAL: le,
    Comparison.GREATER: gt,
    Comparison.GREATER_OR_EQUAL: ge,
}
