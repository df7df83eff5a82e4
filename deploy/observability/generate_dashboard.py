"""Writes grafana-dashboard.json: one row for each thing that an operator asks about, made of the panels listed here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("grafana-dashboard.json")
WIDTH: Final = 24
"""Columns of Grafana's grid."""
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
AT: Final = 'job=~"$job",instance=~"$instance"'
"""What the variables at the top of the dashboard leave."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph: its lines are expressions, in which `@` stands for what the variables leave, each with its legend."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    says: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, under a title."""

    title: str
    panels: tuple[Panel, ...]


def _quantiles(metric: str, by: str = "", of: str = "@") -> tuple[tuple[str, str], ...]:
    labels, legend = (f"le,{by}", f" {{{{{by}}}}}") if by else ("le", "")
    rate = f"sum by ({labels}) (rate({metric}_bucket{{{of}}}[$__rate_interval]))"
    return tuple((f"histogram_quantile({q}, {rate})", f"p{q[2:]}{legend}") for q in ("0.50", "0.99"))


def _rate(metric: str, *by: str, of: str = "@") -> tuple[tuple[str, str], ...]:
    legend = " ".join(f"{{{{{each}}}}}" for each in by) or "{{instance}}"
    labels = ",".join(by) or "instance"
    return ((f"sum by ({labels}) (rate({metric}{{{of}}}[$__rate_interval]))", legend),)


def _now(metric: str, *by: str, most: str = "max") -> tuple[tuple[str, str], ...]:
    labels = ("instance", *by)
    legend = " ".join(f"{{{{{each}}}}}" for each in labels)
    return ((f"{most} by ({','.join(labels)}) ({metric}{{@}})", legend),)


def _share(part: str, whole: str, legend: str, by: str = "instance") -> tuple[tuple[str, str], ...]:
    above, below = (f"sum by ({by}) (rate({each}[$__rate_interval]))" for each in (part, whole))
    return ((f"{above} / {below}", legend),)


