"""Verifies the log for who asks a worker for it, in the background process, one at a time."""

import threading
from pathlib import Path
from time import monotonic
from typing import Final

import orjson

from policy_lang.types import Json
from service.db.engine import Database
from service.decisions.verification import verify_log
from service.decisions.verification_report import log_fields, log_limits
from service.desk import Asked, Desk
from service.errors import FactsUnavailable, why
from service.signing_keys import read_public_key
from service.telemetry import get_log

LOOK_SECONDS: Final = 0.25
"""Between looks for work, and between looks whether it is still wanted."""

_log = get_log("verifications")


class VerifyErrands:
    """Verifies a log by its checkpoints, with those of a file if it is there."""

    def __init__(self, desk: Desk, log: Database, checkpoints: Path) -> None:
        self._desk = desk
        self._log = log
        self._checkpoints = checkpoints

    def run(self, stop: threading.Event) -> None:
        """Does what is asked for until `stop` is set."""
        while not stop.wait(LOOK_SECONDS):
            try:
                asked = self._desk.next()
                if asked is not None:
                    self._do(asked, stop)
            except FactsUnavailable as error:
                _log.warning("verification.failed", cause=str(error))

    def _do(self, asked: Asked, stop: threading.Event) -> None:
        looked = monotonic()

        def go_on() -> None:
            nonlocal looked
            if stop.is_set():
                raise _Abandoned
            if monotonic() - looked >= LOOK_SECONDS:
                if not self._desk.is_wanted(asked.id):
                    raise _Abandoned
                looked = monotonic()

        try:
            outcome = self._verified(orjson.loads(asked.question), self._log.interruptible(go_on))
        except _Abandoned:
            return
        except FactsUnavailable as error:
            outcome = {"why": f"the log does not answer: {error}"}
        except OSError as error:
            outcome = {"why": f"cannot read the checkpoints `{self._checkpoints}`: {why(error)}"}
        self._desk.answer(asked.id, orjson.dumps(outcome).decode())

    def _verified(self, keys: list[str], log: Database) -> dict[str, Json]:
        """The report for programs; the keys were read once already, by who asked."""
        file = self._checkpoints if self._checkpoints.exists() else None
        read = tuple(read_public_key("public key", key.encode()) for key in keys)
        report = verify_log(log, file, read)
        return log_fields(report, tuple(log_limits(report, has_file=file is not None, has_keys=bool(read))))


class _Abandoned(Exception):
    """Nobody waits for it any more."""
