"""The service's log has room for calls that fail, and no more than that."""

import structlog
from structlog.testing import capture_logs

from service.doors.failure_log import TEXT_LENGTH, FailureLog
from service.rate import Rate
from tests.service.clock import Clock


def test_failures_past_the_rate_are_counted_and_the_next_line_says_how_many() -> None:
    clock = Clock()
    with capture_logs() as lines:
        failures = FailureLog(structlog.get_logger(), Rate(per_minute=60, burst=2), clock)
        for number in range(10):
            failures.tell(request_id=str(number))
        clock.now += 1
        failures.tell(request_id="later")
        clock.now += 1
        failures.tell(request_id="last")
    assert [line["request_id"] for line in lines] == ["0", "1", "later", "last"]
    assert [line.get("left_out") for line in lines] == [None, None, 8, None]


def test_a_line_has_the_start_of_a_long_cause_alone() -> None:
    with capture_logs() as lines:
        FailureLog(structlog.get_logger()).tell(rpc="Check", cause="x" * 1_000_000)

    assert [(line["rpc"], line["cause"]) for line in lines] == [("Check", "x" * TEXT_LENGTH)]
