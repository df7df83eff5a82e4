"""What processes count reads together as one service, in the formats that scrapers ask for."""

import asyncio
import sys

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from service.metrics import METRICS, Kind
from service.runtime.child import Child, Program
from service.runtime.collected import Collected
from service.samples import Samples

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


def told(decisions: int, memory: float) -> Samples:
    samples = Samples(gauges={"magistrate_process_memory_bytes": memory, "magistrate_process_cpu_seconds": 1.5})
    samples.count("magistrate_decisions", decisions, effect="allow", code="ALLOWED")
    samples.histogram("magistrate_stage_seconds", stage="fetch").observe(0.0003)
    return samples


async def collected() -> Collected:
    """Of a worker that has ended, the one in its place, and a process that has not said yet what it counts."""
    times = iter((100.0, 103.5, 111.0))
    together = Collected(Samples, lambda: next(times, 112.5))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    gone, living, new = (Child(Program(name, "there"), process) for name in ("worker", "worker", "new"))
    together.heard(gone)
    together.sampled(gone, told(3, 1000))
    together.left(gone)
    together.heard(living)
    together.sampled(living, told(4, 2000))
    together.heard(new)
    return together


@pytest.fixture(scope="module")
def service() -> Collected:
    return asyncio.run(collected())


def read(service: Collected, accept: str) -> dict[str, Metric]:
    text, content_type = service.text(accept)
    is_open = content_type.startswith("application/openmetrics-text")
    parse = read_openmetrics if is_open else read_text
    return {family.name: family for family in parse(text.decode())}


def values(family: Metric) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in family.samples}


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["text", "openmetrics"])
def test_what_a_process_counted_outlives_it_and_what_it_is_does_not(service: Collected, accept: str) -> None:
    families = read(service, accept)
    counted = values(families["magistrate_decisions"])
    assert counted["magistrate_decisions_total", (("code", "ALLOWED"), ("effect", "allow"))] == 7
    assert values(families["magistrate_process_memory_bytes"]) == {
        ("magistrate_process_memory_bytes", (("process", "worker"),)): 2000
    }
    cpu = values(families["magistrate_process_cpu_seconds"])
    assert cpu["magistrate_process_cpu_seconds_total", (("process", "worker"),)] == 1.5
    stages = values(families["magistrate_stage_seconds"])
    assert stages["magistrate_stage_seconds_count", (("stage", "fetch"),)] == 2
    assert stages["magistrate_stage_seconds_bucket", (("le", "0.00025"), ("stage", "fetch"))] == 0
    assert stages["magistrate_stage_seconds_bucket", (("le", "0.0005"), ("stage", "fetch"))] == 2


def test_a_process_that_says_no_more_is_told_to_be_silent_for_as_long(service: Collected) -> None:
    assert values(read(service, "")["magistrate_process_silent_seconds"]) == {
        ("magistrate_process_silent_seconds", (("process", "worker"),)): 9.0,
        ("magistrate_process_silent_seconds", (("process", "new"),)): 1.5,
    }


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["text", "openmetrics"])
def test_every_family_has_its_kind_and_says_what_it_is(service: Collected, accept: str) -> None:
    for name, family in read(service, accept).items():
        assert (family.type, family.documentation) == (METRICS[name].kind.value, METRICS[name].help)


def test_a_counter_whose_labels_are_known_is_there_before_it_counts(service: Collected) -> None:
    families = read(service, "")
    assert values(families["magistrate_policy_reloads"]) == {
        ("magistrate_policy_reloads_total", (("result", "activated"),)): 0,
        ("magistrate_policy_reloads_total", (("result", "refused"),)): 0,
    }
    assert values(families["magistrate_rate_limited"]) == {("magistrate_rate_limited_total", ()): 0}


def test_names_are_as_the_field_has_them() -> None:
    for name, declared in METRICS.items():
        assert name.startswith("magistrate_")
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_milliseconds", "_ms", "_kb")), name
        assert declared.help.endswith("."), name
        if declared.kind is Kind.HISTOGRAM:
            assert name.endswith("_seconds"), name
