"""gRPC's reflection: what the contract is, told to anybody; bytes that are no question end the call and no more."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import Final, cast

from google.protobuf.descriptor_pool import Default
from grpc.aio import ServicerContext
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from service.doors.grpc.rim import message_or_abort

REFLECTION: Final = Default().FindServiceByName(reflection.SERVICE_NAME)
"""The service of the protocol."""

Context = ServicerContext[ServerReflectionRequest, ServerReflectionResponse]


class ReflectionServicer:
    """gRPC's own, over the services of these names, and shown nothing but its messages."""

    def __init__(self, services: Iterable[str]) -> None:
        self._own = reflection.aio.ReflectionServicer(services)

    async def ServerReflectionInfo(  # noqa: N802
        self, requests: AsyncIterator[ServerReflectionRequest | None], context: Context
    ) -> AsyncGenerator[ServerReflectionResponse, None]:
        """Answers each question, until one is none."""
        questions = (await message_or_abort(request, context) async for request in requests)
        # Its stub takes it for a coroutine.
        answers = cast(AsyncIterable[ServerReflectionResponse], self._own.ServerReflectionInfo(questions, context))
        async for answer in answers:
            yield answer
