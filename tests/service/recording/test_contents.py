"""A record holds what the settings let it hold: of masked inputs nothing else, however rules come by them."""

from collections.abc import Mapping
from typing import Final

import pytest

from policy_lang.decision import Effect
from policy_lang.facts import Assignment, Facts, Link, Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.gather import gather
from policy_lang.typed import EntityFixture
from policy_lang.types import Json
from policy_lang.values import Cell, Record, Ref
from service.errors import ConfigError
from service.model import ActivePolicies, Masked, Masking
from service.policies.folder import activate
from service.record_settings import MaskSettings, RecordSettings
from service.recording.contents import Content, Contents
from tests.service.recording.test_masks import KEY, mac

POLICY: Final = """
module hr
tenant type Tenant {}
principal type User {
  tenant: Tenant, email: string, salary: int sensitive, grade: int, home: { city: string, zip: string },
  unit: string? from claim "org" "unit", level: int? from claim "https://claims.example/level" }
type Team in Team { lead: User }
type File { tenant: Tenant, title: string, author: User, team: Team, labels: set<string>, note: string? from request }
context { ip: ip, reason: string? }
actions File { read, copy }
role member on Team {}
rule reading: allow read on File to anyone when resource.title == "Plan" and resource.author.email != "x"
  and principal.email != resource.author.email and principal.home.city != "Rome" and principal.unit != "none"
  and principal.level > 0 and context.reason != "none" and "open" in resource.labels and principal.grade > 1
  and principal.salary > 1 and resource.team.lead.email != "x"
  oblige notify(address: resource.author.email, grade: principal.grade)
  oblige audit(salary: principal.salary, title: resource.title)
rule copying: allow copy on File to anyone when role member over resource.team
"""
ALICE, BOB, CAROL = (Ref("User", name) for name in ("alice", "bob", "carol"))
T1, RED, FILE = Ref("Tenant", "t1"), Ref("Team", "red"), Ref("File", "f1")
HOME: Final = Record({"city": "Paris", "zip": "75001"})
ROWS: Final[Mapping[Ref, Mapping[str, Cell]]] = {
    **{
        user: {"tenant": T1, "email": f"{user.id}@example.org", "salary": 90_000, "grade": 7, "home": HOME}
        for user in (ALICE, BOB, CAROL)
    },
    T1: {},
    RED: {"lead": CAROL},
    FILE: {"tenant": T1, "title": "Plan", "author": BOB, "team": RED, "labels": frozenset({"open", "draft"})},
}
AS_IT_IS: Final[Mapping[str, Json]] = {
    "context.reason": "audit",
    "principal.email": "alice@example.org",
    "principal.grade": 7,
    "principal.home.city": "Paris",
    "principal.level": 3,
    "principal.unit": "lab",
    "resource.author.email": "bob@example.org",
    "resource.labels": ["draft", "open"],
    "resource.team.lead.email": "carol@example.org",
    "resource.title": "Plan",
}
DUTIES: Final[Mapping[str, Mapping[str, Json]]] = {
    "notify": {"address": "bob@example.org", "grade": 7},
    "audit": {"title": "Plan"},
}
BY_SCHEMA: Final = {"principal.salary": "sensitive", "obligations.audit.salary": "sensitive"}
"""What is masked without any settings."""


@pytest.fixture(scope="module")
def policies() -> ActivePolicies:
    return activate({"hr.policy": POLICY})


def facts_of(policies: ActivePolicies, action: str = "read", resource: Ref = FILE) -> Facts:
    claims: dict[str, Cell] = {"unit": "lab", "level": 3}
    question = Question(ALICE, action, resource, 0, claims, {"note": "n"}, (), {"now": 0, "reason": "audit"})
    source = FixtureSource(
        [EntityFixture(ref, dict(cells)) for ref, cells in ROWS.items()],
        [Assignment(ALICE, "hr.member", RED, None)],
        list[Link](),
    )
    return gather([question], policies.compiled, source)[0]


