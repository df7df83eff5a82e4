"""What is counted survives the way between processes, and adds up."""

import orjson

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
