"""Has the log verified for who may read all of it, by the background process."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.office import ALL, RECORD
from service.desk import Desk
from service.errors import ConfigError, InvalidRequest, LimitExceeded, LogUnavailable, Violation
from service.model import Caller
from service.permits import Act, Action
from service.ports import Gate
from service.signing_keys import read_public_key

VERIFICATIONS: Final = "verify"
"""The kind of work that verifying is (service/desk.py)."""
MOST_KEYS: Final = 16


class VerifyOffice:
    """The act of verifying."""

    def __init__(self, gate: Gate, desk: Desk) -> None:
        self._gate = gate
        self._desk = desk

    def verify(self, caller: Caller, keys: Sequence[str], within: float) -> Mapping[str, Json]:
        """What was found, as `verification_report.log_fields`, with signatures by one of the keys (PEM).

        InvalidRequest for a key that is none, LogUnavailable, DeadlineExceeded.
        """
        _check(keys)
        details: dict[str, Json] = {"read": "verification", "public_keys": len(keys)}
        self._gate.admit(caller).require([Act(Action.LOG_READ, Ref(RECORD, ALL), details=details)])
        found: dict[str, Json] = orjson.loads(self._desk.outcome(orjson.dumps(list(keys)).decode(), within))
        if "why" in found:
            raise LogUnavailable(str(found["why"]))
        return found


def _check(keys: Sequence[str]) -> None:
    if len(keys) > MOST_KEYS:
        raise LimitExceeded("public_keys", MOST_KEYS, len(keys))
    for number, key in enumerate(keys):
        try:
            read_public_key("key", key.encode())
        except ConfigError as error:
            raise InvalidRequest([Violation(f"public_keys[{number}]", str(error).partition("\n")[0])]) from error