def content(policies: ActivePolicies, settings: RecordSettings, action: str = "read") -> Content:
    facts = facts_of(policies, action)
    decision = policies.compiled.decide(facts)
    assert decision.effect is Effect.ALLOW, decision
    return Contents(settings, KEY).of(policies, facts, decision)


def masking(*masks: MaskSettings) -> RecordSettings:
    return RecordSettings.model_construct(mask=list(masks), find_by=[], drop=[])


def removing(path: str) -> RecordSettings:
    return masking(MaskSettings(path=path, how="remove"))


def listed(found: Content) -> dict[str, str]:
    return {path: how.value for path, how in found.masked}


def duties(found: Content) -> dict[str, dict[str, Json]]:
    return {duty.type: dict(duty.parameters) for duty in found.obligations}


def test_without_settings_all_but_what_is_sensitive_is_kept_as_it_is(policies: ActivePolicies) -> None:
    found = content(policies, RecordSettings())
    assert found.inputs == AS_IT_IS
    assert duties(found) == DUTIES
    assert listed(found) == BY_SCHEMA


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("principal.email", {"principal.email"}),
        ("resource.title", {"resource.title", "obligations.audit.title"}),
        ("resource.author", {"resource.author.email", "obligations.notify.address"}),
        ("principal.home", {"principal.home.city"}),
        ("principal.home.city", {"principal.home.city"}),
        ("principal.grade", {"principal.grade", "obligations.notify.grade"}),
        ("context.reason", {"context.reason"}),
        ("claims.org.unit", {"principal.unit"}),
        ("claims.org", {"principal.unit"}),
        ('claims."https://claims.example/level"', {"principal.level"}),
        (
            "User.email",
            {
                "principal.email", "resource.author.email", "resource.team.lead.email", "obligations.notify.address",
            },
        ),
        ("Team.lead", {"resource.team.lead.email"}),
        ("User.home.city", {"principal.home.city"}),
        ("resource.lead?", set[str]()),
    ],
)  # fmt: skip
def test_a_removed_input_is_nowhere_in_the_record_and_listed(
    policies: ActivePolicies, path: str, gone: set[str]
) -> None:
    found = content(policies, removing(path))
    assert found.inputs == {name: value for name, value in AS_IT_IS.items() if name not in gone}
    assert duties(found) == {
        type_: {name: value for name, value in parameters.items() if f"obligations.{type_}.{name}" not in gone}
        for type_, parameters in DUTIES.items()
    }
    assert listed(found) == BY_SCHEMA | dict.fromkeys(gone, "removed")


def test_a_path_that_is_masked_hides_the_rows_that_it_leads_to(policies: ActivePolicies) -> None:
    shown = content(policies, RecordSettings(), "copy").inputs
    hidden = content(policies, removing("resource.team"), "copy")
    assert shown["assignments"] == [["User:alice", "hr.member", "Team:red", None]]
    assert "red" not in str(hidden.inputs)
    assert listed(hidden) == {"resource.team": "removed"}


def test_values_are_hashed_and_truncated_where_they_stand(policies: ActivePolicies) -> None:
    settings = masking(
        MaskSettings(path="User.email", how="hash"),
        MaskSettings(path="resource.title", how="truncate", characters=2),
        MaskSettings(path="resource.labels", how="truncate", characters=1),
    )
    found = content(policies, settings)
    assert found.inputs == {
        **AS_IT_IS,
        "principal.email": mac("alice@example.org"),
        "resource.author.email": mac("bob@example.org"),
        "resource.team.lead.email": mac("carol@example.org"),
        "resource.title": "Pl",
        "resource.labels": ["d", "o"],
    }
    assert duties(found) == {"notify": {"address": mac("bob@example.org"), "grade": 7}, "audit": {"title": "Pl"}}
    assert listed(found)["obligations.notify.address"] == "hashed"


