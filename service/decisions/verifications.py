"""Verifications as background work: reads a log back and reports, for who asks a worker for it."""

from collections.abc import Callable
from pathlib import Path

import orjson

from policy_lang.types import Json
from service.db.engine import Database
from service.decisions.verification import verify_log
from service.decisions.verification_report import log_fields, log_limits
from service.errors import FactsUnavailable, why
from service.signing_keys import read_public_key


class Verifications:
    """Verifies a log by its checkpoints, with those of a file if it is there (`errands.Work`)."""

    def __init__(self, log: Database, checkpoints: Path) -> None:
        self._log = log
        self._checkpoints = checkpoints

    def do(self, question: str, go_on: Callable[[], None]) -> str:
        """The report for programs, or why there is none."""
        try:
            report = self._verified(orjson.loads(question), self._log.interruptible(go_on))
        except FactsUnavailable as error:
            return self.failed(f"the log does not answer: {error}")
        except OSError as error:
            return self.failed(f"cannot read the checkpoints `{self._checkpoints}`: {why(error)}")
        return orjson.dumps(report).decode()

    def failed(self, because: str) -> str:
        """The outcome of a verification that could not be done."""
        return orjson.dumps({"why": because}).decode()

    def _verified(self, keys: list[str], log: Database) -> dict[str, Json]:
        """The report for programs; the keys were read once already, by who asked."""
        file = self._checkpoints if self._checkpoints.exists() else None
        read = tuple(read_public_key("public key", key.encode()) for key in keys)
        report = verify_log(log, file, read)
        return log_fields(report, tuple(log_limits(report, has_file=file is not None, has_keys=bool(read))))
