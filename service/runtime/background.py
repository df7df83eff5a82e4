"""The background process: compiles the policies and ships the record, until it is told to stop.

It does so at low priority, but for the first policies of a folder, for which callers wait, and for records that have
waited long.
"""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Final

from policy_lang.syntax.parser import language
from service.config import Settings
from service.errors import MagistrateError
from service.policies.watching import Fit, Fits, Unfit, WatchedFolder, anywhere
from service.runtime.handing import Handing
from service.runtime.leash import Leash
from service.runtime.messages import Broken, Candidate, Compiled, IssuerKeys, KeysMissed, KeysWanted, Ready, Sampled
from service.telemetry import configure_log, flush_log, get_log

NICENESS: Final = 10
COLLECT_EVERY: Final = 50_000
"""Objects made between two looks for garbage: a bundle's trees are many and none of them is, so looking is in vain."""
FIRST_SECONDS: Final = 5.0
"""How long everything else waits for the first policies."""

_log = get_log("background")


def main() -> int:
    """Runs the background process; its exit code."""
    configure_log()
    gc.set_threshold(COLLECT_EVERY)
    language()  # made while the databases are made fit for use: when the settings come, callers wait for policies
    leash = Leash.take()
    handing = Handing(leash)
    stop, told = threading.Event(), threading.Event()
    hear = _fetch_keys(leash, stop)
    leash.listen(lambda message: hear(message) if isinstance(message, KeysWanted) else handing.hear(message))
    gc.freeze()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        told.set()

    signal.signal(signal.SIGTERM, end)
    leash.report(Ready(0))
    threading.Thread(target=_compile, args=(handing, stop, told), daemon=True).start()
    # What answers is waited for by callers: the rest is not even loaded before there are policies to answer by.
    told.wait(FIRST_SECONDS)
    urgent = ThreadPoolExecutor(1, "urgent")
    urgent.submit(int).result()  # its thread is there now, and keeps the priority that this one gives up
    # Loaded before that: on a busy machine it would take longer than a service waits that is soon told to stop.
    from service.app.background import run_background

    os.nice(NICENESS)  # of this thread, and of those that it starts
    try:
        run_background(leash.settings, stop, lambda samples: leash.report(Sampled(samples)), urgent)
    except MagistrateError as error:
        _log.error("stopped", why=str(error))
        return 1
    return 0


def _fetch_keys(leash: Leash, stop: threading.Event) -> Callable[[KeysWanted], None]:
    """Keeps the issuers' keys fetched, in a thread without which this process ends; what hears of one lacking."""
    remote = [issuer for issuer in leash.settings.issuers if issuer.has_remote_keys]
    if not remote:
        return lambda _: None
    # Here, for it loads an HTTP client, which takes long.
    from service.authn.key_fetching import KeyFetching, KeysFetched
    from service.authn.key_fetching import KeysMissed as Missed

    def tell(outcome: KeysFetched | Missed) -> None:
        match outcome:
            case KeysFetched(issuer, at, content):
                leash.report(IssuerKeys(issuer, at, content))
            case Missed(issuer, why):
                leash.report(KeysMissed(issuer, why))

    fetching = KeyFetching(remote, tell, refetch_seconds=leash.settings.key_refetch_seconds)

    def fetch() -> None:
        try:
            asyncio.run(fetching.run())
        finally:
            if not stop.is_set():
                _log.exception("fetching keys ended")
                flush_log()
                os._exit(1)

    threading.Thread(target=fetch, name="keys", daemon=True).start()
    return lambda message: fetching.want(message.issuer)


def _compile(handing: Handing, stop: threading.Event, told: threading.Event) -> None:
    """Brings policies to the workers, the first of which it tells. Without this the process is no use: it ends too."""
    settings = handing.leash.settings
    try:
        if settings.policies_source == "store":
            os.nice(NICENESS)
            told.set()
            _follow_store(handing, stop)
        else:
            _follow_folder(handing.leash, stop, told)
    finally:
        if not stop.is_set():
            _log.exception("compiling ended")
            flush_log()
            os._exit(1)


def _follow_store(handing: Handing, stop: threading.Event) -> None:
    from service.policies.wiring import follow_store

    settings = handing.leash.settings
    try:
        follow_store(settings, handing, stop, _fits(settings))
    except MagistrateError as error:
        handing.leash.report(Broken(str(error), is_finding=False))


def _follow_folder(leash: Leash, stop: threading.Event, told: threading.Event) -> None:
    """Tells the supervisor what the policy folder comes to."""

    def tell(verdict: Fit | Unfit) -> None:
        match verdict:
            case Fit(digest, image):
                leash.report(Compiled(digest, image))
            case Unfit(why, is_finding):
                leash.report(Broken(why, is_finding))
        if not told.is_set():
            os.nice(NICENESS)  # of this thread, when callers wait no longer
            told.set()

    settings = leash.settings
    if settings.candidate_folder is not None:
        _follow_candidate(leash, settings.candidate_folder, stop)
    WatchedFolder(settings.policies, _fits(settings)).follow(tell, every=settings.watch_seconds, stop=stop)


def _fits(settings: Settings) -> Fits:
    """Refuses declarations that the mapped sources do not fit."""
    if not settings.sources:
        return anywhere
    from service.app.source_check import mapping_check

    return mapping_check(settings)


def _follow_candidate(leash: Leash, folder: Path, stop: threading.Event) -> None:
    """Tells the supervisor what the folder of candidate policies comes to, from a thread of its own."""

    def tell(verdict: Fit | Unfit) -> None:
        match verdict:
            case Fit(digest, image):
                leash.report(Candidate(digest, "", image))
            case Unfit(why):
                leash.report(Candidate("", why, b""))

    def follow() -> None:
        os.nice(NICENESS)
        WatchedFolder(folder, _fits(leash.settings)).follow(tell, every=leash.settings.watch_seconds, stop=stop)

    threading.Thread(target=follow, name="candidate", daemon=True).start()