def test_of_several_masks_the_strictest_counts(policies: ActivePolicies) -> None:
    settings = masking(
        MaskSettings(path="resource.author.email", how="hash"),
        MaskSettings(path="resource.author", how="remove"),
        MaskSettings(path="User.email", how="truncate", characters=1),
    )
    found = content(policies, settings)
    assert "resource.author.email" not in found.inputs
    assert (found.inputs["principal.email"], found.inputs["resource.team.lead.email"]) == ("a", "c")
    assert Masked("resource.author.email", Masking.REMOVED) in found.masked


def test_nothing_is_listed_where_no_rule_was_asked(policies: ActivePolicies) -> None:
    facts = facts_of(policies, resource=Ref("File", "absent"))
    found = Contents(removing("resource.title")).of(policies, facts, policies.compiled.decide(facts))
    assert (found.inputs, found.masked) == ({}, ())


def test_records_are_found_by_what_was_read_on_exactly_that_path(policies: ActivePolicies) -> None:
    settings = RecordSettings(find_by=["resource.title", "principal.home", "claims.org.unit", "User.grade"])
    assert content(policies, settings).found_by == ("principal.grade", "principal.unit", "resource.title")


def test_records_are_not_found_by_what_is_left_out_and_by_hashes_where_it_is_hashed(policies: ActivePolicies) -> None:
    settings = RecordSettings.model_construct(
        mask=[MaskSettings(path="resource.title", how="remove"), MaskSettings(path="principal.email", how="hash")],
        find_by=["resource.title", "principal.email", "principal.salary"],
        drop=[],
    )
    found = content(policies, settings)
    assert found.found_by == ("principal.email",)
    assert found.inputs["principal.email"] == mac("alice@example.org")


def test_what_is_kept_follows_the_policies_in_force(policies: ActivePolicies) -> None:
    contents = Contents(removing("resource.title"))
    other = activate({"hr.policy": POLICY.replace('resource.title == "Plan"', "principal.grade > 2")})
    for active, is_listed in ((policies, True), (other, True), (policies, True)):
        facts = facts_of(active)
        found = contents.of(active, facts, active.compiled.decide(facts))
        assert ("obligations.audit.title" in listed(found)) is is_listed
        assert ("resource.title" in found.inputs) is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (removing("resource.titel"), "the policies declare no `resource.titel`\nhelp: did you mean `resource.title`?"),
        (removing("Filo.title"), "the policies declare no `Filo.title`\nhelp: write `Filo.title?` if policies may"),
        (removing("claims.org.room"), "the policies declare no `claims.org.room`\nhelp: write `claims.org.room?`"),
        (removing("principal.title"), "the policies declare no `principal.title`"),
        (removing("context.user"), "the policies declare no `context.user`"),
        (
            masking(MaskSettings(path="principal.grade", how="truncate", characters=1)),
            "`principal.grade` is of type `int`, which has no first characters\nhelp: remove it or hash it",
        ),
        (
            masking(MaskSettings(path="resource.author", how="truncate", characters=1)),
            "`resource.author` is of type `User`, which has no first characters",
        ),
        (RecordSettings(find_by=["resource.area"]), "record.find_by: the policies declare no `resource.area`"),
        (RecordSettings(find_by=["principal.home"]), "`principal.home` is a record\nhelp: name the fields"),
    ],
)
def test_settings_that_do_not_fit_the_policies_are_refused(
    policies: ActivePolicies, settings: RecordSettings, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Contents(settings, KEY).check(policies.bundle.program.schema)
    assert message in str(caught.value)


@pytest.mark.parametrize("path", ["resource.titel?", "context.now", "Team.lead", "claims.org", "principal.home.zip"])
def test_settings_that_fit_are_taken(policies: ActivePolicies, path: str) -> None:
    Contents(removing(path)).check(policies.bundle.program.schema)
