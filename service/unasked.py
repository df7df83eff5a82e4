"""Makes the records on which no policy was asked: what was done to this service, and what was refused."""

from uuid_utils import uuid7

from policy_lang.decision import ALLOWED, Effect
from policy_lang.values import Ref
from service.model import Caller, DecisionRecord, RecordKind


def unasked_record(
    caller: Caller,
    action: str,
    resource: Ref,
    *,
    time: int,
    code: str = ALLOWED,
    rules: tuple[str, ...] = (),
    tenant: Ref | None = None,
    revision: str = "",
) -> DecisionRecord:
    """The record of what a caller did for itself; of what it was refused, where `code` is another than ALLOWED.

    Details are the `inputs` that whoever makes it adds.
    """
    id_ = str(uuid7())
    effect = Effect.ALLOW if code == ALLOWED else Effect.DENY
    return DecisionRecord(
        id=id_,
        kind=RecordKind.DECISION if effect is Effect.ALLOW else RecordKind.REFUSAL,
        time=time,
        request_id=id_,
        caller=caller.principal.ref,
        principal=caller.principal.ref,
        action=action,
        resource=resource,
        tenant=tenant,
        effect=effect,
        code=code,
        rules=rules,
        missing=(),
        obligations=(),
        hide=False,
        shadow_effect=effect,
        inputs={},
        policy_digest="",
        revision=revision,
        duration_us=0,
        origin=caller.origin,
        caller_evidence=caller.principal.evidence,
        principal_evidence=caller.principal.evidence,
    )
