"""A caller's rate at the gRPC door: checks, batches and messages of streams count, and the refusal names the limit."""

import asyncio
from dataclasses import replace

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import from_call
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2

from policy_lang.values import Ref
from service.asking import Asking, Call
from service.errors import RateLimited
from service.model import Answers, Batch, CheckRequest, Consistency, GivenEntity, Known, Latency
from service.rate_settings import RatesSettings
from service.reception.reception import Arrival
from tests.service.doors.receiving import Named, callers
from tests.service.doors.talking import Talk, bearer
from tests.service.point import CALLERS

RARELY = RatesSettings.model_validate({"default": {"per_minute": 1, "burst": 3}})
NAMED = "rates.default.per_minute"


def order(id_: str = "o1") -> pb.CheckRequest:
    return pb.CheckRequest(request_id=id_, action="read", resource=types_pb2.Entity(type="Order", id=id_))


def told(status: Status) -> tuple[int, str, bool]:
    """The code, the limit that is named, and whether it says when to come again."""
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return status.code, info.metadata["limit"], any(each.Unpack(RetryInfo()) for each in status.details)


def refusal(call: grpc.RpcError) -> tuple[int, str, bool]:
    assert isinstance(call, grpc.Call)
    status = from_call(call)
    assert status is not None
    return told(status)


EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


def test_a_batch_weighs_as_its_checks_and_another_caller_is_none_the_worse(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> tuple[tuple[int, str, bool], str]:
        stub = pb_grpc.AuthorizationServiceStub(channel)
        stub.BatchCheck(pb.BatchCheckRequest(checks=[order(), order()]), metadata=bearer("plain"))
        stub.Check(order(), metadata=bearer("plain"))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(order(), metadata=bearer("plain"))
        return refusal(caught.value), stub.Check(order(), metadata=bearer("blind")).code

    said, other = replace(talk, rates=RARELY)(ask)

    assert said == (EXHAUSTED, NAMED, True)
    assert other


def test_what_a_caller_has_done_counts_whatever_it_is_known_by(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> tuple[int, str, bool]:
        stub = pb_grpc.AuthorizationServiceStub(channel)
        for token in ("plain", "key", "plain"):  # both are alice
            stub.Check(order(), metadata=bearer(token))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(order(), metadata=bearer("key"))
        return refusal(caught.value)

    assert replace(talk, rates=RARELY)(ask) == (EXHAUSTED, NAMED, True)


def test_each_message_of_a_stream_counts_and_is_refused_alone(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> list[pb.CheckStreamResponse]:
        asked = iter([order(f"o{at}") for at in range(5)])
        return list(pb_grpc.AuthorizationServiceStub(channel).CheckStream(asked, metadata=bearer("plain"), timeout=20))

    answers = replace(talk, rates=RARELY)(ask)

    refused = [told(answer.error) for answer in answers if answer.HasField("error")]
    assert refused == [(EXHAUSTED, NAMED, True)] * 2
    assert len({answer.request_id for answer in answers}) == 5


def test_one_caller_cannot_have_all_that_is_under_way(talk: Talk) -> None:
    """While facts are waited for, who has all its places is refused and who has some is served."""

    few = RatesSettings.model_validate({"default": {"in_flight": 2}})
    reception = callers(Named(talk.point.verify), rates=few).reception

    async def scenario() -> list[Answers | BaseException]:
        go = asyncio.Event()

        async def fetch(batch: Batch, _: Consistency, timeout_ms: int | None) -> Known:
            await go.wait()
            return talk.point.fetch(batch, timeout_ms)

        async def reach(consistency: Consistency, _: int | None) -> Consistency:
            return consistency

        asking = Asking(reception, talk.point, fetch=fetch, reach=reach)

        def ask(token: str) -> "asyncio.Task[Answers]":
            call = Call(Arrival("AuthorizationService.Check", lambda: "here", [f"Bearer {token}"]), lambda: None)
            check = CheckRequest("r", "read", GivenEntity(Ref("Order", "o1"), {}))
            return asyncio.create_task(asking.decide(call, CALLERS[token], [check], Latency.MINIMAL))

        calls = [ask(token) for token in ("plain", "plain", "plain", "blind")]
        await asyncio.wait([calls[2]])
        go.set()
        said = await asyncio.gather(*calls, return_exceptions=True)
        return [*said, await ask("plain")]

    one, two, three, other, later = asyncio.run(scenario())

    assert isinstance(three, RateLimited)
    assert three.limit == "rates.default.in_flight"
    assert reception.rates is not None
    assert reception.rates.refused == 1
    assert all(isinstance(each, Answers) for each in (one, two, other, later))
