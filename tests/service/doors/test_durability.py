"""No RPC answers before its record is on the disk, where that is asked for; none answers where that fails."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2

from service.config import SpoolSettings
from service.decisions.segments import segments
from service.decisions.spool import Spool
from tests.e2e.asking import refusal_of
from tests.service.decisions.syncs import PATIENCE, Syncs, unsyncable, watched_syncs
from tests.service.doors.talking import Talk, bearer
from tests.service.point import build_point

Ask = Callable[[pb_grpc.AuthorizationServiceStub], pb.CheckResponse]
PEP = bearer("pep")


def _question() -> pb.CheckRequest:
    asked = pb.CheckRequest(request_id="q1", action="read", resource=types_pb2.Entity(type="Order", id="o1"))
    asked.principal.CopyFrom(types_pb2.Entity(type="User", id="alice"))
    return asked


def _check(stub: pb_grpc.AuthorizationServiceStub) -> pb.CheckResponse:
    return stub.Check(_question(), metadata=PEP, timeout=PATIENCE)


def _batch(stub: pb_grpc.AuthorizationServiceStub) -> pb.CheckResponse:
    batch = pb.BatchCheckRequest(request_id="b1", checks=[_question()])
    return stub.BatchCheck(batch, metadata=PEP, timeout=PATIENCE).results[0].response


def _stream(stub: pb_grpc.AuthorizationServiceStub) -> pb.CheckResponse:
    (answer,) = stub.CheckStream(iter([_question()]), metadata=PEP, timeout=PATIENCE)
    return answer.response


def _explain(stub: pb_grpc.AuthorizationServiceStub) -> pb.CheckResponse:
    return stub.Explain(pb.ExplainRequest(check=_question()), metadata=PEP, timeout=PATIENCE).response


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool", SpoolSettings(durability="disk", min_free_bytes=0))
    yield opened
    opened.close()


@pytest.fixture
def syncs() -> Iterator[Syncs]:
    with watched_syncs() as watched:
        yield watched


@pytest.mark.parametrize("ask", [_check, _batch, _stream, _explain])
def test_an_answer_waits_for_the_disk(ask: Ask, tmp_path: Path, spool: Spool, syncs: Syncs) -> None:
    answered = threading.Event()

    def converse(channel: grpc.Channel) -> tuple[bool, int]:
        syncs.hold()
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(ask, pb_grpc.AuthorizationServiceStub(channel))
            asking.add_done_callback(lambda _: answered.set())
            assert syncs.under_way.acquire(timeout=PATIENCE)
            is_early = answered.wait(0.05)
            syncs.release()
            return is_early, asking.result().effect

    assert Talk(build_point(tmp_path, spool))(converse) == (False, pb.EFFECT_ALLOW)


def test_a_failed_sync_answers_audit_unavailable(tmp_path: Path, spool: Spool) -> None:
    def converse(channel: grpc.Channel) -> tuple[grpc.StatusCode, str, int]:
        stub = pb_grpc.AuthorizationServiceStub(channel)
        _check(stub)
        (segment,) = segments(tmp_path / "spool")
        with unsyncable(segment), pytest.raises(grpc.RpcError) as caught:
            _check(stub)
        refused = refusal_of(caught.value)
        return refused.status, refused.reason, _check(stub).effect

    refused = Talk(build_point(tmp_path, spool))(converse)
    assert refused == (grpc.StatusCode.UNAVAILABLE, "AUDIT_UNAVAILABLE", pb.EFFECT_ALLOW)
