"""Builds what takes expired records out of the log, and records each note that it writes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.acting import record
from service.app.checkpointing import load_checkpoint_key
from service.config import Settings
from service.db.engine import Database
from service.decisions.retention.expiring import Expiry
from service.decisions.retention.notes import NoteKind, WrittenNote
from service.decisions.signed_lines import hash_line
from service.governance.records import BY_OPERATOR
from service.identity import OPERATOR
from service.model import Caller, DecisionRecord, Principal
from service.permits import PREFIX
from service.unasked import unasked_record

RETENTION: Final = Caller(Principal(Ref("magistrate.Service", "retention"), evidence=OPERATOR), "")
"""Who takes out what expires: the service itself, as its operator configured it."""

_ACTS: Final = {NoteKind.EXPIRED: f"{PREFIX}log.expire", NoteKind.ERASED: f"{PREFIX}log.erase"}


def build_expiry(settings: Settings, database: Database, caller: Caller = RETENTION) -> Expiry:
    """Keeps the log to the settings; ConfigError if the key of checkpoints, which signs notes, cannot be used."""
    by = str(caller.principal.ref)
    return Expiry(database, settings.retention, load_checkpoint_key(settings), by, witness_for(settings, caller))


def witness_for(settings: Settings, caller: Caller) -> Callable[[WrittenNote], None]:
    """What records the notes that a caller's act comes to; AuditUnavailable where that cannot be."""
    return lambda note: record(settings, note_record(caller, note))


def note_record(caller: Caller, note: WrittenNote) -> DecisionRecord:
    """The record of a note. Like the note it does not say whose records went."""
    content = note.content
    number = Ref("note", str(content.number))
    act = unasked_record(caller, _ACTS[content.kind], number, time=content.time, rules=BY_OPERATOR)
    said: dict[str, Json] = {"reason": content.reason, "records": content.records, "sha256": hash_line(note.line)}
    return replace(act, inputs=said)
