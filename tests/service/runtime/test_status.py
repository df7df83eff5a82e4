"""A service is ready only while everything that it needs is there, and says what is not."""

from dataclasses import replace

import pytest

from service.enforcement_settings import EnforcementSettings
from service.runtime.ops import Page
from service.runtime.status import PolicyStatus, Status, routes

WELL = Status(
    policies=PolicyStatus("one", 1_800_000_000.0),
    workers=("one", "one"),
    workers_wanted=2,
    is_draining=False,
    is_spool_failing=False,
    may_answer_unrecorded=False,
    feed_lags=(0.1, 9.9),
    max_staleness=10.0,
)


def readiness(status: Status) -> Page:
    return routes(lambda: status, lambda _: (b"", ""))["/readyz"]("")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (WELL, "ready"),
        (replace(WELL, is_draining=True), "the service is draining"),
        (replace(WELL, workers=("one",)), "1 of 2 workers have the policies in force"),
        (replace(WELL, workers=("one", "")), "1 of 2 workers have the policies in force"),
        (replace(WELL, workers=("one", "two")), "1 of 2 workers have the policies in force"),
        (replace(WELL, workers=("one", "one", "one")), "ready"),
        (replace(WELL, silences=(("worker 1", 1.1), ("worker 2", 5.0))), "ready"),
        (
            replace(WELL, silences=(("worker 1", 1.1), ("worker 2", 5.1))),
            "nothing was heard for 5 seconds of worker 2",
        ),
        (replace(WELL, feed_lags=(0.1, 10.1)), "the change feed is behind"),
        (replace(WELL, is_spool_failing=True), "the record cannot be written"),
    ],
)
def test_readiness_says_what_is_missing(status: Status, said: str) -> None:
    page = readiness(status)
    assert (page.status.value, page.body.decode()) == (200 if said == "ready" else 503, f"{said}\n")


def test_a_service_that_answers_unrecorded_is_ready_and_says_so() -> None:
    status = replace(WELL, is_spool_failing=True, may_answer_unrecorded=True)
    page = readiness(status)
    said = "ready\nthe record cannot be written: answers are given unrecorded\n"
    assert (page.status.value, page.body.decode()) == (200, said)


def test_a_service_without_one_of_its_databases_is_ready_for_the_rest_and_says_which() -> None:
    status = replace(WELL, left_alone=("`sources.app`",))
    page = readiness(status)
    assert (page.status.value, page.body.decode()) == (200, "ready\nwithout `sources.app`, which does not answer\n")
    unready = readiness(replace(status, is_draining=True))
    expected = (503, "the service is draining\n`sources.app` does not answer\n")
    assert (unready.status.value, unready.body.decode()) == expected


def test_a_service_that_enforces_nothing_is_ready_and_says_so_first() -> None:
    status = replace(WELL, unenforced=EnforcementSettings(mode="log-only", types=["Document"]).warning)
    page = readiness(status)
    said = (
        "ready\nlog-only: nothing is enforced on `Document`;"
        " whoever may ask is answered allow, whatever the policies say\n"
    )
    assert (page.status.value, page.body.decode()) == (200, said)


def test_before_the_first_policies_it_is_not_ready() -> None:
    unready = replace(WELL, policies=PolicyStatus(), workers=("", "")).unready
    assert unready == ["no policies are in force", "0 of 2 workers have the policies in force"]
