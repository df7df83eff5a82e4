"""All processes' counts together, in the Prometheus text format. What a process had counted outlives it."""

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from service.runtime.child import Child
from service.samples import BUCKETS, Labels, Samples

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

HELP: Final[Mapping[str, str]] = {
    "magistrate_decisions": "Decisions given, by effect and code.",
    "magistrate_refusals": "Requests of authenticated callers that were refused, by code.",
    "magistrate_check_seconds": "From the admission of a question until its decision was recorded.",
    "magistrate_unrecorded": "Records answered without being kept (spool.when_full = continue).",
    "magistrate_records_dropped": "Allows that were left out of the record, by rule (record.drop).",
    "magistrate_spool_failing": "1 while the record cannot be written.",
    "magistrate_spool_bytes": "Bytes in the spool that are not shipped and gone yet.",
    "magistrate_spool_room_bytes": "Bytes that the spool may still grow by, by its limit and by the disk's free space.",
    "magistrate_ship_lag_bytes": "Bytes in the spool that are not in the log yet.",
    "magistrate_ship_lag_seconds": "Since the oldest record that is not in the log yet was decided.",
    "magistrate_shipped": "Records moved from the spool into the log.",
    "magistrate_ship_failures": "Times that the log's database or the spool did not let records be moved.",
    "magistrate_log_lines_lost": "Lines of the service's own log that could not be written.",
    "magistrate_feed_lag_seconds": "Since the start of the last good look at the change feed.",
    "magistrate_key_reloads": "Key files read again, by result.",
    "magistrate_certificate_expiry_timestamp_seconds": "When the certificate that doors show expires, since 1970 UTC.",
    "magistrate_certificate_files_refused": "1 while a certificate's files do not fit, and those before are shown.",
    "magistrate_key_fetches": "Times that an issuer's keys were fetched, by issuer and result.",
    "magistrate_issuer_keys_age_seconds": "Since the oldest of the issuers' fetched keys were fetched.",
    "magistrate_credential_cache": "Uses of credentials, by whether what they came to was remembered.",
    "magistrate_credential_cache_entries": "Credentials that are remembered.",
    "magistrate_unauthenticated": "Calls that were not authenticated.",
    "magistrate_rate_limited": "Calls that were refused for the rate of their credential.",
    "magistrate_breaker_open": "1 while a database, of the facts or of a mapped source, is left alone after failures.",
    "magistrate_breaker_opened": "Times that a database came to be left alone.",
    "magistrate_reads_refused": "Reads of a database that found no place.",
    "magistrate_policy_reloads": "Policy folders read again, by result.",
    "magistrate_restarts": "Processes started again after one had died.",
    "magistrate_policy_workers": "Workers that answer by these policies.",
}
"""Every metric, and what it says; counters get the suffix `_total`."""


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

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Everything, metric by metric."""
        total, own = Samples(), self._own()
        for samples in (self._gone, *self._living.values(), own):
            total.add(samples)
        yield from _counters(total)
        yield from _histograms(total)
        processes = [(child.program.name, samples) for child, samples in self._living.items()]
        yield from _gauges([*processes, ("supervisor", own)])
        yield from _states(processes)


def _counters(total: Samples) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily] = {}
    for (name, labels), value in sorted(total.counters.items()):
        names = [key for key, _ in labels]
        family = families.setdefault(name, CounterMetricFamily(name, HELP[name], labels=names))
        family.add_metric([text for _, text in labels], value)
    yield from families.values()


def _histograms(total: Samples) -> Iterator[Metric]:
    bounds = [*map(str, BUCKETS), "+Inf"]
    for name, histogram in total.histograms.items():
        family = HistogramMetricFamily(name, HELP[name])
        counts = accumulate(histogram.buckets)
        family.add_metric([], list(zip(bounds, counts, strict=True)), histogram.total)
        yield family


def _gauges(processes: list[tuple[str, Samples]]) -> Iterator[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for process, samples in processes:
        for name, value in samples.gauges.items():
            family = families.setdefault(name, GaugeMetricFamily(name, HELP[name], labels=["process"]))
            family.add_metric([process], value)
    yield from families.values()


def _states(processes: list[tuple[str, Samples]]) -> Iterator[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for process, samples in processes:
        for (name, labels), value in samples.states.items():
            names = [*(key for key, _ in labels), "process"]
            family = families.setdefault(name, GaugeMetricFamily(name, HELP[name], labels=names))
            family.add_metric([*(text for _, text in labels), process], value)
    yield from families.values()
