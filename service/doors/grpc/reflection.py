"""gRPC's reflection: what the contract is, told to anybody; bytes that are no question end the call and no more."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import Final, cast

from google.protobuf.descriptor_pool import Default
from grpc import StatusCode
from grpc.aio import ServicerContext
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from service.doors.grpc.rim import message_or_abort

REFLECTION: Final = Default().FindServiceByName(reflection.SERVICE_NAME)
"""The service of the protocol."""
AT_ONCE: Final = 16
"""Calls under way: what strangers begin to ask, and never end, takes memory."""

Context = ServicerContext[ServerReflectionRequest, ServerReflectionResponse]


class ReflectionServicer:
    """gRPC's own, over the services of these names, and shown nothing but its messages."""

    def __init__(self, services: Iterable[str]) -> None:
        self._own = reflection.aio.ReflectionServicer(services)
        self._under_way = 0

    async def ServerReflectionInfo(  # noqa: N802
        self, requests: AsyncIterator[ServerReflectionRequest | None], context: Context
    ) -> AsyncGenerator[ServerReflectionResponse, None]:
        """Answers each question, until one is none; RESOURCE_EXHAUSTED where too many ask."""
        if self._under_way >= AT_ONCE:
            await context.abort(StatusCode.RESOURCE_EXHAUSTED, f"{AT_ONCE} ask for the contract already")
        self._under_way += 1
        try:
            async for answer in self._answers(requests, context):
                yield answer
        finally:
            self._under_way -= 1

    async def _answers(
        self, requests: AsyncIterator[ServerReflectionRequest | None], context: Context
    ) -> AsyncGenerator[ServerReflectionResponse, None]:
        questions = (await message_or_abort(request, context) async for request in requests)
        # Its stub takes it for a coroutine.
        answers = cast(AsyncIterable[ServerReflectionResponse], self._own.ServerReflectionInfo(questions, context))
        async for answer in answers:
            yield answer
