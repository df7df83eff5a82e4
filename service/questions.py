"""Turns what a request says into a well-formed question, or names every fault of it (language.md, Decision, line 1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from policy_lang.diagnostics import did_you_mean
from policy_lang.facts import Assignment, Question
from policy_lang.forms import read_cell, read_given
from policy_lang.notation import BadValue
from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.types import Json
from policy_lang.values import Cell
from service.errors import InvalidRequest, Violation
from service.model import CheckRequest, GivenEntity, Principal

_NOTHING: Final[Mapping[str, Cell]] = MappingProxyType({})
_NOTHING_GIVEN: Final[Mapping[str, Json]] = MappingProxyType({})
_TEXTS: Final = frozenset({str})
HELPED: Final = 20
"""Unknown attributes and fields of one call that are compared with known ones: each takes up to milliseconds."""


def sayable(request: CheckRequest, schema: Schema) -> tuple[CheckRequest, tuple[str, ...]]:
    """The request without what is undeclared or not the caller's to say, and the fields that were left out.

    For callers who send what they have. `now` stays, to be refused, and so does everything of types that are unknown.
    """
    target, named = schema.types.get(request.resource.ref.type), request.principal
    asker = schema.types.get(named.ref.type) if named is not None else None
    left_out: list[str] = []

    def kept(field: str, given: GivenEntity, declared: EntityType, *, is_new: bool) -> GivenEntity:
        said = {name: value for name, value in given.attributes.items() if _may_be_said(name, declared, is_new=is_new)}
        left_out.extend(f"{field}.{name}" for name in given.attributes.keys() - said.keys())
        return GivenEntity(given.ref, said, given.parents)

    context = {name: value for name, value in request.context.items() if name in schema.context or name == "now"}
    left_out += [f"context.{name}" for name in request.context.keys() - context.keys()]
    resource = request.resource
    if target is not None and resource.attributes:
        is_new = schema.actions.get(target.name, {}).get(request.action, False)
        resource = kept("resource.attributes", resource, target, is_new=is_new)
    if named is not None and asker is not None and named.attributes:
        named = kept("principal.attributes", named, asker, is_new=False)
    if not left_out:
        return request, ()
    return replace(request, resource=resource, principal=named, context=context), tuple(left_out)


def question_of(request: CheckRequest, *, principal: Principal, schema: Schema, now: int) -> Question:
    """The question of a call that asks nothing else; errors as `Questions.of`."""
    return Questions(Kinds(schema), now).of(request, principal)


class Kinds:
    """What the questions by one schema have in common; kept from call to call, and no larger than the schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.gaps: Mapping[str, Cell] = {name: field.gap for name, field in schema.context.items()}
        """The context of a question that says nothing of it."""
        self._known: dict[tuple[str, str, str], _Kind] = {}

    def of(self, key: tuple[str, str, str]) -> "_Kind":
        """Of a principal type, a resource type and an action; InvalidRequest where one is not declared."""
        kind = self._known.get(key)
        if kind is None:
            kind = self._known[key] = _kind_of(key, self.schema)
        return kind


