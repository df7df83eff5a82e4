"""Turns questions into messages; raises InvalidRequest for what no message can say."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Protocol

import grpc
from magistrate.v1 import authorization_pb2, types_pb2

from magistrate_client.consistency import AnyConsistency, write_consistency
from magistrate_client.errors import ErrorDetails, FieldViolation, InvalidRequest
from magistrate_client.question import NOT_GIVEN, NotGiven, Principal, Question, Resource
from magistrate_client.values import BadValue, EntityRef, Given, write_value


def check_request(question: Question) -> authorization_pb2.CheckRequest:
    """The message of one question, with a request id."""
    return _check_request(question, question.request_id or token_hex(16))


def batch_request(
    questions: Sequence[Question], request_id: str, consistency: AnyConsistency | NotGiven = NOT_GIVEN
) -> authorization_pb2.BatchCheckRequest:
    """The message of several; a question without an id has the batch's and its place."""
    batch_id = request_id or token_hex(16)
    checks = [
        _check_request(question, question.request_id or f"{batch_id}.{place}", f"checks[{place}].")
        for place, question in enumerate(questions)
    ]
    try:
        request = authorization_pb2.BatchCheckRequest(request_id=batch_id, checks=checks)
    except (TypeError, ValueError) as error:
        raise _misfit("request_id", error) from error
    _fill_consistency(consistency, request, "consistency")
    return request


def explain_request(question: Question) -> authorization_pb2.ExplainRequest:
    """The message that asks for the explanation of one question."""
    return authorization_pb2.ExplainRequest(check=check_request(question))


def _check_request(question: Question, request_id: str, within: str = "") -> authorization_pb2.CheckRequest:
    request = authorization_pb2.CheckRequest()
    try:
        request.request_id = request_id
    except (TypeError, ValueError) as error:
        raise _misfit(f"{within}request_id", error) from error
    try:
        request.action = question.action
    except (TypeError, ValueError) as error:
        raise _misfit(f"{within}action", error) from error
    _fill_entity(question.resource, request.resource, f"{within}resource")
    if question.principal is not NOT_GIVEN:
        if question.principal_token is not NOT_GIVEN:
            raise _misfit(f"{within}principal", BadValue("expected `principal` or `principal_token`, not both"))
        _fill_entity(question.principal, request.principal, f"{within}principal")
    elif question.principal_token is not NOT_GIVEN:
        try:
            request.principal_token = question.principal_token
        except (TypeError, ValueError):
            # Not chained: the codec's error may quote the text, and the text is a credential.
            raise _misfit(f"{within}principal_token", BadValue("expected a token")) from None
    if question.context:
        _fill_values(question.context, request.context, f"{within}context")
    _fill_consistency(question.consistency, request, f"{within}consistency")
    return request


def _fill_entity(given: Principal | Resource | EntityRef | str, target: types_pb2.Entity, where: str) -> None:
    _fill_name(given, target, where)
    if isinstance(given, Principal | Resource):
        _fill_values(given.attributes, target.attributes, f"{where}.attributes")
    if isinstance(given, Resource):
        for place, parent in enumerate(given.parents):
            _fill_name(parent, target.parents.add(), f"{where}.parents[{place}]")


def _fill_consistency(
    given: AnyConsistency | NotGiven,
    request: authorization_pb2.CheckRequest | authorization_pb2.BatchCheckRequest,
    where: str,
) -> None:
    if given is NOT_GIVEN:
        return
    try:
        write_consistency(given, request.consistency)
    except TypeError as error:
        raise _misfit(where, BadValue("expected a Consistency, or AtLeastAsFresh of a revision")) from error
    except ValueError as error:
        raise _misfit(where, error) from error


class _Named(Protocol):
    """A message that names an entity."""

    type: str
    id: str


def _fill_name(given: Principal | Resource | EntityRef | str, target: _Named, where: str) -> None:
    try:
        name = EntityRef.parse(given) if isinstance(given, str) else given
        target.type = name.type
        target.id = name.id
    except (AttributeError, TypeError, ValueError) as error:
        raise _misfit(where, error) from error


class _Fields(Protocol):
    """The map of a message from names to values; to look one up makes it."""

    def __getitem__(self, name: str, /) -> types_pb2.Value: ...


def _fill_values(given: Mapping[str, Given], target: _Fields, where: str) -> None:
    if not isinstance(given, Mapping):
        raise _misfit(where, BadValue("expected a mapping of names to values"))
    for name, value in given.items():
        if value is None:
            continue
        try:
            write_value(value, target[name])
        except (TypeError, ValueError) as error:
            raise _misfit(f"{where}.{name}", error) from error


def _misfit(where: str, error: Exception) -> InvalidRequest:
    match error:
        case BadValue():
            expected = str(error)
        case AttributeError():
            expected = "expected an entity, or `Type:id`"
        case TypeError():
            expected = "expected text"
        case _:
            expected = "expected text without lone surrogates"
    details = ErrorDetails(reason="INVALID_REQUEST", violations=(FieldViolation(where, expected),))
    return InvalidRequest(grpc.StatusCode.INVALID_ARGUMENT, "the question cannot be asked", details)
