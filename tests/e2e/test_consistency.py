"""How fresh the facts are to be, as a caller says it over gRPC."""

import time

import grpc
import pytest
from magistrate.v1.authorization_pb2 import BatchCheckRequest, CheckRequest, Consistency

from tests.e2e.asking import SECONDS, Refusal, bearer, question, refusal, refusal_of, stub_of
from tests.e2e.running import Server


def asking(consistency: Consistency) -> CheckRequest:
    asked = question("edit", "Document:plan")
    asked.consistency.CopyFrom(consistency)
    return asked


@pytest.fixture
def metadata(shared_server: Server) -> tuple[tuple[str, str], ...]:
    return bearer(shared_server.token("User:alice"))


def test_an_answer_is_as_fresh_as_was_asked(shared_server: Server, metadata: tuple[tuple[str, str], ...]) -> None:
    with stub_of(shared_server.address) as stub:
        first = stub.Check(question("edit", "Document:plan"), metadata=metadata, timeout=SECONDS)
        for consistency in (
            Consistency(minimize_latency=True),
            Consistency(at_least_as_fresh=first.revision),
            Consistency(fully_consistent=True),
            Consistency(),
        ):
            answer = stub.Check(asking(consistency), metadata=metadata, timeout=SECONDS)
            assert (answer.code, answer.revision) == (first.code, first.revision)
        batch = BatchCheckRequest(
            checks=[question("edit", "Document:plan")], consistency=Consistency(fully_consistent=True)
        )
        (result,) = stub.BatchCheck(batch, metadata=metadata, timeout=SECONDS).results
        assert result.response.code == first.code


@pytest.mark.parametrize("revision", ["other.1", "1", "no revision", "\0"])
def test_a_revision_that_was_never_given_is_unknown(
    shared_server: Server, metadata: tuple[tuple[str, str], ...], revision: str
) -> None:
    with stub_of(shared_server.address) as stub:
        refused = refusal(stub, asking(Consistency(at_least_as_fresh=revision)), metadata)
    assert (refused.status, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REVISION_UNKNOWN")


def test_a_revision_that_does_not_come_is_told_before_the_deadline(
    shared_server: Server, metadata: tuple[tuple[str, str], ...]
) -> None:
    with stub_of(shared_server.address) as stub:
        known = stub.Check(question("edit", "Document:plan"), metadata=metadata, timeout=SECONDS).revision
        ahead = asking(Consistency(at_least_as_fresh=f"{known.partition('.')[0]}.{10**15}"))
        for deadline in (0.8, 3.0, 8.0):  # of a short one a busy machine may leave too little for the answer's way
            began = time.monotonic()
            with pytest.raises(grpc.RpcError) as caught:
                stub.Check(ahead, metadata=metadata, timeout=deadline)
            assert time.monotonic() - began > deadline / 2
            refused = refusal_of(caught.value)
            if refused.status is not grpc.StatusCode.DEADLINE_EXCEEDED:
                break
    assert (refused.status, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REVISION_NOT_REACHED")


def test_a_requirement_that_is_false_is_none(shared_server: Server, metadata: tuple[tuple[str, str], ...]) -> None:
    with stub_of(shared_server.address) as stub:
        refused = refusal(stub, asking(Consistency(fully_consistent=False)), metadata)
    assert refused == Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "consistency.fully_consistent: true, or another requirement",
    )


def test_a_check_of_a_batch_has_no_freshness_of_its_own(
    shared_server: Server, metadata: tuple[tuple[str, str], ...]
) -> None:
    checks = [asking(Consistency(minimize_latency=True)), question("edit", "Document:plan")]
    with stub_of(shared_server.address) as stub:
        refused, answered = stub.BatchCheck(
            BatchCheckRequest(checks=checks), metadata=metadata, timeout=SECONDS
        ).results
    assert "the batch says it for all its checks" in refused.error.message
    assert answered.response.code == "ALLOWED"
