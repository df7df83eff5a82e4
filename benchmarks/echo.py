"""The bare `grpc.aio` echo beside which the service is measured: the same messages, filled anew, and nothing else."""

import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop
from magistrate.v1.authorization_pb2 import (
    EFFECT_ALLOW,
    BatchCheckRequest,
    BatchCheckResponse,
    BatchCheckResult,
    CheckRequest,
    CheckResponse,
    CheckStreamResponse,
    Reason,
)
from uuid_utils import uuid7


def answer_of(request: CheckRequest) -> CheckResponse:
    """An answer of usual size, filled anew."""
    response = CheckResponse(
        request_id=request.request_id,
        decision_id=str(uuid7()),
        effect=EFFECT_ALLOW,
        code="ALLOWED",
        reasons=[
            Reason(
                rule_id="docs.by_role",
                location="documents.policy:20",
                text=f"a role in the tenant grants {request.action} on {request.resource.type}",
            )
        ],
        policy_digest="sha256:" + "0" * 64,
        revision="0" * 16 + ".11680",
    )
    response.decided_at.FromMilliseconds(time.time_ns() // 1_000_000)
    return response


async def _check(request: CheckRequest, _: "grpc.aio.ServicerContext[CheckRequest, CheckResponse]") -> CheckResponse:
    return answer_of(request)


async def _batch_check(
    request: BatchCheckRequest, _: "grpc.aio.ServicerContext[BatchCheckRequest, BatchCheckResponse]"
) -> BatchCheckResponse:
    return BatchCheckResponse(
        request_id=request.request_id, results=[BatchCheckResult(response=answer_of(each)) for each in request.checks]
    )


async def _check_stream(
    requests: AsyncIterator[CheckRequest], _: "grpc.aio.ServicerContext[CheckRequest, CheckStreamResponse]"
) -> AsyncIterator[CheckStreamResponse]:
    async for request in requests:
        yield CheckStreamResponse(request_id=request.request_id, response=answer_of(request))


async def _serve() -> None:
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Check": grpc.unary_unary_rpc_method_handler(
            _check, request_deserializer=CheckRequest.FromString, response_serializer=CheckResponse.SerializeToString
        ),
        "BatchCheck": grpc.unary_unary_rpc_method_handler(
            _batch_check,
            request_deserializer=BatchCheckRequest.FromString,
            response_serializer=BatchCheckResponse.SerializeToString,
        ),
        "CheckStream": grpc.stream_stream_rpc_method_handler(
            _check_stream,
            request_deserializer=CheckRequest.FromString,
            response_serializer=CheckStreamResponse.SerializeToString,
        ),
    }
    service = "magistrate.v1.AuthorizationService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve())
