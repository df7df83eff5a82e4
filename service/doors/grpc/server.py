"""The gRPC server: the door's services, health and reflection, on a port that workers share."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from magistrate.v1 import authorization_pb2, credential_pb2, decision_log_pb2, entity_pb2, policy_pb2

from service.config import Limits
from service.doors.grpc.health import HEALTH, HealthServicer
from service.doors.grpc.newcomers import Known, Newcomers, Verify, meet_anybody, unread_many, unread_one
from service.doors.grpc.reflection import REFLECTION, ReflectionServicer
from service.doors.grpc.rim import Oversized

AUTHORIZATION: Final = authorization_pb2.DESCRIPTOR.services_by_name["AuthorizationService"]
CREDENTIAL: Final = credential_pb2.DESCRIPTOR.services_by_name["CredentialService"]
DECISION_LOG: Final = decision_log_pb2.DESCRIPTOR.services_by_name["DecisionLogService"]
ENTITY: Final = entity_pb2.DESCRIPTOR.services_by_name["EntityService"]
POLICY: Final = policy_pb2.DESCRIPTOR.services_by_name["PolicyService"]
RPCS: Final = frozenset(
    f"{service.name}.{method.name}"
    for service in (AUTHORIZATION, CREDENTIAL, DECISION_LOG, ENTITY, POLICY)
    for method in service.methods
)
"""Every RPC of the contract, as `Service.Rpc`."""
SERVICE: Final = AUTHORIZATION.full_name
"""`magistrate.v1.AuthorizationService`."""

Served = tuple[ServiceDescriptor, object]
"""A service of the contract and what answers its RPCs, each a method of the RPC's name."""


class Secured(NamedTuple):
    """Where a door listens for client certificates, and by which TLS."""

    address: str
    credentials: grpc.ServerCredentials


METADATA_BYTES: Final = 8192
"""Room for a call's metadata beside its token."""
HANDSHAKE_MS: Final = 10_000
"""How long a connection has to come to be; gRPC would hold a silent one for two minutes."""
CONNECTION_GRACE_MS: Final = 30_000
"""How long calls in flight have when their connection has come of age."""


class GrpcDoor:
    """One worker's gRPC server. Open it in a running event loop, close it before the loop ends."""

    def __init__(
        self, served: Sequence[Served], limits: Limits, *, verify: Verify, max_connection_age: float = 300.0
    ) -> None:
        """`verify` is whom those are brought to who did not call lately, before their messages are read."""
        logging.getLogger("grpc._cython.cygrpc").addFilter(_is_fault)
        self._server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 1),
                *_bounds(limits),
                # The core spreads it by a tenth, so that connections do not all end at once.
                ("grpc.max_connection_age_ms", int(max_connection_age * 1000)),
                ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_MS),
            ]
        )
        lenient, known = _lenient(limits.message_bytes), Known(verify)
        self._health = HealthServicer(SERVICE)
        names = (*(service.full_name for service, _ in served), HEALTH.full_name, REFLECTION.full_name)
        # Not by the generated registration: gRPC waits anew for each method that is registered with every call.
        standard: tuple[Served, ...] = ((HEALTH, self._health), (REFLECTION, ReflectionServicer(names)))
        unread = {
            path: handler
            for meet, services in ((known.meet, served), (meet_anybody, standard))
            for service, servicer in services
            for path, handler in _unread_of(service, servicer, lenient, meet).items()
        }
        self._server.add_generic_rpc_handlers(
            (
                Newcomers(known, unread),
                *(_handler_of(service, servicer, lenient) for service, servicer in (*served, *standard)),
            )
        )

    async def open(
        self, address: str, credentials: grpc.ServerCredentials | None = None, *, secured: Secured | None = None
    ) -> int:
        """Listens there, in plain text without credentials, and at `secured` for client certificates too.

        Returns the first port.
        """
        if credentials is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, credentials)
        if secured is not None:
            self._server.add_secure_port(secured.address, secured.credentials)
        await self._server.start()
        return port

    def say(self, *, is_serving: bool) -> None:
        """Answers health checks so from here on, and SERVING before; closing has the last word."""
        self._health.say(is_serving=is_serving)

    async def close(self, grace: float) -> None:
        """Says NOT_SERVING, lets the calls in flight finish for `grace` seconds, then ends."""
        self._health.leave()
        await self._server.stop(grace)


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a line of gRPC's belongs into the log.

    Of each caller who goes away before all is sent gRPC writes a stack trace: any stranger could fill the log so.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], grpc.aio.InternalError))


def _bounds(limits: Limits) -> tuple[tuple[str, int], ...]:
    """What gRPC's core itself refuses, before a call costs this process anything (runtime.md, Overload)."""
    return (
        # What is longer than the limit is read, and told so; what is twice as long is not.
        ("grpc.max_receive_message_length", 2 * limits.message_bytes),
        # Between its two limits gRPC would refuse by chance: a token that is good has room beside other metadata.
        ("grpc.max_metadata_size", limits.token_bytes + METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", limits.token_bytes + METADATA_BYTES),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
        ("grpc.max_concurrent_streams", limits.concurrent_streams),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        # Between the two limits it would refuse by chance: both are the same. They count those before the call.
        ("grpc.server.max_pending_requests", limits.pending_requests - 1),
        ("grpc.server.max_pending_requests_hard_limit", limits.pending_requests - 1),
    )


def _handler_of(service: ServiceDescriptor, servicer: object, reading: "Reading") -> grpc.GenericRpcHandler:
    """The service's RPCs, their messages read so."""
    handlers = {
        method.name: _HANDLERS[method.client_streaming, method.server_streaming](
            getattr(servicer, method.name),
            request_deserializer=reading(GetMessageClass(method.input_type).FromString),
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        for method in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _unread_of(
    service: ServiceDescriptor, servicer: object, reading: "Reading", meet: Verify
) -> dict[str, "grpc.RpcMethodHandler[Message, Message]"]:
    """The service's RPCs of one message, by their paths, which is read by them."""
    return {
        f"/{service.full_name}/{method.name}": _HANDLERS[True, method.server_streaming](
            (unread_many if method.server_streaming else unread_one)(meet, getattr(servicer, method.name)),
            request_deserializer=reading(GetMessageClass(method.input_type).FromString),
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        for method in service.methods
        if not method.client_streaming
    }


_HANDLERS: Final[Mapping[tuple[bool, bool], Callable[..., "grpc.RpcMethodHandler[Message, Message]"]]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
"""By whether the caller, and the service, sends many messages."""

Reading = Callable[[Callable[[bytes], Message]], Callable[[bytes], Message | Oversized | None]]
"""Makes how a message is read from its class's own way."""


def _lenient(most: int) -> "Reading":
    """Bytes that are no message reach the RPC, as None, and those of more than so many as `Oversized`.

    gRPC's own answer to the first would be UNKNOWN and a stack trace in the log, which any stranger could fill; to the
    second it would name no limit.
    """

    def lenient(read: Callable[[bytes], Message]) -> Callable[[bytes], Message | Oversized | None]:
        def read_or_none(payload: bytes) -> Message | Oversized | None:
            if len(payload) > most:
                return Oversized(most, len(payload))
            try:
                return read(payload)
            except DecodeError:
                return None

        return read_or_none

    return lenient
