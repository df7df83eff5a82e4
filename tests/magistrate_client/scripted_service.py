"""The other side: a real gRPC service that answers by a script and keeps what it was asked."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc import aio
from magistrate.v1.authorization_pb2 import (
    EFFECT_ALLOW,
    BatchCheckRequest,
    CheckRequest,
    CheckResponse,
    ExplainRequest,
)

MOMENT = timestamp_pb2.Timestamp(seconds=1_767_607_200)
ALLOW = CheckResponse(effect=EFFECT_ALLOW, code="ALLOWED", decision_id="d-1", decided_at=MOMENT)


@dataclass(frozen=True)
class Refusal:
    """A step of a script that ends the call with a status and its details."""

    code: grpc.StatusCode
    message: str = "no"
    details: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Silence:
    """A step of a script that never answers."""


Step = Message | Refusal | Silence | bytes
"""What a call gets: a message, a refusal, nothing, or bytes as they are."""
Request = CheckRequest | BatchCheckRequest | ExplainRequest
Context = aio.ServicerContext[Request, bytes]


@dataclass
class ScriptedService:
    """Gives each call the next step of the script; the last step is given for ever."""

    script: deque[Step] = field(default_factory=lambda: deque([ALLOW]))
    requests: list[Request] = field(default_factory=list)
    credentials: list[str | bytes | None] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    target: str = ""

    def will(self, *steps: Step) -> None:
        """Sets the script."""
        self.script = deque(steps)

    @property
    def checks(self) -> list[CheckRequest]:
        """The questions of Check that came."""
        return [request for request in self.requests if isinstance(request, CheckRequest)]

    @property
    def batches(self) -> list[BatchCheckRequest]:
        """The questions of BatchCheck that came."""
        return [request for request in self.requests if isinstance(request, BatchCheckRequest)]

    async def answer(self, request: Request, context: Context) -> bytes:
        """The next step, as gRPC carries it."""
        self.requests.append(request)
        self.peers.add(context.peer())
        self.credentials.append(dict(context.invocation_metadata() or ()).get("authorization"))
        self.was_asked.set()
        step = self.script.popleft() if len(self.script) > 1 else self.script[0]
        if isinstance(step, Refusal):
            await context.abort(step.code, step.message, _trailing(step))
        if isinstance(step, Silence):
            await asyncio.Event().wait()
            raise AssertionError
        return step if isinstance(step, bytes) else step.SerializeToString()


def _trailing(refusal: Refusal) -> tuple[tuple[str, bytes], ...]:
    if not refusal.details:
        return ()
    return (("grpc-status-details-bin", packed(refusal).SerializeToString()),)


def packed(refusal: Refusal) -> status_pb2.Status:
    """The refusal as google.rpc carries it."""
    details = []
    for message in refusal.details:
        detail = any_pb2.Any()
        detail.Pack(message)
        details.append(detail)
    return status_pb2.Status(code=refusal.code.value[0], message=refusal.message, details=details)


@asynccontextmanager
async def serving(
    target: str = "127.0.0.1:0", credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[ScriptedService]:
    """A scripted service at the target, on a free port if it is not said; with TLS if there are credentials."""
    service = ScriptedService()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Check": grpc.unary_unary_rpc_method_handler(service.answer, CheckRequest.FromString),
        "BatchCheck": grpc.unary_unary_rpc_method_handler(service.answer, BatchCheckRequest.FromString),
        "Explain": grpc.unary_unary_rpc_method_handler(service.answer, ExplainRequest.FromString),
    }
    server = aio.server()
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("magistrate.v1.AuthorizationService", handlers)]
    )
    port = server.add_secure_port(target, credentials) if credentials else server.add_insecure_port(target)
    service.target = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield service
    finally:
        await server.stop(None)
