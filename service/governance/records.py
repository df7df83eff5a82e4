"""Makes the records of the module's own decisions: acts on this service that were allowed, and those refused."""

from uuid_utils import uuid7

from policy_lang.decision import ALLOWED, Effect
from policy_lang.values import Ref
from service.model import DecisionRecord, RecordKind
from service.permits import PREFIX, Act


def act_record(id_: str, caller: Ref, act: Act, *, rules: tuple[str, ...], now: int, revision: str) -> DecisionRecord:
    """The record of an act; `rules` are the roles of the module that allow it, and none refuse it."""
    action = act.action.value
    return DecisionRecord(
        id=id_,
        kind=RecordKind.DECISION if rules else RecordKind.REFUSAL,
        time=now,
        request_id=id_,
        caller=caller,
        principal=caller,
        action=f"{PREFIX}{action}",
        resource=act.resource,
        tenant=act.tenant,
        effect=Effect.ALLOW if rules else Effect.DENY,
        code=ALLOWED if rules else action.replace(".", "_").upper(),
        rules=rules,
        missing=(),
        obligations=(),
        hide=False,
        shadow_effect=Effect.ALLOW if rules else Effect.DENY,
        inputs={**act.details, **({"role": f"{PREFIX}{act.grant}"} if act.grant else {})},
        policy_digest="",
        revision=revision,
        duration_us=0,
    )


def restore_record(operator: Ref, former: str, revision: str, *, now: int) -> DecisionRecord:
    """The record of an operator's word that the facts are restored: `former` was their revision, `revision` is now."""
    id_ = str(uuid7())
    return DecisionRecord(
        id=id_,
        kind=RecordKind.DECISION,
        time=now,
        request_id=id_,
        caller=operator,
        principal=operator,
        action=f"{PREFIX}restore",
        resource=Ref("database", "facts"),
        tenant=None,
        effect=Effect.ALLOW,
        code=ALLOWED,
        rules=("operator",),
        missing=(),
        obligations=(),
        hide=False,
        shadow_effect=Effect.ALLOW,
        inputs={"former_revision": former},
        policy_digest="",
        revision=revision,
        duration_us=0,
    )


def scope_refusal(caller: Ref, rpc: str, now: int) -> DecisionRecord:
    """The record of a call that its credential is not for."""
    id_ = str(uuid7())
    return DecisionRecord(
        id=id_,
        kind=RecordKind.REFUSAL,
        time=now,
        request_id=id_,
        caller=caller,
        principal=caller,
        action=f"{PREFIX}call",
        resource=Ref("rpc", rpc),
        tenant=None,
        effect=Effect.DENY,
        code="KEY_SCOPE",
        rules=(),
        missing=(),
        obligations=(),
        hide=False,
        shadow_effect=Effect.DENY,
        inputs={},
        policy_digest="",
        revision="",
        duration_us=0,
    )
