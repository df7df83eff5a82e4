"""gRPC's health protocol: what this worker says of itself to anybody, and nobody holds it up by not reading that.

The library's servicer writes to each watcher under the lock that a change takes: one who does not read keeps the change
from all others, and the drain from its end. Here a change waits for nobody. Watches have no bound but that of their
connection: of one over all, strangers would take every place, and some clients ask nobody whom they cannot watch.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode
from grpc.aio import ServicerContext
from grpc_health.v1.health import SERVICE_NAME
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from service.doors.grpc.newcomers import Unread
from service.doors.grpc.rim import message_or_abort

HEALTH: Final = Default().FindServiceByName(SERVICE_NAME)
"""The service of the protocol."""
_Listed: Final = GetMessageClass(HEALTH.methods_by_name["List"].output_type)

Context = ServicerContext[HealthCheckRequest, HealthCheckResponse]


class HealthServicer:
    """What is said of one service, and under the empty name of its process, which serves until it leaves."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._statuses: dict[str, int] = dict.fromkeys(("", service), HealthCheckResponse.SERVING)
        self._changed = asyncio.Event()
        self._is_leaving = False

    def say(self, *, is_serving: bool) -> None:
        """Says so of the service from here on; leaving has the last word."""
        if not self._is_leaving:
            self._put({self._service: HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING})

    def leave(self) -> None:
        """Says NOT_SERVING of everything for good, and ends each watch that was told."""
        self._is_leaving = True
        self._put(dict.fromkeys(self._statuses, HealthCheckResponse.NOT_SERVING))

    async def Check(self, request: HealthCheckRequest | Unread | None, context: Context) -> HealthCheckResponse:  # noqa: N802
        """How the service is now; NOT_FOUND where none has that name."""
        status = self._statuses.get((await message_or_abort(request, context)).service)
        if status is None:
            await context.abort(StatusCode.NOT_FOUND, "no service has this name")
        return HealthCheckResponse(status=status)

    async def List(self, request: Message | Unread | None, context: ServicerContext[Message, Message]) -> Message:  # noqa: N802
        """How everything is now."""
        await message_or_abort(request, context)
        return _Listed(statuses={name: HealthCheckResponse(status=each) for name, each in self._statuses.items()})

    async def Watch(  # noqa: N802
        self, request: HealthCheckRequest | Unread | None, context: Context
    ) -> AsyncGenerator[HealthCheckResponse, None]:
        """How the service is now, and whenever that has changed; SERVICE_UNKNOWN where none has that name."""
        name, told = (await message_or_abort(request, context)).service, None
        while True:
            changed, is_last = self._changed, self._is_leaving
            status = self._statuses.get(name, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != told:
                told = status
                yield HealthCheckResponse(status=status)
            if is_last:
                return
            await changed.wait()

    def _put(self, statuses: Mapping[str, int]) -> None:
        self._statuses |= statuses
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
