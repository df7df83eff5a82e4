"""Every metric that the service tells of itself: its kind, what it says, its labels and their values.

Laws: what is not declared here is not told. A label's values are few, whoever calls and whatever they send; where they
are listed, a counter stands at 0 before anything was counted, so that the first time is seen as a rise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import product
from types import MappingProxyType
from typing import Final

from service.errors import Flaw

Values = tuple[str, ...]
OPEN: Final[Values] = ()
"""The values of a label that the configuration, the policies or the contract bound, and not this table."""
PROCESS: Final = "process"
"""The label of what each process tells of itself."""
OTHERS: Final = "others"
"""The value of a label that stands for all that are not told apart."""


class Kind(Enum):
    """What a metric is to who reads it."""

    COUNTER = "counter"
    """Only rises; the name that is read ends in `_total`."""
    GAUGE = "gauge"
    """Stands for now."""
    HISTOGRAM = "histogram"
    """Durations in seconds, in buckets."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric. With `is_each`, each process tells its own and has its name as one more label."""

    kind: Kind
    help: str
    labels: Mapping[str, Values]
    is_each: bool = False

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of all labels, that of the process last."""
        return (*sorted(self.labels), PROCESS) if self.is_each else tuple(sorted(self.labels))

    @property
    def series(self) -> list[tuple[tuple[str, str], ...]]:
        """The labels of each series that is there from the start; none where a label's values are not listed."""
        names = sorted(self.labels)
        return [tuple(zip(names, values, strict=True)) for values in product(*(self.labels[name] for name in names))]


def _counter(help_: str, **labels: Values) -> Declared:
    return Declared(Kind.COUNTER, help_, MappingProxyType(labels))


def _histogram(help_: str, **labels: Values) -> Declared:
    return Declared(Kind.HISTOGRAM, help_, MappingProxyType(labels))


def _gauge(help_: str, **labels: Values) -> Declared:
    return Declared(Kind.GAUGE, help_, MappingProxyType(labels), is_each=True)


STAGES: Final = ("verify", "fetch", "decide", "record", "write")
"""What a call that asks goes through, in this order."""

DOORS: Final = ("grpc", "http")
"""The kinds of doors that calls come in by."""

