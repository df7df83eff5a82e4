"""Finds out who makes a call, by the one credential that it presents."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from typing import Final, TypeVar

from grpc.aio import ServicerContext

from service.asking import Call
from service.deadline import end_in
from service.doors.beside import look_again
from service.doors.grpc.mutual_tls import peer_certificate
from service.identity import Origin
from service.model import Caller
from service.reception.peers import Peers
from service.reception.rates import leaving
from service.reception.reception import Arrival, Reception
from service.reception.tracing import HEADER, STATE, TRACE_ID, trace_id_of

Request = TypeVar("Request")
Response = TypeVar("Response")

RPC: Final[ContextVar[str]] = ContextVar("rpc")
"""Which RPC this task answers, as `Service.Rpc`; `rim.answering` says it."""


@dataclass(frozen=True, slots=True)
class Callers:
    """How a door finds out who calls. Connections are looked at only where some are made by certificate."""

    reception: Reception
    peers: Peers
    has_certificates: bool = False
    most_seconds: float = inf
    """How long a question may wait, whatever its caller says."""

    def call(self, context: ServicerContext[Request, Response], weight: int = 1) -> Call:
        """The call, for whom it is to be asked; it counts for so much of the caller's rate."""
        return Call(self._arrival(context, weight), context.time_remaining, self.most_seconds)

    async def admitted(self, context: ServicerContext[Request, Response], weight: int = 1) -> Caller:
        """The caller, who has a place until the call ends; errors as `Reception.admit`."""
        end_in(context.time_remaining())
        look_again(lambda: self.verified(context))
        caller, rates = await self.reception.admit(self._arrival(context, weight)), self.reception.rates
        place = None if rates is None else rates.enter(caller)
        task = asyncio.current_task()  # which lasts as long as the call
        if place is not None and rates is not None and task is not None:
            task.add_done_callback(leaving(rates, place))
        return caller

    async def verified(self, context: ServicerContext[Request, Response]) -> Caller:
        """The caller of a call that was admitted, looked at again; errors as `Reception.verify`."""
        return await self.reception.verify(self._arrival(context, 0))

    def _arrival(self, context: ServicerContext[Request, Response], weight: int) -> Arrival:
        credentials: list[str | bytes] = []
        traces: list[str | bytes] = []
        states: list[str | bytes] = []
        forwarded: list[str] = []
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                credentials.append(value)
            elif key == HEADER:
                traces.append(value)
            elif key == STATE:
                states.append(value)
            elif key == "x-forwarded-for" and isinstance(value, str):
                forwarded.append(value)
        peer = context.peer()
        trace_id = trace_id_of(traces)
        if trace_id:
            TRACE_ID.set(trace_id)
        origin = Origin(self.peers.address(peer, forwarded), trace_id)
        certificate = peer_certificate(context) if self.has_certificates else None
        return Arrival(
            RPC.get(),
            lambda: self.peers.who(peer, forwarded),
            credentials,
            weight,
            certificate,
            origin,
            traces,
            states,
        )
