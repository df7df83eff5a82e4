"""What is no check has places beside the loop: who waits for one is looked at again, what a call leaves is cleared."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from magistrate.v1.credential_pb2 import CreateApiKeyRequest
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub

from service.doors.beside import PLACES, beside, cleared, look_again
from service.errors import Unauthenticated
from tests.service.doors.desk import Desk
from tests.service.doors.ending import Ending
from tests.service.doors.talking import bearer

SECONDS = 5


@asynccontextmanager
async def full() -> AsyncIterator[threading.Event]:
    """No place is free until the event is set."""
    go_on = threading.Event()
    busy = [asyncio.create_task(beside(go_on.wait, SECONDS)) for _ in range(PLACES)]
    await asyncio.sleep(0)
    yield go_on
    assert await asyncio.gather(*busy) == [True] * PLACES


def test_who_is_revoked_while_he_waits_for_a_place_makes_no_key(desk: Desk) -> None:
    async def run() -> grpc.StatusCode:
        ending = Ending()
        async with desk.opened(ending.caller) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            async with full() as go_on:
                late = CredentialServiceStub(channel).CreateApiKey(
                    CreateApiKeyRequest(name="late"), metadata=bearer("late")
                )
                await asyncio.wait_for(ending.is_waiting.wait(), SECONDS)
                ending.ended.add("late")
                go_on.set()
            return await late.code()

    assert asyncio.run(run()) is grpc.StatusCode.UNAUTHENTICATED
    assert desk.keys.page(None, 1) == []


def test_a_place_is_given_back_where_its_caller_is_not_let_in_any_more() -> None:
    async def refused() -> None:
        raise Unauthenticated("the token is revoked")

    async def run() -> None:
        async with full() as go_on:
            look_again(refused)
            late = [asyncio.create_task(beside(pytest.fail)) for _ in range(PLACES)]
            left = asyncio.create_task(cleared(lambda: None))
            await asyncio.sleep(0)
            go_on.set()
            for each in late:
                with pytest.raises(Unauthenticated):
                    await each
            await asyncio.wait_for(left, SECONDS)

    asyncio.run(run())
