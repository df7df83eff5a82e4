"""The message of a call is read when it is known who calls; how many connections there may be."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc

from service.doors.grpc.newcomers import KNOWN, KNOWN_SECONDS, Known
from service.doors.grpc.reflection import AT_ONCE, REFLECTION
from tests.service.doors.talking import LIMITS, Talk, bearer, let_in
from tests.service.doors.test_grpc import order

PATIENCE = 20.0
CHECKS = "/magistrate.v1.AuthorizationService/"


def half_said(done: threading.Event) -> Iterator[pb.CheckRequest]:
    """A message that never comes."""
    done.wait(PATIENCE)
    yield from ()


@pytest.mark.parametrize("rpc", ["Check", "BatchCheck", "Explain"])
def test_a_stranger_is_refused_before_the_message_is_read(talk: Talk, rpc: str) -> None:
    def ask(channel: grpc.Channel) -> grpc.StatusCode:
        done = threading.Event()
        call = channel.stream_unary(CHECKS + rpc, pb.CheckRequest.SerializeToString, pb.CheckResponse.FromString)
        try:
            call(half_said(done), metadata=bearer("nobody"), timeout=PATIENCE)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            return error.code()
        finally:
            done.set()
        raise AssertionError("was answered")

    assert talk(ask) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("path", [CHECKS + "Check", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"])
def test_a_message_that_does_not_come_is_waited_for_no_longer_than_so(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def ask(channel: grpc.Channel) -> grpc.StatusCode:
        done = threading.Event()
        call: grpc.StreamStreamMultiCallable[pb.CheckRequest, bytes] = channel.stream_stream(
            path, pb.CheckRequest.SerializeToString
        )
        try:
            with pytest.raises(grpc.RpcError) as caught:
                list(call(half_said(done), metadata=bearer("plain"), timeout=PATIENCE))
            assert isinstance(caught.value, grpc.Call)
            assert caught.value.details() == "the message did not come within 0.05 s"
            return caught.value.code()
        finally:
            done.set()

    monkeypatch.setattr("service.doors.grpc.newcomers.READ_SECONDS", 0.05)
    assert talk(ask) is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_few_ask_for_the_contract_at_a_time(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> grpc.StatusCode:
        done = threading.Event()
        call: grpc.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse] = channel.stream_stream(
            f"/{REFLECTION.full_name}/ServerReflectionInfo",
            ServerReflectionRequest.SerializeToString,
            ServerReflectionResponse.FromString,
        )

        def question() -> Iterator[ServerReflectionRequest]:
            yield ServerReflectionRequest(list_services="")
            done.wait(PATIENCE)

        try:
            under_way = [call(question(), timeout=PATIENCE) for _ in range(AT_ONCE)]
            for each in under_way:
                assert next(iter(each)).list_services_response.service
            with pytest.raises(grpc.RpcError) as caught:
                list(call(question(), timeout=PATIENCE))
            assert isinstance(caught.value, grpc.Call)
            return caught.value.code()
        finally:
            done.set()

    assert talk(ask) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_newcomers_and_those_who_are_known_are_answered_alike(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> list[pb.CheckResponse]:
        check = pb_grpc.AuthorizationServiceStub(channel).Check
        return [check(order(), metadata=bearer("plain"), timeout=PATIENCE) for _ in range(2)]

    first, second = talk(ask)

    assert (first.effect, first.code) == (second.effect, second.code)


def test_a_call_without_a_message_is_wrong(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> grpc.StatusCode:
        call = channel.stream_unary(CHECKS + "Check", pb.CheckRequest.SerializeToString, pb.CheckResponse.FromString)
        with pytest.raises(grpc.RpcError) as caught:
            call(iter(()), metadata=bearer("plain"), timeout=PATIENCE)
        assert isinstance(caught.value, grpc.Call)
        return caught.value.code()

    assert talk(ask) is grpc.StatusCode.INVALID_ARGUMENT


def test_more_connections_than_there_may_be_are_closed(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> bytes:
        grpc.channel_ready_future(channel).result(PATIENCE)
        port = int(channel._channel.target().rpartition(b":")[2])  # type: ignore[attr-defined]  # of a fresh port
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as one_more:
            return one_more.recv(1)

    assert replace(talk, limits=LIMITS.model_copy(update={"connections": 1}))(ask) == b""


def by(token: str) -> tuple[tuple[str, str], ...]:
    return (("user-agent", "any"), *bearer(token))


def test_who_did_not_call_for_a_minute_is_a_newcomer_again() -> None:
    now = 100.0
    known = Known(let_in, clock=lambda: now)

    known.note(by("plain"))

    assert known.has(by("plain"))
    assert not known.has(by("other"))
    assert not known.has(())
    now += KNOWN_SECONDS
    assert not known.has(by("plain"))


def test_what_is_known_is_bounded() -> None:
    known = Known(let_in, clock=lambda: 0.0)

    for at in range(KNOWN + 1):
        known.note(by(f"t{at}"))

    assert sum(known.has(by(f"t{at}")) for at in range(KNOWN + 1)) == 1
