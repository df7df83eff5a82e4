"""How long a question has: what its caller leaves, no longer than the service lets wait; past that nothing is done."""

import asyncio
from math import inf

import pytest

from policy_lang.values import Ref
from service.asking import Asking, Call
from service.errors import DeadlineExceeded
from service.model import Batch, CheckRequest, Consistency, GivenEntity, Known, Latency
from service.reception.reception import Arrival
from tests.service.doors.receiving import Named, callers
from tests.service.doors.talking import Talk
from tests.service.point import CALLERS, KeptRecords

ARRIVAL = Arrival("AuthorizationService.Check", lambda: "here", ["Bearer plain"])


@pytest.mark.parametrize(
    ("left", "most", "milliseconds"),
    [(None, inf, None), (None, 2.0, 2000), (30.0, 2.0, 2000), (0.5, 2.0, 500), (0.0001, 2.0, 1)],
    ids=["for ever", "no deadline", "a late deadline", "a deadline", "next to nothing"],
)
def test_a_wait_is_as_long_as_the_deadline_and_no_longer_than_the_limit(
    left: float | None, most: float, milliseconds: int | None
) -> None:
    assert Call(ARRIVAL, lambda: left, most).remaining_ms() == milliseconds


def test_a_call_whose_deadline_has_passed_is_neither_decided_nor_recorded(talk: Talk, recorder: KeptRecords) -> None:
    async def fetch(batch: Batch, _: Consistency, timeout_ms: int | None) -> Known:
        raise AssertionError("nothing is to be fetched")

    async def reach(consistency: Consistency, _: int | None) -> Consistency:
        return consistency

    asking = Asking(callers(Named(talk.point.verify)).reception, talk.point, fetch=fetch, reach=reach)
    check = CheckRequest("r", "read", GivenEntity(Ref("Order", "o1"), {}))

    with pytest.raises(DeadlineExceeded):
        asyncio.run(asking.decide(Call(ARRIVAL, lambda: 0.0), CALLERS["plain"], [check], Latency.MINIMAL))
    assert recorder.records == []
