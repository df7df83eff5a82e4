"""All processes' counts together, in the Prometheus text formats. What a process had counted outlives it."""

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from service.metrics import METRICS, PROCESS, Kind
from service.runtime.child import Child
from service.samples import BUCKETS, Histogram, Labels, Samples, Series


class Collected(Collector):
    """What is known of all processes."""

    def __init__(self, own: Callable[[], Samples]) -> None:
        """`own` gives what the supervisor itself counts."""
        self._own = own
        self._gone = Samples()
        self._living: dict[Child, Samples] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def sampled(self, child: Child, samples: Samples) -> None:
        """A process says what it has counted by now."""
        self._living[child] = samples

    def left(self, child: Child) -> None:
        """A process has ended."""
        self._gone.add(self._living.pop(child, Samples()))

    def gauges(self, name: str) -> list[float]:
        """What the processes that have the gauge say."""
        return [samples.gauges[name] for samples in self._living.values() if name in samples.gauges]

    def states(self, name: str) -> list[tuple[Labels, float]]:
        """What the processes that have such a state say, by its labels."""
        return [
            (labels, value)
            for samples in self._living.values()
            for (known, labels), value in samples.states.items()
            if known == name
        ]

    def text(self, accept: str) -> tuple[bytes, str]:
        """Everything, in the format of those that the header `Accept` names, and the type of its content."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Everything, metric by metric."""
        total, own = _from_the_start(), self._own()
        for samples in (self._gone, *self._living.values(), own):
            total.add(samples)
        processes = [(child.program.name, samples) for child, samples in self._living.items()]
        processes.append(("supervisor", own))
        yield from _counters(total)
        yield from _histograms(total)
        yield from _gauges(processes)


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


def _gauges(processes: list[tuple[str, Samples]]) -> Iterator[Metric]:
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
