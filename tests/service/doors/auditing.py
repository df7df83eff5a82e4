"""A door with DecisionLogService alone over a real log; whom a token names is its text, and what he holds."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1.decision_log_pb2_grpc import DecisionLogServiceStub

from policy_lang.values import Ref
from service.config import Limits
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.office import LogOffice
from service.decisions.replay_forms import REPLAYS
from service.decisions.replay_office import ReplayOffice
from service.decisions.verifications import Verifications
from service.decisions.verify_office import VERIFICATIONS, VerifyOffice
from service.desk import Desk
from service.doors.grpc.decision_log import DecisionLogServicer
from service.doors.grpc.server import DECISION_LOG, GrpcDoor
from service.entities.store import EntityStore
from service.errands import Errands
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.log_reading_settings import LogReadingSettings
from service.model import ActivePolicies
from service.policies.folder import activate
from tests.service.beside import beside
from tests.service.doors.conversing import Answer, Conversing, Metadata
from tests.service.doors.desk import verified
from tests.service.doors.receiving import Named, callers
from tests.service.point import NOW, POLICY, KeptRecords, OnePolicy

Call = Callable[[DecisionLogServiceStub, Metadata], Answer]

TEXTS: Final = {"shop.policy": POLICY}
FORMER: Final = {"old.policy": "module old"}
SCAN_LIMIT: Final = 20


@dataclass
class Audit(Conversing[DecisionLogServiceStub]):
    """The service, asked by users whose tokens are their names; `auditor` is one everywhere, `local` at Tenant:t1."""

    log: Database
    gate: Gate
    grants: Grants
    records: KeptRecords
    policies: ActivePolicies
    desk: Desk
    verifications: Desk
    settings: LogReadingSettings = field(default_factory=LogReadingSettings)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def stub(self, channel: grpc.Channel) -> DecisionLogServiceStub:
        """The service over a channel."""
        return DecisionLogServiceStub(channel)

    def door(self) -> GrpcDoor:
        """The door, not open yet; in the loop that it is opened in."""
        self.ended = asyncio.Event()
        office = LogOffice(
            gate=self.gate,
            log=DecisionLog(self.log, scan_limit=SCAN_LIMIT),
            policies=OnePolicy(self.policies),
            former=_former,
        )
        received = callers(Named(verified), recorder=self.records)
        replays = ReplayOffice(gate=self.gate, desk=self.desk, find=office.texts)
        verifications = VerifyOffice(self.gate, self.verifications)
        servicer = DecisionLogServicer(
            received, office, replays, verifications=verifications, settings=self.settings, ended=self.ended.wait
        )
        return GrpcDoor([(DECISION_LOG, servicer)], Limits(), verify=received.verified)


def build_audit(log: Database, tmp_path: Path) -> Audit:
    """A door over that log, and a new database of facts."""
    facts = open_database(f"sqlite:///{tmp_path / 'who.db'}")
    ensure_current(facts, "facts")
    grants = Grants(facts)
    for name, grant, place in (("auditor", "auditor", None), ("local", "auditor", "t1"), ("admin", "admin", None)):
        grants.give(Ref("User", name), grant, None if place is None else Ref("Tenant", place))
    policies, records = activate(TEXTS), KeptRecords()
    gate = Gate(
        governance=Governance([]),
        policies=OnePolicy(policies),
        facts=EntityStore(facts),
        recorder=records,
        clock=lambda: NOW,
    )
    return Audit(log, gate, grants, records, policies, Desk(facts, "r1", REPLAYS), Desk(facts, "r1", VERIFICATIONS))


def verifying(audit: Audit, tmp_path: Path) -> AbstractContextManager[object]:
    """The background process's part, in a thread."""
    return beside(Errands(audit.verifications, Verifications(audit.log, tmp_path / "checkpoints.jsonl")).run)


def moment(milliseconds: int) -> Timestamp:
    """The moment as a message."""
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def _former(digest: str) -> Mapping[str, str] | None:
    return FORMER if digest == "former" else None
