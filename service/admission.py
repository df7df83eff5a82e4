"""Admits requests: by their form, and by what their caller may ask and say (identity.md)."""

from collections.abc import Iterator
from typing import Final

from policy_lang.forms import ID_LIMIT, check_id
from policy_lang.notation import BadValue
from policy_lang.values import Ref
from service.errors import InvalidRequest, PermissionDenied, Violation
from service.model import CheckRequest, Scopes
from service.permits import Action, Held

REQUEST_ID_LIMIT: Final = 128
"""Characters in a request id."""
VALUES: Final = 50_000
"""Values in one message: a megabyte of small ones would hold the loop for 0.1 s, and over gRPC for 0.5."""


def check_form(request: CheckRequest) -> None:
    """InvalidRequest unless the request names an action, a resource and at most one principal, all of a fit length."""
    if _is_plain(request):
        return
    faults = [fault for fault in _faults_of_form(request) if fault is not None]
    if faults:
        raise InvalidRequest(faults)


def check_request_id(request_id: str) -> None:
    """InvalidRequest unless the record can hold it; `check_form` looks at it too."""
    faults = list(_faults_of_request_id(request_id))
    if faults:
        raise InvalidRequest(faults)


def check_scopes(request: CheckRequest, scopes: Scopes) -> None:
    """PermissionDenied where the caller's own credential is not for such questions, whatever the policies say."""
    if not scopes.cover(request.action, request.resource.ref.type):
        raise PermissionDenied("key_scope", "the credential is not for that action on that type")


def check_permits(request: CheckRequest, held: Held) -> None:
    """PermissionDenied where the caller may not ask, or not about that principal (identity.md)."""
    if not held.may(Action.CHECK):
        raise PermissionDenied("check", "the caller may not ask")
    if request.principal_token is not None and not held.may(Action.CHECK_FOR):
        raise PermissionDenied("check_for", "the caller may not ask for the bearer of a principal_token")
    if request.principal is not None and not held.may_check_as(request.principal.ref.type):
        raise PermissionDenied("check_as", f"the caller may not ask as a `{request.principal.ref.type}`")


def check_assertions(request: CheckRequest, held: Held) -> None:
    """PermissionDenied where the caller asserts something and may not."""
    if not held.may(Action.ASSERT_ATTRIBUTES) and _asserts(request):
        raise PermissionDenied("assert_attributes", "the caller may not assert attributes or context")


def _faults_of_request_id(request_id: str) -> Iterator[Violation]:
    if len(request_id) > REQUEST_ID_LIMIT:
        yield Violation("request_id", f"at most {REQUEST_ID_LIMIT} characters")
    if not request_id.isprintable():
        yield Violation("request_id", "no control characters")


def _is_plain(request: CheckRequest) -> bool:
    """Whether the request looks as most do, so that there is no fault to look for; false says nothing.

    Looking for faults one by one was 2 µs of a check's 36 in a batch, and 8 where it names its principal.
    """
    if request.resource.parents or len(request.request_id) > REQUEST_ID_LIMIT:
        return False
    action, (type_, id_) = request.action, request.resource.ref
    if not action or not type_ or not id_:
        return False
    names = action + type_ + id_
    if request.principal is not None:
        type_, id_ = request.principal.ref
        if not type_ or not id_ or request.principal_token is not None:
            return False
        names += type_ + id_
    return len(names) <= ID_LIMIT and names.isascii() and names.isprintable() and request.request_id.isprintable()


def _faults_of_form(request: CheckRequest) -> Iterator[Violation | None]:
    yield from _faults_of_request_id(request.request_id)
    yield _fault_of_name("action", request.action)
    if request.principal is not None:
        if request.principal_token is not None:
            yield Violation("principal", "give principal or principal_token, not both")
        yield from _faults_of_ref("principal", request.principal.ref)
    yield from _faults_of_ref("resource", request.resource.ref)
    for index, parent in enumerate(request.resource.parents):
        yield from _faults_of_ref(f"resource.parents[{index}]", parent)


def _faults_of_ref(field: str, ref: Ref) -> Iterator[Violation | None]:
    yield _fault_of_name(f"{field}.type", ref.type)
    yield _fault_of_name(f"{field}.id", ref.id)


def _fault_of_name(field: str, text: str) -> Violation | None:
    try:
        check_id(text)
    except BadValue as error:
        return Violation(field, "required" if not text else str(error))
    return None


def _asserts(request: CheckRequest) -> bool:
    named = request.principal
    return bool(
        request.context or request.resource.attributes or request.resource.parents or (named and named.attributes)
    )
