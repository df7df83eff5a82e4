"""States in the record how long records are kept and what is masked in them, at starts at which that has changed."""

import time
from dataclasses import replace
from hashlib import sha256
from typing import Final

import orjson

from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.acting import record
from service.app.dropping import RECORDING
from service.config import Settings
from service.errors import ConfigError, why
from service.governance.records import BY_OPERATOR
from service.model import DecisionRecord
from service.permits import PREFIX
from service.unasked import unasked_record
from service.whole_files import replacing

STATED: Final = f"{PREFIX}record.settings"
"""The action of the record that states them."""


def state_settings(settings: Settings) -> None:
    """States them if they are others than this replica stated last.

    AuditUnavailable where that cannot be recorded, ConfigError where it cannot be remembered.
    """
    said = _said(settings)
    digest = sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    file = settings.stated_file
    try:
        if file.exists() and file.read_bytes() == digest.encode():
            return
        record(settings, _record(settings.replica_id, {**said, "sha256": digest}, time.time_ns() // 1_000_000))
        # Behind the record: where this fails, they are stated twice, and never not at all.
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stated:
            stated.write(digest.encode())
    except OSError as error:
        raise ConfigError(f"cannot remember in `{file}` what is stated in the record: {why(error)}") from error


def _said(settings: Settings) -> dict[str, Json]:
    """What decides which records there are for how long, and what is in them; no URL, no key."""
    return {
        "retention": settings.retention.model_dump(mode="json", include={"default", "acts", "rules"}),
        "mask": [mask.model_dump(mode="json", exclude_none=True) for mask in settings.record.mask],
    }


def _record(replica: str, said: dict[str, Json], now: int) -> DecisionRecord:
    act = unasked_record(RECORDING, STATED, Ref("replica", replica), time=now, rules=BY_OPERATOR)
    return replace(act, inputs=said)