class Questions:
    """Makes the questions of one call, all at one time; what they have in common is read once."""

    def __init__(self, kinds: Kinds, now: int) -> None:
        self._kinds = kinds
        self._schema = kinds.schema
        self._now = now
        self._bearer: Principal | None = None
        self._bearer_cells: Mapping[str, Cell] = _NOTHING
        self._bearer_roles: tuple[Assignment, ...] = ()
        self._given: Mapping[str, Json] = _NOTHING_GIVEN
        self._context: Mapping[str, Cell] = {**kinds.gaps, "now": now}
        self._gaps = self._context
        self._helped = 0

    def of(self, request: CheckRequest, principal: Principal) -> Question:
        """The question, its values read by their declared types.

        InvalidRequest names everything that is undeclared, mistyped or not the caller's to say.
        """
        resource, named = request.resource, request.principal
        kind = self._kinds.of((principal.ref.type, resource.ref.type, request.action))
        faults: list[Violation] = []
        resource_cells = self._asserted(
            "resource.attributes", resource.attributes, kind.target, faults, is_new=kind.makes_resource
        )
        said = self._asserted("principal.attributes", named.attributes, kind.asker, faults) if named else _NOTHING
        context = self._read_context(request.context, faults)
        if resource.parents:
            faults += _faults_of_parents(resource, kind.target, is_new=kind.makes_resource)
        if faults:
            raise InvalidRequest(faults)
        self._look_at(principal, kind.asker)
        return Question(
            principal.ref,
            request.action,
            resource.ref,
            self._now,
            {**self._bearer_cells, **said} if said else self._bearer_cells,
            resource_cells,
            resource.parents,
            context,
            self._bearer_roles,
        )

    def _look_at(self, principal: Principal, asker: EntityType) -> None:
        """Makes what is known of the bearer that of this principal, whom most calls ask about alone."""
        if principal is not self._bearer:
            self._bearer_cells = _claimed(principal, asker)
            self._bearer_roles = _fitting(principal.roles, self._schema)
            self._bearer = principal

    def _read_context(self, given: Mapping[str, Json], faults: list[Violation]) -> Mapping[str, Cell]:
        """A cell for every declared field, the same mapping where a call says the same of its questions in turn."""
        if not given:
            return self._gaps
        # Of texts alone, for `True == 1`.
        if given == self._given and _TEXTS.issuperset(map(type, given.values())):
            return self._context
        context = {**self._gaps, **self._said(given, faults)}
        if not faults:
            self._given, self._context = given, context
        return context

    def _asserted(
        self,
        field: str,
        given: Mapping[str, Json],
        declared: EntityType,
        faults: list[Violation],
        *,
        is_new: bool = False,
    ) -> Mapping[str, Cell]:
        if not given:
            return _NOTHING
        cells: dict[str, Cell] = {}
        for name, written in given.items():
            attribute = declared.attributes.get(name)
            if attribute is None:
                help_ = self._help(name, declared.attributes)
                faults.append(
                    Violation(f"{field}.{name}", _with_help(f"undeclared attribute of `{declared.name}`", help_))
                )
            elif not _is_assertable(attribute, declared, is_new=is_new):
                faults.append(
                    Violation(f"{field}.{name}", f"not the caller's to say: it comes from the {attribute.origin.value}")
                )
            else:
                _read_into(cells, f"{field}.{name}", attribute, written, faults)
        return cells

    def _said(self, given: Mapping[str, Json], faults: list[Violation]) -> dict[str, Cell]:
        """The cells of the context that a request gives."""
        cells: dict[str, Cell] = {}
        for name, written in given.items():
            field = self._schema.context.get(name)
            if name == "now":
                faults.append(Violation("context.now", "not the caller's to say: the service sets the time"))
            elif field is None:
                help_ = self._help(name, self._schema.context)
                faults.append(Violation(f"context.{name}", _with_help("undeclared context field", help_)))
            else:
                _read_into(cells, f"context.{name}", field, written, faults)
        return cells

    def _help(self, name: str, known: Iterable[str]) -> str:
        """As `did_you_mean`, of the first names of the call."""
        self._helped += 1
        return did_you_mean(name, known) if self._helped <= HELPED else ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What questions of one principal type, resource type and action have in common."""

    asker: EntityType
    target: EntityType
    makes_resource: bool


def _kind_of(key: tuple[str, str, str], schema: Schema) -> _Kind:
    """InvalidRequest where one of the three is not declared, or the first is no principal."""
    principal_type, resource_type, action = key
    faults: list[Violation] = []
    asker = schema.types.get(principal_type)
    target = schema.types.get(resource_type)
    if asker is None or not asker.is_principal:
        faults.append(Violation("principal.type", f"`{principal_type}` is not a principal type of the policies"))
    if target is None:
        help_ = did_you_mean(resource_type, schema.types)
        faults.append(Violation("resource.type", _with_help(f"unknown type `{resource_type}`", help_)))
    if asker is None or target is None or faults:
        raise InvalidRequest(faults)
    actions = schema.actions.get(target.name, {})
    is_new = actions.get(action)
    if is_new is None:
        message = f"unknown action `{action}` of `{target.name}`"
        raise InvalidRequest([Violation("action", _with_help(message, did_you_mean(action, actions)))])
    return _Kind(asker, target, is_new)


def _faults_of_parents(given: GivenEntity, target: EntityType, *, is_new: bool) -> list[Violation]:
    if given.parents and not is_new:
        return [Violation("resource.parents", "only an action that makes the resource takes parents")]
    return [
        Violation(f"resource.parents[{index}].type", f"`{parent.type}` is no parent type of `{target.name}`")
        for index, parent in enumerate(given.parents)
        if parent.type not in target.parents
    ]


def _is_assertable(attribute: Attribute, declared: EntityType, *, is_new: bool) -> bool:
    if attribute.origin is Origin.CLAIM:
        return False
    return attribute.origin is Origin.REQUEST or declared.rows is Origin.REQUEST or is_new


def _may_be_said(name: str, declared: EntityType, *, is_new: bool) -> bool:
    attribute = declared.attributes.get(name)
    return attribute is not None and _is_assertable(attribute, declared, is_new=is_new)


def _read_into(
    cells: dict[str, Cell], field: str, attribute: Attribute, written: Json, faults: list[Violation]
) -> None:
    if written is None:
        return
    try:
        cells[attribute.name] = read_given(attribute.type, written)
    except BadValue as error:
        faults.append(Violation(field, str(error)))


def _claimed(principal: Principal, declared: EntityType) -> dict[str, Cell]:
    """The cells of the type's `from claim` attributes; a claim that does not fit its type is a bad value."""
    if principal.claims is None:
        return {}
    cells: dict[str, Cell] = {}
    for attribute in declared.attributes.values():
        if attribute.origin is Origin.CLAIM:
            found = _dig(principal.claims, attribute.claim)
            if found is not None:
                cells[attribute.name] = read_cell(attribute.type, found, read_given)
    return cells


def _dig(claims: Mapping[str, Json], way: tuple[str, ...]) -> Json:
    found: Json = dict(claims)
    for step in way:
        if not isinstance(found, dict):
            return None
        found = found.get(step)
    return found


def _fitting(roles: tuple[Assignment, ...], schema: Schema) -> tuple[Assignment, ...]:
    """Those roles of claims that the policies declare; a role `on` a type is never held at large."""
    if not roles:
        return roles
    kept = []
    for held in roles:
        declared = schema.roles.get(held.role)
        if declared is not None and declared.on == (held.place.type if held.place else None):
            kept.append(held)
    return tuple(kept)


def _with_help(message: str, help_: str) -> str:
    return f"{message}; {help_}" if help_ else message
