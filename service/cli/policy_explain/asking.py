"""Reads a question from the command line as the service reads one from its door: the same forms, the same faults."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import click
import orjson

from magistrate_client.errors import InvalidRequest as BadQuestion
from magistrate_client.question import Question as Asking
from magistrate_client.question import Resource
from magistrate_client.requests import check_request
from magistrate_client.values import BadValue, EntityRef
from policy_lang import notation
from policy_lang.diagnostics import did_you_mean
from policy_lang.facts import Question
from policy_lang.schema import Schema
from policy_lang.typed import EntityFixture
from policy_lang.types import Json
from policy_lang.values import Ref
from service.admission import check_form
from service.cli.pairs import read_pairs
from service.config import Limits
from service.doors.grpc.codec import read_check
from service.doors.grpc.room import Room
from service.model import Principal
from service.questions import question_of

Fixtures = Mapping[str, EntityFixture]


class Asked(TypedDict):
    """What the options of the command give."""

    test: tuple[str, ...]
    principal: str | None
    data: tuple[Path, ...]
    attr: tuple[str, ...]
    parent: tuple[str, ...]
    context: tuple[str, ...]
    claims: str | None
    now: str | None
    output: str


def question_from(put: tuple[str, str], asked: Asked, fixtures: Fixtures, schema: Schema) -> Question:
    """The question of that action and resource; UsageError or InvalidRequest says what is wrong.

    A fixture brings what a request or a token says of it, beside its row.
    """
    action, resource = put
    if asked["principal"] is None:
        raise click.UsageError("say who asks: `--principal`, a fixture or TYPE:ID")
    who, what = _entity(asked["principal"], fixtures), _entity(resource, fixtures)
    parents = tuple(EntityRef(*_entity(parent, fixtures).ref) for parent in asked["parent"])
    given = Resource(what.ref.type, what.ref.id, read_pairs(asked["attr"], "--attr"), parents)
    try:
        message = check_request(Asking(action, given, context=read_pairs(asked["context"], "--context")))
    except (BadQuestion, BadValue) as error:
        raise click.UsageError(str(error)) from error
    request = read_check(message, Room(Limits()))
    check_form(request)
    principal = Principal(who.ref, _claims(asked["claims"]))
    question = question_of(request, principal=principal, schema=schema, now=_now(asked["now"]))
    return replace(
        question,
        principal_cells={**(who.cells or {}), **question.principal_cells},
        resource_cells={**(what.cells or {}), **question.resource_cells},
    )


def _entity(text: str, fixtures: Fixtures) -> EntityFixture:
    """The fixture of that name, or a reference to an entity."""
    if ":" in text:
        try:
            ref = EntityRef.parse(text)
        except BadValue as error:
            raise click.UsageError(str(error)) from error
        return EntityFixture(Ref(ref.type, ref.id), None)
    found = [entity for name, entity in fixtures.items() if text in (name, name.partition(".")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(f"`{text}` is a fixture of several modules: write MODULE.{text}")
    near = did_you_mean(text, {name.partition(".")[2] for name in fixtures})
    help_ = f"\nhelp: {near}" if near else ""
    raise click.UsageError(f"`{text}` is neither a fixture nor of the form TYPE:ID{help_}")


def _claims(text: str | None) -> dict[str, Json] | None:
    if text is None:
        return None
    try:
        claims: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"it is not JSON: {error}", param_hint="--claims") from error
    if not isinstance(claims, dict):
        raise click.BadParameter("a JSON object is needed", param_hint="--claims")
    return claims


def _now(text: str | None) -> int:
    if text is None:
        return time.time_ns() // 1_000_000
    try:
        return notation.parse_timestamp(text)
    except notation.BadValue as error:
        raise click.BadParameter(str(error), param_hint="--now") from error
