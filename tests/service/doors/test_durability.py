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
from service.samples import Samples
from service.stages import tell_stages
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


def recorded() -> tuple[int, float]:
    """How often this process has recorded, and the seconds that this took."""
    samples = Samples()
    tell_stages(samples)
    durations = samples.histograms["magistrate_stage_seconds", (("stage", "record"),)]
    return sum(durations.buckets), durations.total


@pytest.mark.parametrize(
    ("ask", "is_at_hand"),
    [(_check, False), (_check, True), (_batch, False), (_stream, False), (_stream, True), (_explain, False)],
)
def test_an_answer_waits_for_the_disk_and_recording_is_measured_as_long(
    ask: Ask, is_at_hand: bool, tmp_path: Path, spool: Spool, syncs: Syncs
) -> None:
    answered, (times, seconds) = threading.Event(), recorded()

    def converse(channel: grpc.Channel) -> tuple[bool, int]:
        syncs.hold()
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(ask, pb_grpc.AuthorizationServiceStub(channel))
            asking.add_done_callback(lambda _: answered.set())
            assert syncs.under_way.acquire(timeout=PATIENCE)
            is_early = answered.wait(0.05)
            syncs.release()
            return is_early, asking.result().effect

    talk = Talk(build_point(tmp_path, spool), has_facts_at_hand=is_at_hand)

    assert talk(converse) == (False, pb.EFFECT_ALLOW)
    times_now, seconds_now = recorded()
    assert times_now == times + 1
    assert seconds_now - seconds > 0.04


@pytest.mark.parametrize("is_at_hand", [False, True])
def test_a_failed_sync_answers_audit_unavailable(tmp_path: Path, spool: Spool, is_at_hand: bool) -> None:
    def converse(channel: grpc.Channel) -> tuple[grpc.StatusCode, str, int]:
        stub = pb_grpc.AuthorizationServiceStub(channel)
        _check(stub)
        (segment,) = segments(tmp_path / "spool")
        with unsyncable(segment), pytest.raises(grpc.RpcError) as caught:
            _check(stub)
        refused = refusal_of(caught.value)
        return refused.status, refused.reason, _check(stub).effect

    refused = Talk(build_point(tmp_path, spool), has_facts_at_hand=is_at_hand)(converse)
    assert refused == (grpc.StatusCode.UNAVAILABLE, "AUDIT_UNAVAILABLE", pb.EFFECT_ALLOW)
