"""Judges one condition by the law, in a small world whose cells and rows a test changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from policy_lang import loading
from policy_lang.compiler import Compiled
from policy_lang.decision import ALLOWED, NO_MATCH, UNDETERMINED, Decision
from policy_lang.facts import Assignment, Facts, Link, Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from policy_lang.typed import EntityFixture
from policy_lang.values import Cell, Ip, Network, Ref

DECLARATIONS: Final = """\
module m
tenant type Tenant {}
type Team in Team { size: int? }
principal type User in Team {
  tenant: Tenant, department: string?, clearance: int, suspended: bool, zone: timezone, boss: User? }
type Folder in Folder { tenant: Tenant, owner: User | Team, outer: Folder? }
type Document in Folder {
  tenant: Tenant, owner: User, folder: Folder?, region: string, level: int, labels: set<string>, tags: set<string>,
  price: decimal, rates: set<decimal>,
  address: { city: string, zip: string?, host: User?, box: { size: int, fee: decimal? } }?,
  visibility: enum(private, internal, public), locked: bool, retain_until: timestamp?, grace: duration,
  ip: ip?, net: network, intent: string? from request, copies: int from request }
context { ip: ip, mfa: bool?, device: { managed: bool, os: string? }? }
actions Document { new create, read }
role viewer on Tenant { Document: read }
role editor on Tenant includes viewer { Document: create }
role keeper on Folder {}
role auditor {}
relation collaborator on Document: User, Team
relation steward on Folder: User, Team
relation owner on Document = resource.owner == principal
"""

NOW: Final = 1_767_607_200_000
"""2026-01-05T10:00:00Z, a Monday."""

ALICE: Final = Ref("User", "alice")
BOB: Final = Ref("User", "bob")
LEGAL: Final = Ref("Team", "legal")
STAFF: Final = Ref("Team", "staff")
PLAN: Final = Ref("Document", "plan")
INNER: Final = Ref("Folder", "inner")
OUTER: Final = Ref("Folder", "outer")
T1: Final = Ref("Tenant", "t1")
T2: Final = Ref("Tenant", "t2")

USER: Final[Mapping[str, Cell]] = {
    "tenant": T1,
    "clearance": 3,
    "suspended": False,
    "zone": "Europe/Paris",
    "department": "law",
    "boss": BOB,
}
DOCUMENT: Final[Mapping[str, Cell]] = {
    "tenant": T1,
    "owner": ALICE,
    "folder": INNER,
    "region": "eu",
    "level": 2,
    "price": 125_000,
    "rates": frozenset({10_000, 25_000}),
    "labels": frozenset({"pii", "draft"}),
    "tags": frozenset[str](),
    "visibility": "public",
    "locked": False,
    "grace": 3_600_000,
    "net": Network.parse("10.0.0.0/8"),
}


@dataclass(frozen=True)
class World:
    """What is known; alice asks to read the plan."""

    user: Mapping[str, Cell] = field(default_factory=dict)
    document: Mapping[str, Cell] = field(default_factory=dict)
    given: Mapping[str, Cell] = field(default_factory=dict)
    context: Mapping[str, Cell] = field(default_factory=dict)
    without: frozenset[Ref] = frozenset()
    teams: tuple[Ref, ...] = (LEGAL,)
    folders: tuple[Ref, ...] = (INNER,)
    assignments: tuple[Assignment, ...] = ()
    links: tuple[Link, ...] = ()
    action: str = "read"

    def source(self) -> FixtureSource:
        """The store."""
        entities: list[tuple[Ref, Mapping[str, Cell], tuple[Ref, ...]]] = [
            (ALICE, {**USER, **self.user}, self.teams),
            (BOB, {**USER, "clearance": 9, "tenant": T2}, ()),
            (LEGAL, {"size": 4}, (STAFF,)),
            (STAFF, {}, ()),
            (T1, {}, ()),
            (T2, {}, ()),
            (OUTER, {"tenant": T1, "owner": LEGAL}, ()),
            (INNER, {"tenant": T1, "owner": BOB, "outer": OUTER}, (OUTER,)),
            (PLAN, {**DOCUMENT, **self.document}, self.folders),
        ]
        types = compiled("true").schema.types
        fixtures = [
            EntityFixture(ref, types[ref.type].complete(cells), parents)
            for ref, cells, parents in entities
            if ref not in self.without
        ]
        return FixtureSource(fixtures, self.assignments, self.links)

    def question(self) -> Question:
        """The question."""
        context = {"now": NOW, "ip": Ip.parse("10.1.2.3"), "mfa": True, **self.context}
        return Question(ALICE, self.action, PLAN, NOW, {}, {"copies": 1, **self.given}, self.folders, context)


def judged(condition: str, world: World | None = None) -> tuple[bool | None, set[str]]:
    """The truth of a condition (None: unknown), and its causes as `path cause`; both evaluators agree."""
    decision = decided(f"rule it: allow read, create on Document to anyone when {condition}", world or World())
    truths = {ALLOWED: True, NO_MATCH: False, UNDETERMINED: None}
    return truths[decision.code], {f"{missing.path} {missing.cause}" for missing in decision.missing}


def decided(rules: str, world: World) -> Decision:
    """The decision by these rules; both evaluators agree."""
    facts = facts_of(rules, world)
    decision = program(rules)[0].decide(facts)
    assert program(rules)[1].decide(facts) == decision
    return decision


def facts_of(rules: str, world: World) -> Facts:
    """The facts that these rules need."""
    return gather([world.question()], program(rules)[0], world.source())[0]


def compiled(condition: str) -> Compiled:
    """A rule with this condition, compiled."""
    return program(f"rule it: allow read, create on Document to anyone when {condition}")[0]


@cache
def program(rules: str) -> tuple[Compiled, Interpreter]:
    """Both evaluators over these rules."""
    loaded = loading.load({"law.policy": f"{DECLARATIONS}{rules}\n"}).program
    return Compiled(loaded), Interpreter(loaded)
