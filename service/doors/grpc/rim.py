"""The outermost layer of every RPC: errors become statuses, faults become INTERNAL."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TypeVar
from uuid import uuid4

from google.rpc.status_pb2 import Status
from grpc.aio import ServicerContext
from grpc_status.rpc_status import to_status

from service.doors.grpc.caller import RPC
from service.doors.grpc.failure_log import FailureLog
from service.doors.grpc.status import internal_status, status_of
from service.errors import InvalidRequest, MagistrateError, Violation
from service.telemetry import get_log

_log = get_log("grpc")
_failures = FailureLog(_log)

Servicer = TypeVar("Servicer")
Request = TypeVar("Request")
Response = TypeVar("Response")
Method = Callable[[Servicer, Request, ServicerContext[Request, Response]], Awaitable[Response]]


def answering(method: Method[Servicer, Request, Response]) -> Method[Servicer, Request, Response]:
    """The RPC with its errors turned into statuses by the one table; the true cause goes to the log alone."""

    rpc = _name_of(method.__qualname__)

    @wraps(method)
    async def answered(
        servicer: Servicer, request: Request | None, context: ServicerContext[Request, Response]
    ) -> Response:
        RPC.set(rpc)
        try:
            if request is None:
                raise InvalidRequest([Violation("", "the bytes are no message of this RPC")])
            return await method(servicer, request, context)
        except MagistrateError as error:
            status = told(error, context.peer() or "")
        except Exception:  # noqa: BLE001  # the one place: whatever it is, the caller learns nothing and gets no allow
            fault = str(uuid4())
            _log.exception("fault", rpc=rpc, request_id=fault)
            status = internal_status(fault)
        return await _abort(context, status)

    return answered


def told(error: MagistrateError, peer: str) -> Status:
    """The error as callers see it, once the log was told its true cause, under the id that the status has."""
    failure = str(uuid4())
    _failures.tell(rpc=RPC.get(), reason=error.reason, cause=str(error), peer=peer, request_id=failure)
    return status_of(error, failure)


def _name_of(method: str) -> str:
    """`Service.Rpc`, of the method that answers it."""
    servicer, _, rpc = method.rpartition(".")
    return f"{servicer.removesuffix('Servicer')}Service.{rpc}"


async def _abort(context: ServicerContext[Request, Response], status: Status) -> Response:
    await context.abort_with_status(to_status(status))
