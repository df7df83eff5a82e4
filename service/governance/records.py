"""Makes the records of the module's own decisions: acts on this service that were allowed, and those refused."""

from dataclasses import replace
from typing import Final

from policy_lang.decision import ALLOWED
from policy_lang.values import Ref
from service.model import Caller, DecisionRecord
from service.permits import PREFIX, Act
from service.unasked import unasked_record

BY_OPERATOR: Final = ("operator",)
"""Stands for the rules where nobody was asked: whoever holds the database is admin by nature (identity.md)."""


def act_record(caller: Caller, act: Act, *, rules: tuple[str, ...], now: int, revision: str) -> DecisionRecord:
    """The record of an act; `rules` are the roles of the module that allow it, and none refuse it."""
    action = act.action.value
    record = unasked_record(
        caller,
        f"{PREFIX}{action}",
        act.resource,
        time=now,
        code=ALLOWED if rules else action.replace(".", "_").upper(),
        rules=rules,
        tenant=act.tenant,
        revision=revision,
    )
    return replace(record, inputs={**act.details, **({"role": f"{PREFIX}{act.grant}"} if act.grant else {})})


def backup_record(operator: Caller, folder: str, *, now: int) -> DecisionRecord:
    """The record of a copy of facts and log that an operator makes there."""
    record = unasked_record(operator, f"{PREFIX}backup", Ref("database", "facts and log"), time=now, rules=BY_OPERATOR)
    return replace(record, inputs={"folder": folder})


def restore_record(operator: Caller, former: str, revision: str, *, now: int) -> DecisionRecord:
    """The record of an operator's word that the facts are restored: `former` was their revision, `revision` is now."""
    facts = Ref("database", "facts")
    record = unasked_record(operator, f"{PREFIX}restore", facts, time=now, rules=BY_OPERATOR, revision=revision)
    return replace(record, inputs={"former_revision": former})


def scope_refusal(caller: Caller, rpc: str, now: int) -> DecisionRecord:
    """The record of a call that its credential is not for."""
    return unasked_record(caller, f"{PREFIX}call", Ref("rpc", rpc), time=now, code="KEY_SCOPE")
