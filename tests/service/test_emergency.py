"""What is allowed by an emergency grant alone is marked, and nothing else is; denies win over it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from policy_lang.decision import ALLOWED, Decision, Effect
from policy_lang.facts import Assignment, Facts
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.opening import open_database
from service.decisions.counting import CountingRecorder
from service.emergency import Decides, needed_grant
from service.entities.break_glass import EmergencyGrant, end_emergency, give_in_emergency
from service.entities.writer import EntityWriter
from service.model import Answer
from service.pdp import DecisionPoint
from service.policies.folder import activate
from service.samples import Samples
from tests.service.point import NOW, POLICY, KeptRecords, asking, build_point

ALICE, T1, GUARD = Ref("User", "alice"), Ref("Tenant", "t1"), Ref("User", "guard")
CLOSE = asking("close", "theirs", as_user="alice", context={"ip": "10.0.0.1"})


@dataclass
class Counted:
    """Counts what policies decide."""

    policies: Decides
    decisions: int = 0

    def decide(self, facts: Facts) -> Decision:
        """What they decide."""
        self.decisions += 1
        return self.policies.decide(facts)


class Shop:
    """A decision point whose facts are at hand."""

    def __init__(self, folder: Path, policy: str = POLICY) -> None:
        self.kept, self.samples = KeptRecords(), Samples()
        self.point: DecisionPoint = build_point(folder, CountingRecorder(self.kept, self.samples), policy=policy)
        self.database: Database = open_database(f"sqlite:///{folder / 'facts.db'}")

    def give(self, ends_in: int = 1000, role: str = "shop.helper") -> str:
        """Breaks the glass for alice, from an hour ago."""
        wanted = Assignment(ALICE, role, T1, NOW + ends_in)
        grant = EmergencyGrant.of(wanted, "an order must be closed", by=GUARD, now=NOW - 3_600_000)
        with self.database.write() as connection:
            give_in_emergency(connection, grant)
        return grant.id

    def asked(self, who: str = "pep") -> tuple[Effect, str, str]:
        """The effect of closing an order, and the mark in the answer and in the record."""
        (answer,) = self.point.check(who, CLOSE).items
        assert isinstance(answer, Answer)
        return answer.decision.effect, answer.break_glass, self.kept.records[-1].break_glass


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_what_it_alone_allows_is_marked_in_answer_and_record_and_counted(shop: Shop) -> None:
    assert shop.asked() == (Effect.DENY, "", "")
    grant = shop.give()
    with capture_logs() as said:
        assert shop.asked() == shop.asked() == (Effect.ALLOW, grant, grant)
    assert shop.samples.counters["magistrate_break_glass_uses", ()] == 2
    assert [(line["log_level"], line["break_glass"]) for line in said] == [("warning", grant)]


def test_who_may_not_read_reasons_is_not_told_and_the_record_has_it(shop: Shop) -> None:
    grant = shop.give()
    assert shop.asked("blind") == (Effect.ALLOW, "", grant)


def test_expired_or_ended_it_allows_nothing(shop: Shop) -> None:
    shop.give(ends_in=0)
    ended = shop.give()
    with shop.database.write() as connection:
        end_emergency(connection, ended, by=GUARD, now=NOW)
    assert shop.asked() == (Effect.DENY, "", "")


def test_what_is_allowed_without_it_is_not_marked(shop: Shop) -> None:
    shop.give()
    writer = EntityWriter(shop.database, activate({"shop.policy": POLICY}).bundle.program.schema)
    writer.assign({"type": "User", "id": "alice"}, "shop.helper", {"type": "Tenant", "id": "t1"}, None)
    assert shop.asked() == (Effect.ALLOW, "", "")


def test_grants_that_are_over_cost_no_decision(shop: Shop) -> None:
    shop.give(ends_in=0)
    batch = shop.point.admit(shop.point.verify("pep"), (CLOSE,))
    (facts,) = shop.point.fetch(batch).facts
    policies = Counted(batch.policies.compiled)
    assert needed_grant(policies, facts, Decision(Effect.ALLOW, ALLOWED)) == ""
    assert policies.decisions == 0


def test_of_several_the_mark_is_the_first_that_suffices(shop: Shop) -> None:
    shop.give(role="shop.nobody")
    grants = [shop.give(), shop.give()]
    assert shop.asked() == (Effect.ALLOW, grants[0], grants[0])


DENYING: dict[str, Callable[[str], str]] = {
    "a deny": lambda text: text + 'rule shut: deny close on Order reason "closed to all"\n',
    "a deny of the role itself": lambda text: (
        text + "rule kept: deny close on Order to role helper in resource.tenant\n"
    ),
}


@pytest.mark.parametrize("denying", DENYING.values(), ids=DENYING)
def test_a_deny_wins_over_it(tmp_path: Path, denying: Callable[[str], str]) -> None:
    shop = Shop(tmp_path, denying(POLICY))
    shop.give()
    assert shop.asked() == (Effect.DENY, "", "")
