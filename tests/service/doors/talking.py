"""Conversations of a plain client with the gRPC door, over a real channel."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc

from service.asking import Asking, nothing_at_hand
from service.config import Limits
from service.doors.grpc.authorization import AuthorizationServicer
from service.doors.grpc.server import AUTHORIZATION, GrpcDoor
from service.model import Batch, Consistency, Known
from service.pdp import DecisionPoint
from service.rate_settings import RatesSettings
from tests.service.doors.receiving import FREELY, Named, callers

Asked = TypeVar("Asked")

NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
"""A channel that takes no more than 64 KiB that nobody has read."""
LIMITS = Limits(batch_checks=3, attributes=4, parents=4, message_bytes=4096)


async def let_in(_: object) -> None:
    """Whoever calls."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Opens the door for each conversation, which runs in a thread beside the door's loop."""

    point: DecisionPoint
    rates: RatesSettings = FREELY
    limits: Limits = LIMITS
    has_facts_at_hand: bool = False
    through: Callable[[AuthorizationServicer], object] = lambda servicer: servicer
    """What stands before the service at the door."""
    options: tuple[tuple[str, int], ...] = ()
    """How the client's channel is."""

    def __call__(self, conversation: Callable[[grpc.Channel], Asked]) -> Asked:
        """What comes of the conversation."""
        return asyncio.run(self._serve(conversation))

    async def _serve(self, conversation: Callable[[grpc.Channel], Asked]) -> Asked:
        received = callers(Named(self.point.verify), rates=self.rates)
        at_hand = self.point.fetch if self.has_facts_at_hand else nothing_at_hand
        asking = Asking(received.reception, self.point, fetch=self._fetch, reach=_reach, at_hand=at_hand)
        servicer = AuthorizationServicer(received, asking, self.limits, ended=asyncio.Event().wait)
        door = GrpcDoor([(AUTHORIZATION, self.through(servicer))], self.limits, verify=received.verified)
        port = await door.open("127.0.0.1:0")
        try:
            return await asyncio.to_thread(self._converse, port, conversation)
        finally:
            await door.close(1)

    async def _fetch(self, batch: Batch, _: Consistency, timeout_ms: int | None) -> Known:
        return self.point.fetch(batch, timeout_ms)

    def _converse(self, port: int, conversation: Callable[[grpc.Channel], Asked]) -> Asked:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=self.options) as channel:
            return conversation(channel)


async def _reach(consistency: Consistency, _: int | None) -> Consistency:
    return consistency


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The call metadata that presents the token."""
    return (("authorization", f"Bearer {token}"),)