ROWS: Final = (
    Row(
        "Traffic",
        (
            Panel("Ready", "none", _now("magistrate_ready", most="min"), "1 while /readyz says that it is ready"),
            Panel("Calls", "reqps", _rate("magistrate_calls_total", "door", "call")),
            Panel("Calls by status", "reqps", _rate("magistrate_calls_total", "door", "status")),
            Panel("Questions in calls of several", "reqps", _rate("magistrate_items_total", "door", "status")),
            Panel("Calls under way", "none", _now("magistrate_calls_under_way", "door", most="sum")),
            Panel("Faults of the service", "reqps", _rate("magistrate_faults_total", "door")),
            Panel("Refused: over the rate, too much under way", "reqps", _rate("magistrate_rate_limited_total")),
        ),
    ),
    Row(
        "Latency by stage",
        (
            Panel(
                "Calls that ask", "s", _quantiles("magistrate_call_seconds", "call", '@,call=~"Authorization.*|/.*"')
            ),
            Panel("Stages, p50 and p99", "s", _quantiles("magistrate_stage_seconds", "stage")),
            Panel(
                "Time spent by stage",
                "s",
                _rate("magistrate_stage_seconds_sum", "stage"),
                "seconds of all calls together, for each second: which stage to look at",
            ),
            Panel("From admission to record", "s", _quantiles("magistrate_check_seconds")),
            Panel("Event loop, how late", "s", _quantiles("magistrate_loop_lag_seconds")),
        ),
    ),
    Row(
        "Decisions",
        (
            Panel("Decisions", "reqps", _rate("magistrate_decisions_total", "effect")),
            Panel("By code", "reqps", _rate("magistrate_decisions_total", "code")),
            Panel(
                "Share that denies",
                "percentunit",
                _share('magistrate_decisions_total{@,effect="deny"}', "magistrate_decisions_total{@}", "{{instance}}"),
            ),
            Panel("Not enforced", "reqps", _rate("magistrate_unenforced_total", "effect", "code")),
            Panel("Emergency grants in force", "none", _now("magistrate_break_glass_active")),
            Panel("Allowed by them alone", "reqps", _rate("magistrate_break_glass_uses_total", "instance")),
            Panel("Refusals of callers", "reqps", _rate("magistrate_refusals_total", "code")),
            Panel("A candidate decides otherwise", "reqps", _rate("magistrate_shadow_flips_total", "direction")),
            Panel("A candidate is refused", "none", _now("magistrate_shadow_refused")),
        ),
    ),
    Row(
        "Facts and feed",
        (
            Panel("Feed, how far behind", "s", _now("magistrate_feed_lag_seconds")),
            Panel("Revision", "none", _now("magistrate_feed_revision", most="min")),
            Panel("Reads of facts", "reqps", _rate("magistrate_fact_reads_total", "result")),
            Panel("Facts in memory", "none", _now("magistrate_fact_cache_entries", "process")),
            Panel(
                "Reads under way, of the places",
                "percentunit",
                (
                    (
                        "sum by (instance,database) (magistrate_reads_under_way{@})"
                        " / sum by (instance,database) (magistrate_reads_places{@})",
                        "{{instance}} {{database}}",
                    ),
                ),
            ),
            Panel("Reads without a place", "reqps", _rate("magistrate_reads_refused_total", "instance", "database")),
            Panel("Databases left alone", "none", _now("magistrate_breaker_open", "database")),
            Panel("Times that they came to be", "reqps", _rate("magistrate_breaker_opened_total", "database")),
        ),
    ),
    Row(
        "Record",
        (
            Panel("Cannot be kept", "none", _now("magistrate_spool_failing")),
            Panel("Answers unrecorded", "reqps", _rate("magistrate_unrecorded_total")),
            Panel("Oldest record not shipped", "s", _now("magistrate_ship_lag_seconds")),
            Panel("Bytes not shipped", "bytes", _now("magistrate_ship_lag_bytes")),
            Panel("Segments that cannot be read", "none", _now("magistrate_spool_unreadable_segments")),
            Panel("Spool", "bytes", (*_now("magistrate_spool_bytes"), *_now("magistrate_spool_room_bytes"))),
            Panel("Free on its disk", "bytes", _now("magistrate_spool_disk_free_bytes")),
            Panel("Shipped", "reqps", _rate("magistrate_shipped_total")),
            Panel("Failures of shipping", "reqps", _rate("magistrate_ship_failures_total")),
            Panel("Left out by rule", "reqps", _rate("magistrate_records_dropped_total", "rule")),
            Panel("Checkpoints", "reqps", _rate("magistrate_checkpoints_total", "result")),
            Panel(
                "Since the last checkpoint",
                "s",
                (("time() - magistrate_checkpoint_success_timestamp_seconds{@}", "{{instance}}"),),
            ),
            Panel("Looks for expired records", "reqps", _rate("magistrate_retention_passes_total", "result")),
            Panel(
                "Since the last look",
                "s",
                (("time() - magistrate_retention_success_timestamp_seconds{@}", "{{instance}}"),),
            ),
            Panel(
                "Expired records",
                "reqps",
                (
                    ("sum(rate(magistrate_retention_removed_total{@}[$__rate_interval]))", "removed"),
                    ("sum(rate(magistrate_retention_unfit_total{@}[$__rate_interval]))", "not as they were written"),
                ),
            ),
        ),
    ),
    Row(
        "Policies",
        (
            Panel("In force", "none", (("count by (digest) (magistrate_policy_info{@})", "{{digest}}"),)),
            Panel(
                "Since",
                "s",
                (("time() - magistrate_policy_activated_timestamp_seconds{@}", "{{instance}}"),),
                "their age",
            ),
            Panel("Refused", "none", _now("magistrate_policy_refused")),
            Panel("Taken up", "reqps", _rate("magistrate_policy_reloads_total", "result")),
            Panel("Workers in step", "none", (*_now("magistrate_policy_workers"), *_now("magistrate_workers_wanted"))),
        ),
    ),
    Row(
        "Authentication",
        (
            Panel("Not authenticated", "reqps", _rate("magistrate_unauthenticated_total", "reason")),
            Panel(
                "Credentials found in memory",
                "percentunit",
                _share(
                    'magistrate_credential_cache_total{@,result="hit"}',
                    "magistrate_credential_cache_total{@}",
                    "{{kind}}",
                    "kind",
                ),
            ),
            Panel("Credentials in memory", "none", _now("magistrate_credential_cache_entries", "process")),
            Panel(
                "Issuers' keys are good for",
                "s",
                _now("magistrate_issuer_keys_left_seconds", "issuer", most="min"),
                "at 0 the issuer's tokens are refused",
            ),
            Panel("Fetches of keys", "reqps", _rate("magistrate_key_fetches_total", "issuer", "result")),
            Panel("Key files read", "reqps", _rate("magistrate_key_reloads_total", "result")),
            Panel("Key files refused", "none", _now("magistrate_key_files_refused")),
            Panel(
                "Certificates end in",
                "s",
                (("magistrate_certificate_expiry_timestamp_seconds{@} - time()", "{{instance}} {{settings}}"),),
            ),
            Panel("Certificate files refused", "none", _now("magistrate_certificate_files_refused", "settings")),
        ),
    ),
    Row(
        "Processes",
        (
            Panel("Processors", "none", _rate("magistrate_process_cpu_seconds_total", "instance", "process")),
            Panel("Memory", "bytes", _now("magistrate_process_memory_bytes", "process")),
            Panel(
                "Open files, of those allowed",
                "percentunit",
                (
                    (
                        "magistrate_process_open_files{@} / magistrate_process_open_files_limit{@}",
                        "{{instance}} {{process}}",
                    ),
                ),
            ),
            Panel("Restarts", "reqps", _rate("magistrate_restarts_total", "instance", "process")),
            Panel(
                "Hung, and ended", "short", (("increase(magistrate_hangs_total{@}[1h])", "{{instance}} {{process}}"),)
            ),
            Panel("Silent for", "s", _now("magistrate_process_silent_seconds", "process")),
            Panel(
                "Up since",
                "s",
                (("time() - magistrate_process_start_timestamp_seconds{@}", "{{instance}} {{process}}"),),
            ),
            Panel(
                "Versions",
                "none",
                (("count by (version,python) (magistrate_build_info{@})", "{{version}}, Python {{python}}"),),
            ),
            Panel("Log lines lost", "reqps", _rate("magistrate_log_lines_lost_total")),
            Panel("Calls traced", "reqps", _rate("magistrate_traces_total", "why")),
            Panel("Spans", "reqps", _rate("magistrate_spans_total", "result")),
        ),
    ),
)


def dashboard(rows: Sequence[Row] = ROWS) -> str:
    """The file's text."""
    panels: list[Json] = []
    y = 0
    for row in rows:
        panels.append(_row(row.title, len(panels) + 1, y))
        y += 1
        for at, panel in enumerate(row.panels):
            x, down = at % 3 * (WIDTH // 3), at // 3 * 8
            place = {"x": x, "y": y + down, "w": WIDTH // 3, "h": 8}
            panels.append(_panel(panel, len(panels) + 1, place))
        y += (len(row.panels) + 2) // 3 * 8
    return json.dumps(_whole(panels), indent=1) + "\n"


def _whole(panels: list[Json]) -> Json:
    return {
        "title": "Magistrate",
        "uid": "magistrate",
        "tags": ["magistrate"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                _variable("job", "label_values(magistrate_build_info, job)"),
                _variable("instance", 'label_values(magistrate_build_info{job=~"$job"}, instance)'),
            ]
        },
        "panels": panels,
    }


def _variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _row(title: str, number: int, y: int) -> Json:
    place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> Json:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expr.replace("@", AT), "legendFormat": legend}
            for at, (expr, legend) in enumerate(panel.lines)
        ],
    }


if __name__ == "__main__":
    FILE.write_text(dashboard())
