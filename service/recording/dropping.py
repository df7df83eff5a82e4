"""Leaves out of the record the allows that the settings say need none; everything else is always recorded.

Law: dropped is only what was decided, enforced, allowed, and would be allowed were every shadow rule live and any
candidate in force; never a deny, a refusal or an act on this service. Which of them are kept all the same depends on
the decision's id alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from policy_lang.decision import Effect
from service.model import DecisionRecord, Keeping, RecordKind
from service.permits import PREFIX
from service.ports import Recorder
from service.record_settings import DropSettings

_WHOLE: Final = 1 << 32
"""How many values a CRC-32 has."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule: no actions or types are all of them; what is dropped has a CRC-32 of `kept_below` or more."""

    name: str
    actions: frozenset[str]
    types: frozenset[str]
    kept_below: int

    def is_for(self, record: DecisionRecord) -> bool:
        """Whether it is about such decisions."""
        is_action = not self.actions or record.action in self.actions
        return is_action and (not self.types or record.resource.type in self.types)

    def drops(self, record: DecisionRecord) -> bool:
        """Whether this one is not among those that are kept."""
        return crc32(record.id.encode()) >= self.kept_below


class DroppingRecorder:
    """A recorder that hands on to another what is to be recorded. The first rule for a decision counts."""

    def __init__(self, recorder: Recorder, rules: Sequence[DropSettings], dropped: Callable[[str], None]) -> None:
        """`dropped` is told the name of the rule for each decision that is left out."""
        self._recorder = recorder
        self._dropped = dropped
        self._rules = tuple(
            _Rule(rule.name, frozenset(rule.actions), frozenset(rule.types), int(rule.keep * _WHOLE)) for rule in rules
        )

    def record(self, records: Sequence[DecisionRecord]) -> Keeping | None:
        """As the other, of what is left; None where nothing is."""
        kept: list[DecisionRecord] = []
        for record in records:
            name = self._dropping(record)
            if name is None:
                kept.append(record)
            else:
                self._dropped(name)
        return self._recorder.record(kept) if kept else None

    def _dropping(self, record: DecisionRecord) -> str | None:
        """The rule that drops the record, if one does."""
        if not _may_be_dropped(record):
            return None
        rule = next((rule for rule in self._rules if rule.is_for(record)), None)
        return rule.name if rule is not None and rule.drops(record) else None


def _may_be_dropped(record: DecisionRecord) -> bool:
    is_allowed = record.effect is Effect.ALLOW and record.shadow_effect is Effect.ALLOW
    is_settled = is_allowed and record.enforced and record.flip is None and not record.break_glass
    return record.kind is RecordKind.DECISION and is_settled and not record.action.startswith(PREFIX)
