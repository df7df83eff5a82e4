"""Decision records to write and find again."""

from dataclasses import replace

import orjson
from hypothesis import strategies as st
from uuid_utils import uuid7

from policy_lang.decision import Effect, MissingInput, Obligation
from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.payload import encode_record
from service.decisions.stored import FIELDS
from service.identity import Evidence, EvidenceKind, Origin
from service.model import DecisionRecord, Flip, Masked, Masking, RecordKind

_SAMPLE = DecisionRecord(
    id="01890a5d-ac96-774b-bcce-b302099a8057",
    kind=RecordKind.DECISION,
    time=1_767_607_200_000,
    request_id="r-1",
    caller=Ref("magistrate.Service", "documents"),
    principal=Ref("User", "alice"),
    action="edit",
    resource=Ref("Document", "d1"),
    tenant=Ref("Tenant", "t1"),
    effect=Effect.DENY,
    code="STEP_UP",
    rules=("docs.editors_edit", "docs.mfa_for_secret"),
    missing=(MissingInput("context.mfa", "not_given"),),
    obligations=(Obligation("notify", (("channel", "mail"), ("times", 2))),),
    hide=True,
    shadow_effect=Effect.ALLOW,
    inputs={"principal.clearance": 2, "resource.labels": ["a", "b"], "resource.owner": "User:bob"},
    policy_digest="sha256:00ff",
    revision="7d1f.42",
    duration_us=118,
    tzdata="2026.6",
    origin=Origin("203.0.113.9", "4bf92f3577b34da6a3ce929d0e0e4736"),
    caller_evidence=Evidence(EvidenceKind.TOKEN, "https://idp.example", "t-7"),
    principal_evidence=Evidence(EvidenceKind.ASSERTED),
    masked=(Masked("principal.salary", Masking.SENSITIVE), Masked("resource.title", Masking.TRUNCATED)),
    found_by=("resource.labels", "resource.owner"),
)


def sample() -> DecisionRecord:
    """A record with something in every field, under an id of its own."""
    return replace(_SAMPLE, id=str(uuid7()))


def samples(count: int) -> list[DecisionRecord]:
    """Records under ids of their own, in the order of those."""
    return [sample() for _ in range(count)]


def body_of_format(format_: int, record: DecisionRecord) -> str:
    """The record as a version before this one kept it, without what its format (1 to 3) does not tell."""
    body = orjson.loads(encode_record(record))
    told = {name: body[name] for name in FIELDS[: {1: 24, 2: 25, 3: 31}[format_]]}
    return orjson.dumps(told | {"v": format_}).decode()


_text = st.text(st.characters(codec="utf-8"), max_size=20)
_refs = st.builds(Ref, _text, _text)
_effects = st.sampled_from(Effect)
_whole = st.integers(-(2**53), 2**53)
_json: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | _whole | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
_evidence = st.builds(Evidence, st.sampled_from(EvidenceKind), _text, _text)

any_record: st.SearchStrategy[DecisionRecord] = st.builds(
    DecisionRecord,
    id=st.uuids().map(str),
    kind=st.sampled_from(RecordKind),
    time=_whole,
    request_id=_text,
    caller=_refs,
    principal=_refs,
    action=_text,
    resource=_refs,
    tenant=st.none() | _refs,
    effect=_effects,
    code=_text,
    rules=st.lists(_text, max_size=3).map(tuple),
    missing=st.lists(st.builds(MissingInput, _text, _text), max_size=2).map(tuple),
    obligations=st.lists(
        st.builds(Obligation, _text, st.lists(st.tuples(_text, _json), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    hide=st.booleans(),
    shadow_effect=_effects,
    inputs=st.dictionaries(_text, _json, max_size=3),
    policy_digest=_text,
    revision=_text,
    duration_us=_whole,
    tzdata=_text,
    origin=st.builds(Origin, _text, _text),
    caller_evidence=_evidence,
    principal_evidence=_evidence,
    masked=st.lists(st.builds(Masked, _text, st.sampled_from(Masking)), max_size=2).map(tuple),
    found_by=st.lists(_text, max_size=2).map(tuple),
    enforced=st.booleans(),
    break_glass=_text,
    flip=st.none() | st.builds(Flip, _text, _effects, _text, st.lists(_text, max_size=2).map(tuple)),
)
