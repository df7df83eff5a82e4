"""How the service stands, and the ops port's pages that say it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import orjson

from service.runtime.ops import Page, Routes

SILENT_SECONDS: Final = 5.0
"""A worker says something every second; one that has not for so long hangs, and calls that come to it do too."""
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """The policies in force, since when (seconds since 1970 UTC), and why later ones were refused, if they were."""

    digest: str = ""
    since: float = 0.0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How the service stands. `workers` has the digest that each worker answers by."""

    policies: PolicyStatus
    workers: tuple[str, ...]
    workers_wanted: int
    is_draining: bool
    is_spool_failing: bool
    may_answer_unrecorded: bool
    feed_lags: tuple[float, ...]
    max_staleness: float
    silences: tuple[tuple[str, float], ...] = ()
    """Each worker that has policies, and for how many seconds it has said nothing."""
    left_alone: tuple[str, ...] = ()
    """Databases that some worker leaves alone after failures; it is ready for what needs none of them."""
    unenforced: str = ""
    """What is not enforced; empty where every decision is."""
    candidate: str = ""
    """The policies that are to be tried out beside those in force."""
    candidate_refused: str = ""
    """Why they are not, or not by every worker; or why there are none."""

    @property
    def workers_in_step(self) -> int:
        """Workers that answer by the policies in force."""
        return sum(digest == self.policies.digest for digest in self.workers) if self.policies.digest else 0

    @property
    def silent(self) -> list[str]:
        """Workers that hang."""
        return [worker for worker, seconds in self.silences if seconds > SILENT_SECONDS]

    @property
    def unready(self) -> list[str]:
        """Why it should not be asked now; nothing if it should."""
        found = {
            "the service is draining": self.is_draining,
            "no policies are in force": not self.policies.digest,
            f"{self.workers_in_step} of {self.workers_wanted} workers have the policies in force": (
                self.workers_in_step < self.workers_wanted
            ),
            f"nothing was heard for {SILENT_SECONDS:.0f} seconds of {', '.join(self.silent)}": bool(self.silent),
            "the change feed is behind": any(lag > self.max_staleness for lag in self.feed_lags),
            "the record cannot be written": self.is_spool_failing and not self.may_answer_unrecorded,
        }
        return [why for why, holds in found.items() if holds]

    @property
    def remarks(self) -> list[str]:
        """What an operator should know, though it may be asked."""
        is_unrecorded = self.is_spool_failing and self.may_answer_unrecorded
        unrecorded = ["the record cannot be written: answers are given unrecorded"] if is_unrecorded else []
        unenforced = [self.unenforced] if self.unenforced else []
        return [*unenforced, *unrecorded, *(f"without {each}, which does not answer" for each in self.left_alone)]


def routes(status: Callable[[], Status], metrics: Callable[[str], tuple[bytes, str]]) -> Routes:
    """The ops port's paths; `metrics` gives text and content type for a header `Accept`."""
    return {
        "/healthz": lambda _: Page(HTTPStatus.OK, b"ok\n"),
        "/readyz": lambda _: _readiness(status()),
        "/metrics": lambda accept: Page(HTTPStatus.OK, *metrics(accept)),
        "/policies": lambda _: _policies(status()),
    }


def _readiness(status: Status) -> Page:
    unready = status.unready
    if unready:
        whys = [*unready, *(f"{each} does not answer" for each in status.left_alone)]
        return Page(HTTPStatus.SERVICE_UNAVAILABLE, "".join(f"{why}\n" for why in whys).encode())
    return Page(HTTPStatus.OK, "".join(f"{line}\n" for line in ("ready", *status.remarks)).encode())


def _policies(status: Status) -> Page:
    policies = status.policies
    since = datetime.fromtimestamp(policies.since, UTC).isoformat(timespec="seconds") if policies.digest else None
    shown = {
        "digest": policies.digest or None,
        "since": since,
        "workers": {"wanted": status.workers_wanted, "in_step": status.workers_in_step},
        "refused": policies.refused or None,
        "candidate": {"digest": status.candidate or None, "refused": status.candidate_refused or None},
    }
    return Page(HTTPStatus.OK, orjson.dumps(shown, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), _JSON)
