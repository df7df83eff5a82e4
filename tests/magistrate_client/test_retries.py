"""When a question is asked again, and when not; by the decision itself and through both clients."""

import asyncio
import threading
from time import monotonic

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

import magistrate_client as mc
from magistrate_client.retries import Tries
from magistrate_client.statuses import ERRORS
from tests.magistrate_client.scripted_service import ALLOW, Refusal, Silence, serving
from tests.magistrate_client.shells import Shell, asking, both_shells, on_a_loop

NEVER_REPEATED = [
    code
    for code in grpc.StatusCode
    if code not in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
]


def _retry_info(seconds: float) -> tuple[Message, ...]:
    delay = Duration()
    delay.FromNanoseconds(int(seconds * 1e9))
    return (error_details_pb2.RetryInfo(retry_delay=delay),)


@both_shells
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED], ids=lambda code: code.name)
@on_a_loop
async def test_what_passes_is_asked_again_under_the_same_id(shell: Shell, code: grpc.StatusCode) -> None:
    async with asking(shell) as (service, client):
        service.will(Refusal(code), Refusal(code), ALLOW)
        decision = await client.check("read", "Document:d1")
    assert decision
    assert [request.request_id for request in service.checks] == [decision.request_id] * 3


@both_shells
@pytest.mark.parametrize("code", NEVER_REPEATED, ids=lambda code: code.name)
@on_a_loop
async def test_what_does_not_pass_is_asked_once(shell: Shell, code: grpc.StatusCode) -> None:
    async with asking(shell) as (service, client):
        service.will(Refusal(code), ALLOW)
        with pytest.raises(mc.MagistrateError):
            await client.check("read", "Document:d1")
    assert len(service.requests) == 1


@both_shells
@on_a_loop
async def test_no_try_is_made_past_the_deadline(shell: Shell) -> None:
    async with asking(shell, retry=mc.RetryPolicy(tries=1000, first_wait=0.01, longest_wait=0.02)) as (service, client):
        await client.check("read", "Document:d1")
        service.will(Refusal(grpc.StatusCode.UNAVAILABLE, "still down"))
        with pytest.raises(mc.Unavailable):
            await client.check("read", "Document:d1", timeout=0.5)
    # Each wait is at least half of the shortest, so more tries than this cannot fit.
    assert 2 < len(service.requests) < 102


@both_shells
@on_a_loop
async def test_silence_ends_with_the_deadline(shell: Shell) -> None:
    async with asking(shell, channels=1) as (service, client):
        await client.check("read", "Document:d1")
        service.will(Silence())
        with pytest.raises(mc.DeadlineExceeded):
            await client.check("read", "Document:d1", timeout=0.3)
    assert len(service.requests) == 2


@both_shells
@on_a_loop
async def test_a_delay_that_the_service_asks_for_is_kept(shell: Shell) -> None:
    async with asking(shell, retry=mc.RetryPolicy(first_wait=0)) as (service, client):
        service.will(Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "slower", _retry_info(0.1)), ALLOW)
        began = monotonic()
        assert await client.check("read", "Document:d1")
        assert monotonic() - began >= 0.1


@both_shells
@on_a_loop
async def test_a_delay_past_the_deadline_is_an_error_at_once(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        service.will(Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "slower", _retry_info(3600)), ALLOW)
        with pytest.raises(mc.LimitReached) as caught:
            await client.check("read", "Document:d1")
    assert caught.value.retry_after == 3600
    assert len(service.requests) == 1


@both_shells
@on_a_loop
async def test_a_service_that_comes_back_within_the_deadline_is_found(shell: Shell) -> None:
    async with serving() as service:
        target = service.target
    client = shell(target, timeout=10, retry=mc.RetryPolicy(tries=1000))
    asked = asyncio.create_task(client.check("read", "Document:d1"))
    async with serving(target) as service:
        assert await asked
    await client.close()


@on_a_loop
async def test_a_cancelled_task_is_cancelled_and_not_asked_again() -> None:
    async with serving() as service, mc.AsyncMagistrate(service.target) as client:
        service.will(Silence())
        task = asyncio.create_task(client.check("read", "Document:d1"))
        await service.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(service.requests) == 1


@both_shells
@on_a_loop
async def test_closing_ends_what_is_under_way_with_an_error(shell: Shell) -> None:
    async with asking(shell, timeout=30) as (service, client):
        service.will(Silence())
        task = asyncio.create_task(client.check("read", "Document:d1"))
        await service.was_asked.wait()
        await client.close()
        with pytest.raises(mc.Unavailable) as under_way:
            await task
        with pytest.raises(mc.Unavailable) as afterwards:
            await client.check("read", "Document:d1")
    assert (under_way.value.reason, afterwards.value.reason) == ("CLIENT_CLOSED", "CLIENT_CLOSED")
    assert len(service.requests) == 1


@on_a_loop
async def test_one_threaded_client_serves_many_threads() -> None:
    async with serving() as service:
        answers: list[bool] = []

        def ask_often(client: mc.Magistrate) -> None:
            answers.extend(bool(client.check("read", f"Document:{number}")) for number in range(25))

        with mc.Magistrate(service.target) as client:
            threads = [threading.Thread(target=ask_often, args=(client,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                await asyncio.to_thread(thread.join)
    assert answers == [True] * 200
    assert len({request.request_id for request in service.checks}) == 200


CODES = st.sampled_from([code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
DELAYS = st.none() | st.floats(0, 1e12)


@given(CODES, DELAYS, st.floats(0.001, 100), st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_waits_of_a_question_end_before_its_deadline(
    code: grpc.StatusCode, delay: float | None, timeout: float, chances: list[float]
) -> None:
    now = 0.0
    left = iter(chances)
    tries = Tries(mc.RetryPolicy(tries=len(chances)), timeout, clock=lambda: now, chance=lambda: next(left))
    error = ERRORS.get(code, mc.ServiceFault)(code, "no", mc.ErrorDetails(retry_after=delay))
    try:
        while True:
            now += tries.wait_after(error)
            assert now < timeout
    except mc.MagistrateError as last:
        assert last is error


def test_waits_double_to_the_longest_and_are_cut_by_chance() -> None:
    policy = mc.RetryPolicy(tries=9, first_wait=0.02, longest_wait=0.1)
    error = mc.Unavailable(grpc.StatusCode.UNAVAILABLE, "no", mc.ErrorDetails())
    waits = [policy.wait_after(error, tried, 0.0) for tried in range(1, 10)]
    assert waits[:4] == [0.02, 0.04, 0.08, 0.1]
    assert waits[8] is None
    assert policy.wait_after(error, 1, 1.0) == 0.01


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("inf"), float("nan")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="expected a timeout"):
        Tries(mc.RetryPolicy(), timeout)
