"""Decides recorded questions anew by one bundle, and tells where the answers differ from those that were given.

Law (runtime.md, The record): by the policies that made it, a record whose inputs are all there gives what it says,
exactly; what a record does not say is never guessed.
"""

import json
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Final

from policy_lang.bundle import Bundle
from policy_lang.compiler import Key
from policy_lang.conclude import NO_PRINCIPAL, NO_RESOURCE, RESOURCE_EXISTS
from policy_lang.decision import Decision, Effect
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.pairing import keys_of
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.recorded_answers import decision_for_certain, effect_for_certain, ruling, weights_of
from policy_lang.reviewing.recorded_facts import NOTHING_KNOWN, FlatSide, Known, flattened, known_to, scales_of
from policy_lang.reviewing.replayed import LeftOut, Outcome, Replayed, decide_again
from policy_lang.reviewing.weighing import side_of
from policy_lang.timezones import TZDATA

FindBundle = Callable[[str], Bundle | None]
"""Policies by their digest, None where they are not at hand."""


def redecide(records: Iterable[Recorded | str], by: Bundle, former: FindBundle) -> Replayed:
    """What becomes of each record by that bundle; a string stands for one that is no decision of policies.

    `former` finds the policies that records were made by: what those looked up and did not find is known then, too.
    """
    return decide_again(records, Redecider(by, former).outcome)


class Redecider:
    """Decides records anew by one bundle."""

    def __init__(self, by: Bundle, former: FindBundle) -> None:
        self._by = by
        self._keys = frozenset(keys_of(by.program))
        self._former = cache(former)
        self._sides: dict[tuple[str, Key], FlatSide] = {}

    def outcome(self, recorded: Recorded) -> Outcome:
        """How the answer differs from the recorded one, and by which rules; LeftOut."""
        if recorded.key not in self._keys:
            principal, resource, action = recorded.key
            raise LeftOut(f"the policies do not declare `{action}` on `{resource}` for a `{principal}`")
        side = self._side(self._by, recorded.key)
        if recorded.code in _NO_RULE:
            if _is_refused_alike(side, recorded.code):
                return None, ()
            raise LeftOut("no rule was asked then, so nothing was read")
        if recorded.tzdata not in ("", TZDATA) and side.tells_hours:
            raise LeftOut(f"time zones of {recorded.tzdata}, where {TZDATA} is at hand")
        scales = scales_of(side, recorded, self._known(side, recorded))
        weights = weights_of(scales)
        (effect,) = effect_for_certain(scales, weights)
        decision = decision_for_certain(scales, weights)
        now = ruling(scales, weights) if decision is None else [reason.rule_id for reason in decision.reasons]
        if effect.value != recorded.effect:
            return _turn(effect, recorded.rules, now)
        if decision is None or _said(decision) == _said(recorded):
            return None, ()
        return What.ANSWER, tuple(sorted(set(recorded.rules) ^ set(now) or now))

    def _side(self, bundle: Bundle, key: Key) -> FlatSide:
        """The rules of a kind of question, which are the same for many records."""
        found = self._sides.get((bundle.digest, key))
        if found is None:
            found = self._sides[bundle.digest, key] = flattened(side_of(bundle.program, key))
        return found

    def _known(self, side: FlatSide, recorded: Recorded) -> Known:
        """What was looked up when the record was made."""
        maker = self._by if recorded.policy_digest == self._by.digest else self._former(recorded.policy_digest)
        if maker is None or recorded.key not in keys_of(maker.program):
            return NOTHING_KNOWN
        made_by = self._side(maker, recorded.key)
        if _frame(made_by) != _frame(side):
            raise LeftOut("the principal's or the resource's type has rows only then or only now")
        return known_to(made_by, recorded)


_NO_RULE: Final = frozenset({NO_PRINCIPAL.code, NO_RESOURCE.code, RESOURCE_EXISTS.code})


def _frame(side: FlatSide) -> tuple[bool, bool, bool]:
    """Whether the principal has a row, whether the resource does, whether the action makes it."""
    types, case = side.schema.types, side.case
    return types[case.principal_type].is_stored, types[case.resource_type].is_stored, side.makes_row


def _is_refused_alike(side: FlatSide, code: str) -> bool:
    """Whether it would be refused for a row that is not there, or is, as it was."""
    has_principal, has_resource, makes_row = _frame(side)
    if code == NO_PRINCIPAL.code:
        return has_principal
    return makes_row if code == RESOURCE_EXISTS.code else has_resource and not makes_row


def _turn(effect: Effect, then: Collection[str], now: Collection[str]) -> Outcome:
    """The rules that deny, then or now, make the difference; where none does, those that allow."""
    if effect is Effect.ALLOW:
        return What.NOW_ALLOWED, tuple(sorted(then or now))
    return What.NOW_DENIED, tuple(sorted(now or then))


def _said(answer: Decision | Recorded) -> tuple[object, ...]:
    """What a caller acts on besides the effect."""
    duties = frozenset(json.dumps([duty.type, duty.parameters], sort_keys=True) for duty in answer.obligations)
    return answer.code, answer.hide, duties