_ASKING: Final = {
    "magistrate_decisions": _counter(
        "Decisions given, by effect and code; past a hundred codes of policies in a process the others are `others`.",
        effect=OPEN,
        code=OPEN,
    ),
    "magistrate_unenforced": _counter(
        "Decisions in place of which a plain allow was answered, by the effect and code that were decided.",
        effect=OPEN,
        code=OPEN,
    ),
    "magistrate_log_only": _gauge("1 while some decisions are not enforced (enforcement.mode = log-only)."),
    "magistrate_shadow_compared": _counter("Decisions that candidate policies, tried out beside, decided too."),
    "magistrate_shadow_flips": _counter(
        "Decisions that candidate policies decided otherwise, by direction.",
        direction=("now_allowed", "now_denied", "answer"),
    ),
    "magistrate_shadow_faults": _counter(
        "Calls that candidate policies could not decide too, by reason, and candidates that were refused.",
        reason=("slow", "failed", "busy", "hurried", "refused"),
    ),
    "magistrate_shadow_active": _gauge("1 while candidate policies are tried out beside those in force."),
    "magistrate_shadow_refused": _gauge("1 while candidate policies are refused, or a worker has let go of them."),
    "magistrate_break_glass_active": _gauge("Emergency grants that are in force."),
    "magistrate_break_glass_last_timestamp_seconds": _gauge(
        "When an emergency grant was last in force, in seconds since 1970 UTC; 0 where none was within the hour."
    ),
    "magistrate_break_glass_uses": _counter("Decisions that allow by an emergency grant alone."),
    "magistrate_refusals": _counter("Requests of authenticated callers that were refused, by code.", code=OPEN),
    "magistrate_check_seconds": _histogram("From the admission of a question until its decision was recorded."),
    "magistrate_stage_seconds": _histogram(
        "What each stage of a call that asks took; a batch is one call, and so is what a stream answers together.",
        stage=STAGES,
    ),
    "magistrate_calls": _counter(
        "Calls that ended, by door, RPC or route, and status.", door=OPEN, call=OPEN, status=OPEN
    ),
    "magistrate_items": _counter(
        "Answers to single questions of streams, batches and evaluations, by door, RPC or route, and status.",
        door=OPEN,
        call=OPEN,
        status=OPEN,
    ),
    "magistrate_call_seconds": _histogram(
        "From a call's arrival at the door until its end, by door and RPC or route.", door=OPEN, call=OPEN
    ),
    "magistrate_faults": _counter(
        "Calls that ended with a fault of the service, whose cause is in its log.", door=DOORS
    ),
    "magistrate_calls_under_way": _gauge("Calls that have begun and not ended.", door=OPEN),
    "magistrate_unauthenticated": _counter(
        "Calls that were not authenticated, by reason.", reason=tuple(flaw.value for flaw in Flaw)
    ),
    "magistrate_rate_limited": _counter(
        "Calls that were refused for the rate of their caller or credential, or for what the caller has under way."
    ),
    "magistrate_authzen_dropped": _counter(
        "What AuthZEN requests said and the policies do not take from callers, by the part it stood in.",
        part=("subject", "resource", "context"),
    ),
}
_TRACES: Final = {
    "magistrate_traces": _counter(
        "Calls that were traced, by their parent's wish or by the ratio; or held back, for there were too many.",
        why=("ratio", "parent", "held_back"),
    ),
    "magistrate_spans": _counter(
        "Spans that were sent to the collector, could not be, or found no place to wait for it.",
        result=("sent", "failed", "lost"),
    ),
}
_CREDENTIALS: Final = {
    "magistrate_key_reloads": _counter("Key files read again, by result.", result=("loaded", "refused")),
    "magistrate_key_files_refused": _gauge(
        "1 while a key file of an issuer cannot be used, and the keys from before are in force."
    ),
    "magistrate_certificate_expiry_timestamp_seconds": _gauge(
        "When the certificate that doors show expires, in seconds since 1970 UTC.",
        settings=OPEN,
    ),
    "magistrate_certificate_files_refused": _gauge(
        "1 while a certificate's files do not fit, and those before are shown.", settings=OPEN
    ),
    "magistrate_key_fetches": _counter(
        "Times that an issuer's keys were fetched, by issuer and result.", issuer=OPEN, result=OPEN
    ),
    "magistrate_issuer_keys_left_seconds": _gauge(
        "Until an issuer's fetched keys are too old to be good; 0 where they are, or were never fetched.", issuer=OPEN
    ),
    "magistrate_issuer_keys_max_stale_seconds": _gauge(
        "How long an issuer's keys are good after they were fetched (keys_max_stale_seconds).", issuer=OPEN
    ),
    "magistrate_credential_cache": _counter(
        "Uses of credentials, by whether what they came to was remembered.", kind=OPEN, result=OPEN
    ),
    "magistrate_credential_cache_entries": _gauge("Credentials that are remembered."),
}
_RECORD: Final = {
    "magistrate_unrecorded": _counter("Records answered without being kept (spool.when_full = continue)."),
    "magistrate_records_dropped": _counter("Allows left out of the record, by rule (record.drop).", rule=OPEN),
    "magistrate_spool_failing": _gauge("1 while the record cannot be written."),
    "magistrate_spool_bytes": _gauge("Bytes in the spool that are not shipped and gone yet."),
    "magistrate_spool_room_bytes": _gauge(
        "Bytes that the spool may still grow by, by its limit and by the disk's free space."
    ),
    "magistrate_spool_disk_free_bytes": _gauge("Bytes that are free on the disk of the spool."),
    "magistrate_spool_unreadable_segments": _gauge(
        "Segments, also those set aside, with records that are not in the log and cannot be read."
    ),
    "magistrate_ship_lag_bytes": _gauge("Bytes in the spool that are not in the log yet."),
    "magistrate_ship_lag_seconds": _gauge("Since the oldest record that is not in the log yet was decided."),
    "magistrate_shipped": _counter("Records moved from the spool into the log."),
    "magistrate_ship_failures": _counter("Times that the log's database or the spool did not let records be moved."),
    "magistrate_checkpoints": _counter(
        "Times that a checkpoint of the record was due, by result.", result=("written", "unchanged", "failed")
    ),
    "magistrate_checkpoint_success_timestamp_seconds": _gauge(
        "When the record's checkpoints were last up to date, or the process began where they never were, in seconds"
        " since 1970 UTC."
    ),
    "magistrate_checkpoint_interval_seconds": _gauge("How often a checkpoint is due (checkpoint_seconds)."),
    "magistrate_retention_passes": _counter(
        "Times that expired records were looked for, by result.", result=("done", "elsewhere", "failed")
    ),
    "magistrate_retention_removed": _counter("Expired records that were taken out of the log."),
    "magistrate_retention_unfit": _counter(
        "Times that an expired record was found that is not as it was written, and stays."
    ),
    "magistrate_retention_success_timestamp_seconds": _gauge(
        "When a look for expired records last came to its end, in seconds since 1970 UTC."
    ),
    "magistrate_log_lines_lost": _counter("Lines of the service's own log that could not be written."),
}
_FACTS: Final = {
    "magistrate_feed_lag_seconds": _gauge("Since the start of the last good look at the change feed."),
    "magistrate_feed_revision": _gauge("The number of the last revision that is applied."),
    "magistrate_fact_reads": _counter(
        "Reads of facts for calls: from memory alone, by a read of another call, by a read of the database.",
        result=("memory", "joined", "database"),
    ),
    "magistrate_fact_cache_entries": _gauge("Facts that are kept in memory."),
    "magistrate_breaker_open": _gauge(
        "1 while a database, of the facts or of a mapped source, is left alone after failures.", database=OPEN
    ),
    "magistrate_breaker_opened": _counter("Times that a database came to be left alone.", database=OPEN),
    "magistrate_reads_refused": _counter("Reads of a database that found no place.", database=OPEN),
    "magistrate_reads_under_way": _gauge("Reads of a database that have a place now, waiting ones too.", database=OPEN),
    "magistrate_reads_places": _gauge("Places for reads of a database, waiting ones too.", database=OPEN),
}
_POLICIES: Final = {
    "magistrate_policy_reloads": _counter("Policies taken up, by result.", result=("activated", "refused")),
    "magistrate_policy_refused": _gauge("1 while policies that came after those in force are refused."),
    "magistrate_policy_activated_timestamp_seconds": _gauge(
        "Since when the policies in force are, in seconds since 1970 UTC; 0 where there are none."
    ),
    "magistrate_policy_info": _gauge("1, with the digest of the policies in force.", digest=OPEN),
    "magistrate_policy_answering": _gauge(
        "1 while the worker has policies to answer by, 0 while others are in force than those that it has loaded."
    ),
    "magistrate_policy_workers": _gauge("Workers that answer by the policies in force."),
}
_PROCESSES: Final = {
    "magistrate_build_info": _gauge("1, with the versions of the service and of Python.", version=OPEN, python=OPEN),
    "magistrate_ready": _gauge("1 while /readyz says that it is ready."),
    "magistrate_workers_wanted": _gauge("Workers that there should be."),
    "magistrate_restarts": _counter("Processes started again after one had died.", process=OPEN),
    "magistrate_hangs": _counter("Processes that said nothing for `hung_seconds`, and were ended.", process=OPEN),
    "magistrate_process_silent_seconds": _gauge(
        "Since the supervisor last heard of the process, which speaks every second; its other gauges are as old."
    ),
    "magistrate_process_start_timestamp_seconds": _gauge("When the process began, in seconds since 1970 UTC."),
    "magistrate_process_cpu_seconds": Declared(
        Kind.COUNTER, "Time that the process has spent on a processor.", MappingProxyType({}), is_each=True
    ),
    "magistrate_process_memory_bytes": _gauge("Memory that the process has resident."),
    "magistrate_process_open_files": _gauge("Files and connections that the process has open."),
    "magistrate_process_open_files_limit": _gauge("How many it may have open."),
    "magistrate_loop_lag_seconds": _histogram("How late a worker's event loop was, ten times a second."),
}

GROUPS: Final[Mapping[str, Mapping[str, Declared]]] = MappingProxyType(
    {
        "Calls and decisions": _ASKING,
        "Traces": _TRACES,
        "Credentials": _CREDENTIALS,
        "The record": _RECORD,
        "Facts": _FACTS,
        "Policies": _POLICIES,
        "Processes": _PROCESSES,
    }
)
"""What is told of what."""

METRICS: Final[Mapping[str, Declared]] = MappingProxyType(
    {name: declared for group in GROUPS.values() for name, declared in group.items()}
)
"""By the name that the code has; a counter is read as this and `_total`."""
