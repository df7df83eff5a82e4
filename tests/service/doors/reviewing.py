"""A door with PolicyService alone over a real store, and the background process's part in a thread."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from policy_lang.loading import load
from policy_lang.values import Ref
from service.app.reviewing import Reviews
from service.config import Limits
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.desk import Desk
from service.doors.grpc.policy import PolicyServicer
from service.doors.grpc.server import POLICY, GrpcDoor
from service.entities.store import EntityStore
from service.errands import Errands
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.model import ActivePolicies
from service.policies.activations import Activations
from service.policies.folder import activate
from service.policies.office import PolicyOffice
from service.policies.review_forms import REVIEWS
from service.policies.review_office import ReviewOffice
from service.policies.signing import Signatures
from service.policies.store import BundleStore, Pushed
from service.policies.trials import Trials
from service.policies.wiring import POLICIES
from tests.service.beside import beside
from tests.service.doors.conversing import Answer, Conversing, Metadata
from tests.service.doors.desk import verified
from tests.service.doors.receiving import Named, callers
from tests.service.point import NOW, KeptRecords, OnePolicy
from tests.service.point import POLICY as IN_FORCE

Call = Callable[[PolicyServiceStub, Metadata], Answer]
REPLICA: Final = "r1"


@dataclass(frozen=True, slots=True)
class Reviewer(Conversing[PolicyServiceStub]):
    """The service, asked by users whose tokens are their names; `author` is one."""

    facts: Database
    policies: ActivePolicies
    records: KeptRecords

    def push(self, texts: Mapping[str, str], *, under: str = "") -> str:
        """The digest under which these texts are kept from now on: their own, unless it is said."""
        digest = under or load(texts).digest
        BundleStore(self.facts).put(Pushed(digest, "User:author", NOW, "", None), texts)
        return digest

    def put_in_force(self, digest: str) -> None:
        """Has the one replica load pushed policies."""
        activations = Activations(self.facts)
        activations.beat(REPLICA)
        begun = activations.begin(digest, "User:author", 60)
        activations.acknowledge(begun.number, REPLICA)
        activations.settle(begun.number)

    def stub(self, channel: grpc.Channel) -> PolicyServiceStub:
        """The service over a channel."""
        return PolicyServiceStub(channel)

    def door(self) -> GrpcDoor:
        """The door, not open yet; in the loop that it is opened in."""
        gate = Gate(
            governance=Governance([]),
            policies=OnePolicy(self.policies),
            facts=EntityStore(self.facts),
            recorder=self.records,
            clock=lambda: NOW,
        )
        store, activations = BundleStore(self.facts), Activations(self.facts)
        office = PolicyOffice(
            gate=gate,
            store=store,
            activations=activations,
            trials=Trials(self.facts),
            desk=Desk(self.facts, REPLICA, POLICIES),
            signatures=Signatures(),
            clock=lambda: NOW,
        )
        reviews = ReviewOffice(gate=gate, store=store, activations=activations, desk=Desk(self.facts, REPLICA, REVIEWS))
        received = callers(Named(verified), recorder=self.records)
        servicer = PolicyServicer(received, office, reviews, _reached)
        return GrpcDoor([(POLICY, servicer)], Limits(), verify=received.verified)


@contextmanager
def reviewing(tmp_path: Path) -> Iterator[Reviewer]:
    """The service over a new database, and what tests and compares for it."""
    facts = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(facts, "facts")
    Grants(facts).give(Ref("User", "author"), "author", None)
    with closing(facts), beside(Errands(Desk(facts, REPLICA, REVIEWS), Reviews()).run):
        yield Reviewer(facts, activate({"shop.policy": IN_FORCE}), KeptRecords())


async def _reached(_: str, __: float) -> None:
    """Is there already."""
