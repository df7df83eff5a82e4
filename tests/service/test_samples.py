"""What is counted survives the way between processes, and adds up."""

import gc
import sys
import threading
import time
from collections.abc import Iterator

import orjson
import pytest

from service.samples import BUCKETS, Samples


def counted() -> Samples:
    samples = Samples(gauges={"lag": 0.5})
    samples.count("decisions", effect="allow", code="ALLOWED")
    samples.count("decisions", 2, code="NO_MATCH", effect="deny")
    for seconds in (0.0, BUCKETS[0], BUCKETS[-1], 60.0):
        samples.histogram("seconds", stage="fetch").observe(seconds)
    return samples


def test_what_is_written_as_json_is_read_as_it_was() -> None:
    assert Samples.from_json(orjson.loads(orjson.dumps(counted().as_json()))) == counted()


def test_counts_and_durations_add_up_and_gauges_stay_whose_they_are() -> None:
    total = Samples()
    total.add(counted())
    total.add(counted())
    assert total.counters["decisions", (("code", "NO_MATCH"), ("effect", "deny"))] == 4
    assert total.gauges == {}
    durations = total.histogram("seconds", stage="fetch")
    assert durations.buckets == [4, *[0] * (len(BUCKETS) - 2), 2, 2]
    assert durations.total == 2 * (BUCKETS[0] + BUCKETS[-1] + 60.0)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that give way to each other all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    gc.callbacks.append(_give_way)
    yield
    gc.callbacks.remove(_give_way)
    sys.setswitchinterval(before)


def _give_way(_phase: str, _about: dict[str, int]) -> None:
    """Runs whenever the collector does, as a finalizer may: so threads change amid what looks like one step."""
    time.sleep(0)


@pytest.mark.usefixtures("hasty_threads")
def test_another_thread_may_count_something_new_while_it_is_told() -> None:
    samples, is_told = Samples(), threading.Event()

    def count() -> None:
        for code in range(20_000):
            if is_told.is_set():
                return
            samples.count("decisions", code=str(code))

    counting = threading.Thread(target=count)
    counting.start()
    told = [len(samples.as_json()["counters"]) for _ in range(50)]
    is_told.set()
    counting.join()

    assert told == sorted(told)
    assert told[-1] <= len(samples.counters)
