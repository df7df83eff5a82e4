"""Writes what processes have counted as Prometheus reads it."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from service.metrics import METRICS, PROCESS, Kind
from service.samples import BUCKETS, Histogram, Samples, Series

Processes = Sequence[tuple[str, Samples]]
"""What each process has counted, beside its name; while one takes the place of another, two have the same."""


def exposed(gone: Samples, processes: Processes, accept: str) -> tuple[bytes, str]:
    """The counts of processes that are gone and of those that run, in a format that the header `accept` names.

    Behind it stands the type of its content.
    """
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(gone, processes))
    return encode(registry), content_type


class _Families(Collector):
    """The counts as families of metrics."""

    def __init__(self, gone: Samples, processes: Processes) -> None:
        self._gone = gone
        self._processes = processes

    def collect(self) -> Iterator[Metric]:
        """Everything, metric by metric."""
        total = _from_the_start()
        for samples in (self._gone, *(samples for _, samples in self._processes)):
            total.add(samples)
        yield from _counters(total)
        yield from _histograms(total)
        yield from _gauges(self._processes)


def _from_the_start() -> Samples:
    """What there is of every counter and histogram before anything was counted."""
    samples = Samples()
    for name, declared in METRICS.items():
        if declared.is_each:
            continue
        if declared.kind is Kind.COUNTER:
            samples.counters.update(dict.fromkeys([(name, labels) for labels in declared.series], 0.0))
        if declared.kind is Kind.HISTOGRAM:
            samples.histograms.update({(name, labels): Histogram() for labels in declared.series})
    return samples


def _counters(total: Samples) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily] = {}
    for (name, labels), value in sorted(total.counters.items()):
        declared = METRICS[name]
        family = families.setdefault(name, CounterMetricFamily(name, declared.help, labels=declared.label_names))
        family.add_metric([text for _, text in labels], value)
    yield from families.values()


def _histograms(total: Samples) -> Iterator[Metric]:
    bounds = [*map(str, BUCKETS), "+Inf"]
    families: dict[str, HistogramMetricFamily] = {}
    for (name, labels), histogram in total.histograms.items():
        declared = METRICS[name]
        family = families.setdefault(name, HistogramMetricFamily(name, declared.help, labels=declared.label_names))
        counts = accumulate(histogram.buckets)
        family.add_metric([text for _, text in labels], list(zip(bounds, counts, strict=True)), histogram.total)
    yield from families.values()


def _gauges(processes: Processes) -> Iterator[Metric]:
    """What each process tells of itself."""
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for process, samples in processes:
        of_each: dict[Series, float] = {(name, ()): value for name, value in samples.gauges.items()}
        for (name, labels), value in {**of_each, **samples.states}.items():
            declared = METRICS[name]
            kind = CounterMetricFamily if declared.kind is Kind.COUNTER else GaugeMetricFamily
            family = families.setdefault(name, kind(name, declared.help, labels=[*sorted(declared.labels), PROCESS]))
            family.add_metric([*(text for _, text in labels), process], value)
    yield from families.values()
