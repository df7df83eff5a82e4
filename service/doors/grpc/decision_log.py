"""DecisionLogService: reads the message, has the log read in a thread, writes the answer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

from grpc.aio import ServicerContext
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1 import decision_log_pb2_grpc as pb_grpc

from service.decisions.log_filter import LogFilter
from service.decisions.office import LogOffice
from service.decisions.replay_office import ReplayOffice
from service.decisions.tailing import Followed, Positions
from service.decisions.verify_office import VerifyOffice
from service.doors.grpc.caller import Callers
from service.doors.grpc.decision_log_codec import (
    read_filter,
    read_page,
    read_positions,
    read_wanted,
    write_followed,
    write_page,
    write_policies,
    write_record,
    write_stats,
)
from service.doors.grpc.replay_codec import read_replay, write_replayed
from service.doors.grpc.rim import answering, streaming
from service.doors.grpc.turns import Turns, no_place, seconds_left
from service.doors.grpc.verify_codec import write_verified
from service.errors import LogUnavailable, RateLimited
from service.log_reading_settings import LogReadingSettings
from service.model import Caller

LONGEST_SECONDS: Final = 60.0
"""How long a read of the log may take, whatever its deadline."""
LONGEST_REPLAY_SECONDS: Final = 600.0
"""How long a replay may take, whatever its deadline."""
REPLAYS_AT_ONCE: Final = 2
"""Replays that a worker waits for at a time; the background process does one after the other."""
REPLAYS_WAITING: Final = 4
"""Replays that may wait for their turn beside them."""
STEP_SECONDS: Final = 5.0
"""How long a step of a tail may take."""
LOOK_SECONDS: Final = 0.25
"""Between looks for what was shipped."""
CHECK_SECONDS: Final = 1.0
"""How often it is looked at whether the caller of a tail may still read (identity.md)."""
TOKEN_SECONDS: Final = 10.0
"""How often a tail that finds nothing says how far it is."""

Request = TypeVar("Request")
Response = TypeVar("Response")


class DecisionLogServicer(pb_grpc.DecisionLogServiceServicer):
    """The RPCs. They wait for a database of their own, so none runs on the loop, and only a few at a time.

    `ended` returns when tails are to come to their end.
    """

    def __init__(
        self,
        callers: Callers,
        office: LogOffice,
        replays: ReplayOffice,
        *,
        verifications: VerifyOffice,
        settings: LogReadingSettings,
        ended: Callable[[], Awaitable[object]],
    ) -> None:
        self._callers = callers
        self._office = office
        self._replays = replays
        self._verifications = verifications
        self._ended = ended
        self._most_tails = settings.tails
        self._tails = 0
        self._turns = Turns(callers, at_once=settings.connections, waiting=settings.waiting, refusal=_refusal)
        self._replay_turns = Turns(callers, at_once=REPLAYS_AT_ONCE, waiting=REPLAYS_WAITING, refusal=_replay_refusal)

    @answering
    async def Query(  # noqa: N802
        self, request: pb.QueryRequest, context: ServicerContext[pb.QueryRequest, pb.QueryResponse]
    ) -> pb.QueryResponse:
        """Finds records."""
        caller, wanted, within = await self._callers.admitted(context), read_filter(request.filter), _within(context)
        page = read_page(request, wanted)
        # Written in the thread too: a thousand records would hold up the loop for longer than checks may wait.
        return await self._turns.take(
            context, lambda: write_page(self._office.query(caller, wanted, page, within), wanted)
        )

    @answering
    async def Get(  # noqa: N802
        self, request: pb.GetRecordRequest, context: ServicerContext[pb.GetRecordRequest, pb.GetRecordResponse]
    ) -> pb.GetRecordResponse:
        """Gets one record."""
        caller, id_, within = await self._callers.admitted(context), request.decision_id, _within(context)
        if not request.with_policies:
            record = await self._turns.take(context, lambda: self._office.get(caller, id_, within))
            return pb.GetRecordResponse(record=write_record(record))
        record, texts = await self._turns.take(context, lambda: self._office.get_with_policies(caller, id_, within))
        return pb.GetRecordResponse(record=write_record(record), policies=write_policies(texts))

    @streaming
    async def Tail(  # noqa: N802
        self, request: pb.TailRequest, context: ServicerContext[pb.TailRequest, pb.TailResponse]
    ) -> AsyncGenerator[pb.TailResponse, None]:
        """Tells records as they are shipped."""
        caller, wanted, within = await self._callers.admitted(context), read_filter(request.filter), _within(context)
        with self._one_more():
            if request.resume_token:
                positions = read_positions(request.resume_token, wanted)
                begin = partial(self._office.resume_tail, caller, wanted, positions)
            else:
                begin = partial(self._office.begin_tail, caller, wanted, request.last, within)
            at, messages = await self._turns.take(context, partial(_told_of, begin, wanted))
            for message in messages:
                yield message
            async for message in self._followed(caller, wanted, at, context):
                yield message

    @answering
    async def Stats(  # noqa: N802
        self, request: pb.StatsRequest, context: ServicerContext[pb.StatsRequest, pb.StatsResponse]
    ) -> pb.StatsResponse:
        """Counts records."""
        caller, wanted, within = await self._callers.admitted(context), read_wanted(request), _within(context)
        return write_stats(await self._turns.take(context, lambda: self._office.stats(caller, wanted, within)))

    @answering
    async def Replay(  # noqa: N802
        self, request: pb.ReplayRequest, context: ServicerContext[pb.ReplayRequest, pb.ReplayResponse]
    ) -> pb.ReplayResponse:
        """Decides records again."""
        caller, wanted, digest = await self._callers.admitted(context), read_replay(request), request.digest
        within = seconds_left(context, LONGEST_REPLAY_SECONDS)
        replay = partial(self._replays.replay, caller, wanted, digest, within)
        return write_replayed(await self._replay_turns.take(context, replay))

    @answering
    async def Verify(  # noqa: N802
        self, request: pb.VerifyRequest, context: ServicerContext[pb.VerifyRequest, pb.VerifyResponse]
    ) -> pb.VerifyResponse:
        """Verifies the log."""
        caller, keys = await self._callers.admitted(context), list(request.public_keys)
        within = seconds_left(context, LONGEST_REPLAY_SECONDS)
        verify = partial(self._verifications.verify, caller, keys, within)
        return write_verified(await self._replay_turns.take(context, verify))

    async def _followed(
        self, caller: Caller, wanted: LogFilter, at: Followed, context: ServicerContext[Request, Response]
    ) -> AsyncGenerator[pb.TailResponse, None]:
        """What comes after, until the service ends; the next step is taken when the last has been sent."""
        loop = asyncio.get_running_loop()
        ending = asyncio.ensure_future(self._ended())
        told, checked = loop.time(), loop.time()
        try:
            while not ending.done():
                if loop.time() - checked >= CHECK_SECONDS:
                    await self._turns.take(context, partial(self._office.check_tail, caller, wanted))
                    checked = loop.time()
                follow = partial(self._office.follow, wanted, at.positions, STEP_SECONDS)
                at, messages = await self._turns.take(context, partial(_told_of, follow, wanted, at.positions))
                if at.records or loop.time() - told >= TOKEN_SECONDS:
                    for message in messages:
                        yield message
                    told = loop.time()
                if not at.has_more:
                    await asyncio.wait([ending], timeout=LOOK_SECONDS)
        finally:
            ending.cancel()

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        if self._tails >= self._most_tails:
            raise RateLimited(
                f"over the limit `log_reading.tails`: {self._most_tails} are followed already",
                1000,
                limit="log_reading.tails",
            )
        self._tails += 1
        try:
            yield
        finally:
            self._tails -= 1


def _told_of(
    find: Callable[[], Followed], wanted: LogFilter, before: Positions | None = None
) -> tuple[Followed, list[pb.TailResponse]]:
    """What a tail finds, and the messages that tell it, written where it is found: not by the loop."""
    found = find()
    return found, write_followed(found, wanted, found.positions if before is None else before)


def _refusal() -> LogUnavailable:
    return LogUnavailable("too many reads of the log are under way")


def _replay_refusal() -> RateLimited:
    return no_place("log_replays", REPLAYS_AT_ONCE + REPLAYS_WAITING)


def _within(context: ServicerContext[Request, Response]) -> float:
    return seconds_left(context, LONGEST_SECONDS)
