"""The exit code of a command says whether it is worth calling again."""

import grpc
import pytest
from click.testing import CliRunner

from magistrate_client.errors import ErrorDetails, InvalidRequest, LimitReached, MagistrateError, Unavailable
from service.cli import main
from service.cli.calling import end


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable(grpc.StatusCode.UNAVAILABLE, "away", ErrorDetails()), 3),
        (LimitReached(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many", ErrorDetails(retry_after=1.0)), 3),
        (LimitReached(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large", ErrorDetails()), 1),
        (InvalidRequest(grpc.StatusCode.INVALID_ARGUMENT, "wrong", ErrorDetails()), 2),
    ],
    ids=["unavailable", "later", "never", "wrong"],
)
def test_what_may_be_had_later_is_no_finding(error: MagistrateError, code: int) -> None:
    with pytest.raises(SystemExit) as ended:
        end(error)
    assert ended.value.code == code


@pytest.mark.parametrize("seconds", ["0", "-1", "86400", "inf"])
def test_a_time_in_which_no_answer_can_come_is_wrong_usage_and_no_deny(seconds: str) -> None:
    asked = CliRunner().invoke(main, ["check", "read", "Document:plan", "--token", "t", "--timeout", seconds])
    assert (asked.exit_code, "0<x<86400" in asked.stderr) == (2, True)
