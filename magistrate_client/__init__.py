"""The library of a policy enforcement point: asks a Magistrate service whether a principal may do an action.

    from magistrate_client import Magistrate

    with Magistrate("127.0.0.1:7080", token=token) as client:
        decision = client.check("edit", "Document:plan")
        if not decision:
            print(decision.code, [reason.text for reason in decision.reasons])

Laws: an error is never an allow; an effect that is not known is a deny; an allow with obligations is true only for a
caller that says it fulfils them. `check` raises MagistrateError, `is_allowed` logs it and says no, `require` raises
Denied for a deny. `AsyncMagistrate` is the same for asyncio.
"""

from magistrate_client.async_client import AsyncMagistrate
from magistrate_client.async_stream import AsyncCheckStream
from magistrate_client.consistency import AtLeastAsFresh, Consistency
from magistrate_client.decision import Decision, Effect, MissingInput, Obligation, Reason, Unenforced
from magistrate_client.errors import (
    DeadlineExceeded,
    Denied,
    ErrorDetails,
    FieldViolation,
    InvalidRequest,
    LimitReached,
    MagistrateError,
    NotFresh,
    PermissionDenied,
    ServiceFault,
    Unanswered,
    Unauthenticated,
    Unavailable,
)
from magistrate_client.explanation import (
    ClauseExplanation,
    Explanation,
    FactChange,
    InputRead,
    RowChange,
    RuleExplanation,
    Truth,
)
from magistrate_client.question import Principal, Question, Resource
from magistrate_client.retries import RetryPolicy
from magistrate_client.sync_client import Magistrate
from magistrate_client.sync_stream import CheckStream
from magistrate_client.tls import tls_credentials
from magistrate_client.values import EntityRef, Given, Value

__all__ = [
    "AsyncCheckStream",
    "AsyncMagistrate",
    "AtLeastAsFresh",
    "CheckStream",
    "ClauseExplanation",
    "Consistency",
    "DeadlineExceeded",
    "Decision",
    "Denied",
    "Effect",
    "EntityRef",
    "ErrorDetails",
    "Explanation",
    "FactChange",
    "FieldViolation",
    "Given",
    "InputRead",
    "InvalidRequest",
    "LimitReached",
    "Magistrate",
    "MagistrateError",
    "MissingInput",
    "NotFresh",
    "Obligation",
    "PermissionDenied",
    "Principal",
    "Question",
    "Reason",
    "Resource",
    "RetryPolicy",
    "RowChange",
    "RuleExplanation",
    "ServiceFault",
    "Truth",
    "Unanswered",
    "Unauthenticated",
    "Unavailable",
    "Unenforced",
    "Value",
    "tls_credentials",
]
