"""What a running service tells of itself is what is declared, all of it, and says what was asked of it."""

from collections.abc import Iterator

import pytest
from prometheus_client import Metric
from sqlalchemy.engine import URL

from service.metrics import METRICS, OPEN, STAGES
from tests.e2e.observing import observed, scraped

ELSEWHERE = {
    "magistrate_key_fetches",
    "magistrate_certificate_expiry_timestamp_seconds",
    "magistrate_certificate_files_refused",
}
"""Told only where issuers' keys are fetched, or where doors speak TLS."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, postgresql_server: URL) -> Iterator[dict[str, Metric]]:
    with observed(tmp_path_factory.mktemp("observed") / "project", postgresql_server) as server:
        yield scraped(server)


def value(told: dict[str, Metric], name: str, **labels: str) -> float:
    """What a sample says that has just these labels."""
    (found,) = [
        sample.value
        for family in told.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return found


def test_what_is_told_is_what_is_declared(told: dict[str, Metric]) -> None:
    assert set(told) == set(METRICS) - ELSEWHERE


def test_kinds_words_and_labels_are_those_declared(told: dict[str, Metric]) -> None:
    for name, family in told.items():
        declared = METRICS[name]
        assert (family.type, family.documentation) == (declared.kind.value, declared.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(declared.label_names), sample
            for label, values in declared.labels.items():
                assert values == OPEN or sample.labels[label] in values, sample


def test_calls_are_counted_by_rpc_and_status(told: dict[str, Metric]) -> None:
    check, stream = "AuthorizationService.Check", "AuthorizationService.CheckStream"
    name = "magistrate_calls_total"
    assert value(told, name, door="grpc", call=check, status="OK") == 2
    assert value(told, name, door="grpc", call=check, status="UNAUTHENTICATED") == 2
    assert value(told, name, door="grpc", call=check, status="INVALID_ARGUMENT") == 1
    assert value(told, name, door="grpc", call=stream, status="OK") == 1
    assert value(told, "magistrate_call_seconds_count", door="grpc", call=check) == 5


def test_each_stage_of_each_call_that_asks_is_measured(told: dict[str, Metric]) -> None:
    counted = {stage: value(told, "magistrate_stage_seconds_count", stage=stage) for stage in STAGES}
    assert counted == {"verify": 6, "fetch": 6, "decide": 6, "record": 6, "write": 4}


def test_a_call_without_a_good_credential_is_counted_by_its_flaw(told: dict[str, Metric]) -> None:
    assert value(told, "magistrate_unauthenticated_total", reason="malformed") == 1
    assert value(told, "magistrate_unauthenticated_total", reason="revoked") == 0


def test_decisions_and_refusals_are_told_apart(told: dict[str, Metric]) -> None:
    assert value(told, "magistrate_decisions_total", effect="allow", code="ALLOWED") == 5
    assert value(told, "magistrate_refusals_total", code="PRINCIPAL_TOKEN") == 1


def test_facts_are_told_by_where_they_were_read(told: dict[str, Metric]) -> None:
    reads = [value(told, "magistrate_fact_reads_total", result=each) for each in ("memory", "joined", "database")]
    assert sum(reads) >= 4
    assert reads[2] >= 1


def test_every_process_tells_what_it_uses(told: dict[str, Metric]) -> None:
    processes = {"supervisor", "background process", "worker 1", "worker 2"}
    for name in ("magistrate_process_memory_bytes", "magistrate_process_open_files"):
        assert {sample.labels["process"] for sample in told[name].samples} == processes
        assert all(sample.value > 0 for sample in told[name].samples)
