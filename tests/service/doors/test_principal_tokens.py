"""What is fetched for the sake of a `principal_token`: for whom it is, and who is looked at again after it."""

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2
from structlog.testing import capture_logs

from policy_lang.values import Ref
from service.errors import Unauthenticated
from service.model import Caller, Principal
from tests.service.doors.talking import Talk, bearer
from tests.service.point import KeptRecords, NamedTokens, build_point

Call = Callable[[pb_grpc.AuthorizationServiceStub, tuple[tuple[str, str], ...]], object]

ASKED = pb.CheckRequest(action="read", resource=types_pb2.Entity(type="Order", id="o1"), principal_token="late")
CALLS: dict[str, Call] = {
    "Check": lambda stub, who: stub.Check(ASKED, metadata=who),
    "BatchCheck": lambda stub, who: stub.BatchCheck(pb.BatchCheckRequest(checks=[ASKED]), metadata=who),
    "Explain": lambda stub, who: stub.Explain(pb.ExplainRequest(check=ASKED), metadata=who),
}


class LateTokens(NamedTokens):
    """Knows whom the token `late` names once that was fetched; then it may be that no caller is good any more."""

    def __init__(self) -> None:
        self.fetches = 0
        self.ends_callers = False

    def caller(self, token: str, now: int) -> Caller:
        """The caller of that name."""
        if self.ends_callers and self.fetches:
            raise Unauthenticated("the token is revoked")
        return super().caller(token, now)

    def principal(self, token: str, now: int) -> Principal:
        """Alice, when she is known."""
        if not self.fetches:
            raise Unauthenticated("not known yet", fetch=self._fetch)
        return Principal(Ref("User", "alice"), {})

    async def _fetch(self) -> None:
        self.fetches += 1


@pytest.fixture
def tokens() -> LateTokens:
    return LateTokens()


@pytest.fixture
def status(tmp_path: Path, tokens: LateTokens) -> Callable[[str, Call], grpc.StatusCode]:
    """How a call by that caller ends."""
    talk = Talk(build_point(tmp_path, KeptRecords(), tokens))

    def asked(caller: str, call: Call) -> grpc.StatusCode:
        def conversation(channel: grpc.Channel) -> grpc.StatusCode:
            try:
                call(pb_grpc.AuthorizationServiceStub(channel), bearer(caller))
            except grpc.RpcError as error:
                assert isinstance(error, grpc.Call)
                return error.code()
            return grpc.StatusCode.OK

        return talk(conversation)

    return asked


Ends = Callable[[str, Call], grpc.StatusCode]


@pytest.mark.parametrize("rpc", CALLS)
def test_what_a_principal_token_lacks_is_fetched_for_who_may_ask_about_bearers(
    tokens: LateTokens, status: Ends, rpc: str
) -> None:
    assert status("pep", CALLS[rpc]) is grpc.StatusCode.OK
    assert tokens.fetches == 1


@pytest.mark.parametrize("caller", ["plain", "key", "blind", "stranger"])
@pytest.mark.parametrize("rpc", CALLS)
def test_nothing_is_fetched_for_who_may_not_ask_about_bearers(
    tokens: LateTokens, status: Ends, rpc: str, caller: str
) -> None:
    status(caller, CALLS[rpc])
    assert tokens.fetches == 0


@pytest.mark.parametrize("rpc", CALLS)
def test_a_caller_that_was_revoked_while_something_was_fetched_is_not_answered(
    tokens: LateTokens, status: Ends, rpc: str
) -> None:
    tokens.ends_callers = True
    assert status("pep", CALLS[rpc]) is grpc.StatusCode.UNAUTHENTICATED


def test_the_log_says_why_each_token_of_a_batch_is_refused_under_the_id_that_its_error_has(tmp_path: Path) -> None:
    talk = Talk(build_point(tmp_path, KeptRecords()))
    batch = pb.BatchCheckRequest(checks=[ASKED, ASKED])
    with capture_logs() as lines:
        answer = talk(
            lambda channel: pb_grpc.AuthorizationServiceStub(channel).BatchCheck(batch, metadata=bearer("pep"))
        )
    causes = {line["request_id"]: line["cause"] for line in lines if line["event"] == "call failed"}
    assert [causes[_id_of(result.error)] for result in answer.results] == ["not a token to be asked about"] * 2


def _id_of(error: Status) -> str:
    info = ErrorInfo()
    assert error.details[0].Unpack(info)
    return info.metadata["request_id"]
