"""Questions over a bare channel, and what a call that fails says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status.rpc_status import from_call
from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.types_pb2 import Entity, Value

SECONDS = 30.0
"""How long a call may take."""
REFUSED_OFTEN = {"limits__failed_authentications": "100000"}
"""The settings of a service that is asked by bad credentials again and again: how often is a matter of the machine."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call failed: its status, the contract's reason, its text."""

    status: grpc.StatusCode
    reason: str
    text: str


def question(action: str, resource: str, *, request_id: str = "", **context: str) -> CheckRequest:
    """The message that asks whether the caller may do the action on `Type:id`."""
    type_, _, id_ = resource.partition(":")
    return CheckRequest(
        request_id=request_id,
        action=action,
        resource=Entity(type=type_, id=id_),
        context={name: Value(string_value=value) for name, value in context.items()},
    )


@contextmanager
def stub_of(address: str) -> Iterator[AuthorizationServiceStub]:
    """The bare stub over a connection of its own, which repeats nothing and soon finds a worker that came back."""
    options = (
        ("grpc.enable_retries", 0),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 200),
    )
    with grpc.insecure_channel(address, options) as channel:
        yield AuthorizationServiceStub(channel)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The call metadata that presents the token."""
    return (("authorization", f"Bearer {token}"),)


def refusal(stub: AuthorizationServiceStub, asked: CheckRequest, metadata: tuple[tuple[str, str], ...]) -> Refusal:
    """Why that check, which must fail, does."""
    try:
        answer = stub.Check(asked, metadata=metadata, timeout=SECONDS)
    except grpc.RpcError as error:
        return refusal_of(error)
    raise AssertionError(f"it answers: {answer}")


def refusal_of(error: grpc.RpcError) -> Refusal:
    """What a failed call says."""
    assert isinstance(error, grpc.Call)
    info = ErrorInfo()
    status = from_call(error)
    if status is not None and status.details:
        status.details[0].Unpack(info)
    return Refusal(error.code(), info.reason, error.details() or "")
