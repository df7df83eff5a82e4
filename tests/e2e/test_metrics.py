"""What a running service tells of itself is what is declared, all of it, and says what was asked of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric

from service.metrics import METRICS, OPEN, STAGES, Kind
from tests.e2e.conftest import starter_on
from tests.e2e.observing import observed, scraped

ELSEWHERE = {
    "magistrate_key_fetches",
    "magistrate_issuer_keys_left_seconds",
    "magistrate_issuer_keys_max_stale_seconds",
    "magistrate_unenforced",
    "magistrate_certificate_expiry_timestamp_seconds",
    "magistrate_certificate_files_refused",
}
"""Told only where issuers' keys are fetched, decisions are not enforced, or doors speak TLS."""


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Metric]]:
    folder = tmp_path_factory.mktemp("observed") / "project"
    with starter_on("postgresql", folder, request) as project, observed(project) as server:
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
    assert value(told, "magistrate_items_total", door="grpc", call=stream, status="OK") == 1


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


def test_what_dashboard_and_alerts_name_is_told_by_a_running_service(told: dict[str, Metric]) -> None:
    labels = labels_of(told)
    named = [*expressions_of_dashboard(), *expressions_of_alerts()]
    assert len(named) > 80
    for expression, shown in named:
        metrics = [name for name, _ in METRIC.findall(expression)]
        assert [name for name in metrics if name not in labels] == [], expression
        for name, selector in METRIC.findall(expression):
            assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)) <= labels[name] | OF_THE_SCRAPE, expression
        grouped = ",".join(re.findall(r"\b(?:by|on|without) \(([^)]*)\)", expression)).replace(" ", "")
        wanted = ({*grouped.split(",")} - {""}) | shown
        assert wanted <= set().union(OF_THE_SCRAPE, *(labels[name] for name in metrics)), expression


METRIC = re.compile(r"\b(magistrate_\w+)(\{[^}]*\})?")
OF_THE_SCRAPE = {"job", "instance"}
"""Labels that Prometheus gives."""
OBSERVABILITY = Path(__file__).resolve().parents[2] / "deploy" / "observability"


def labels_of(told: dict[str, Metric]) -> dict[str, set[str]]:
    """The labels of what is told, by the name of its sample; as declared where it is told elsewhere alone."""
    seen = {sample.name: set(sample.labels) for family in told.values() for sample in family.samples}
    suffix = {Kind.COUNTER: "_total", Kind.GAUGE: "", Kind.HISTOGRAM: "_count"}
    return seen | {name + suffix[METRICS[name].kind]: set(METRICS[name].label_names) for name in ELSEWHERE}


def expressions_of_dashboard() -> list[tuple[str, set[str]]]:
    """What each line of each panel asks, and the labels that its legend shows."""
    panels = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())["panels"]
    targets = [target for panel in panels for target in panel.get("targets", ())]
    return [(each["expr"], set(re.findall(r"\{\{(\w+)\}\}", each["legendFormat"]))) for each in targets]


def expressions_of_alerts() -> list[tuple[str, set[str]]]:
    """What each alert asks, and the labels that its summary shows."""
    written = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text())
    rules = [rule for group in written["groups"] for rule in group["rules"]]
    return [(each["expr"], set(re.findall(r"\$labels\.(\w+)", each["annotations"]["summary"]))) for each in rules]
