"""The gRPC server: the door's services, health and reflection, on a port that workers share."""

from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from magistrate.v1 import authorization_pb2, authorization_pb2_grpc

from service.config import Limits
from service.doors.grpc.authorization import AuthorizationServicer

SERVICE: Final = authorization_pb2.DESCRIPTOR.services_by_name["AuthorizationService"].full_name
"""`magistrate.v1.AuthorizationService`."""


class GrpcDoor:
    """One worker's gRPC server. Open it in a running event loop, close it before the loop ends."""

    def __init__(self, servicer: AuthorizationServicer, limits: Limits) -> None:
        self._server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 1),
                ("grpc.max_receive_message_length", limits.message_bytes),
            ]
        )
        self._health = health.aio.HealthServicer()
        authorization_pb2_grpc.add_AuthorizationServiceServicer_to_server(servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def open(self, address: str) -> int:
        """Listens there and says SERVING; returns the port."""
        port = self._server.add_insecure_port(address)
        await self._server.start()
        await self._health.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def close(self, grace: float) -> None:
        """Says NOT_SERVING, lets the calls in flight finish for `grace` seconds, then ends."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
