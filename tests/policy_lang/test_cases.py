"""Authors' tests become rows, assignments, links and expectations; what does not fit is told."""

import pytest

from policy_lang.decision import Effect
from policy_lang.facts import Assignment, Link
from policy_lang.typed import TestCase
from policy_lang.values import ABSENT, NOT_GIVEN, OPTIONAL_NOT_GIVEN, UNSET, Ip, Network, Ref
from tests.policy_lang.source_text import bundle, codes

FIXTURES = """
rule r: allow read on Document to anyone
fixture alice = User "alice" { tenant: Tenant "t1", clearance: 2, zone: "Europe/Paris", grade: senior, boss: bob }
fixture bob = User "bob" { boss: alice }
fixture plan = Document "plan" {
  owner: alice, labels: ["b", "a", "a"], nets: [10.0.0.0/8], kinds: [memo], members: [alice, User "x"],
  retain_until: "2030-01-01T00:00:00Z", intent: "audit",
}
fixture shadowy = Document "gone"
"""
ALICE, PLAN, NOW = Ref("User", "alice"), Ref("Document", "plan"), 1_767_607_200_000


def case(lines: str, *, context: str = "now: 2026-01-05T10:00:00Z", action: str = "read") -> TestCase:
    """The one test, with what it needs besides."""
    (found,) = bundle(f'{FIXTURES}test "t" {{ context {{ {context} }} {lines} expect allow {action} }}').program.tests
    return found


def test_rows_are_complete_and_typed() -> None:
    found = case("principal alice resource plan")
    assert found.principal.cells == {
        "tenant": Ref("Tenant", "t1"), "department": ABSENT, "clearance": 2, "budget": UNSET, "zone": "Europe/Paris",
        "grade": "senior", "boss": Ref("User", "bob"),
    }  # fmt: skip
    cells = found.resource.cells
    assert cells is not None
    assert cells["labels"] == {"a", "b"}
    assert cells["nets"] == {Network.parse("10.0.0.0/8")}
    assert cells["members"] == {ALICE, Ref("User", "x")}
    assert cells["level"] is UNSET
    assert (cells["intent"], cells["retain_until"]) == ("audit", 1_893_456_000_000)


def test_every_fixture_with_a_row_is_stored() -> None:
    assert [entity.ref.id for entity in case("principal alice resource plan").entities] == ["plan", "alice", "bob"]


def test_a_test_may_change_a_row() -> None:
    found = case("principal alice { clearance: 9 } resource plan { level: 3 }")
    assert found.principal.cells is not None
    assert found.principal.cells["clearance"] == 9
    assert found.principal.cells["grade"] == "senior"
    assert {entity.ref: entity.cells for entity in found.entities}[ALICE] == found.principal.cells
    assert {entity.ref: entity.cells for entity in found.entities}[PLAN] == found.resource.cells


def test_a_row_behind_resource_alone_is_not_stored() -> None:
    found = case('principal alice resource Document "new" { level: 1 }')
    assert found.resource.cells is not None
    assert Ref("Document", "new") not in {entity.ref for entity in found.entities}


def test_a_mere_reference_has_no_row() -> None:
    found = case('principal User "ghost" resource shadowy')
    assert (found.principal.cells, found.resource.cells) == (None, None)


def test_a_token_says_what_it_says() -> None:
    found = case('principal Service "s" { grade: 3 } resource Route "r" { path: "/x" }', action="call")
    assert found.principal.cells == {"tenant": NOT_GIVEN, "grade": 3}
    assert found.resource.cells == {"path": "/x"}
    assert {entity.ref.type for entity in found.entities} == {"Document", "User"}


def test_parents_are_edges_and_have_rows() -> None:
    found = case('given alice in Team "a" given Team "a" in Team "b" principal alice resource plan')
    rows = {entity.ref: entity for entity in found.entities}
    assert found.principal.parents == (Ref("Team", "a"),)
    assert rows[Ref("Team", "a")].parents == (Ref("Team", "b"),)
    assert rows[Ref("Team", "b")].cells == {}


def test_roles_and_relations_are_given_until_a_time() -> None:
    found = case(
        """
        given alice is editor of Tenant "t1" until 2026-01-05T10:00:00Z
        given Team "x" is auditor
        given bob is collaborator of plan
        principal alice resource plan
        """
    )
    assert found.assignments == (
        Assignment(ALICE, "m.editor", Ref("Tenant", "t1"), NOW),
        Assignment(Ref("Team", "x"), "m.auditor", None, None),
    )
    assert found.links == (Link(PLAN, "m.collaborator", Ref("User", "bob"), None),)


def test_the_context_is_complete() -> None:
    found = case("principal alice resource plan", context='now: 2026-01-05T10:00:00Z, ip: "10.1.2.3"')
    assert found.context == {"ip": Ip.parse("10.1.2.3"), "mfa": OPTIONAL_NOT_GIVEN, "zone": NOT_GIVEN, "now": NOW}
    assert found.now == NOW


def test_an_expectation_says_what_it_says() -> None:
    text = f"""{FIXTURES}
    test "t" {{
      principal alice resource plan context {{ now: 2026-01-05T10:00:00Z }}
      expect deny edit by r, m.r code NO oblige a, b
      expect allow read
    }}"""
    (found,) = bundle(text).program.tests
    deny, allow = found.expectations
    assert (deny.effect, deny.action, deny.code) == (Effect.DENY, "edit", "NO")
    assert (deny.by, deny.obliges) == (frozenset({"m.r"}), frozenset({"a", "b"}))
    assert (allow.effect, allow.by, allow.code, allow.obliges) == (Effect.ALLOW, None, None, None)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("principal alice", "E507"),
        ("resource plan", "E501"),
        ("principal alice resource plan resource plan", "E501"),
        ("principal plan resource plan", "E503"),
        ("principal alica resource plan", "E208"),
        ('principal User "" resource plan', "E502"),
        ("principal alice { age: 3 } resource plan", "E203"),
        ('principal alice { clearance: "3" } resource plan', "E502"),
        ('principal alice { zone: "Mars" } resource plan', "E502"),
        ("principal alice { grade: master } resource plan", "E215"),
        ("principal alice { boss: plan } resource plan", "E502"),
        ("principal alice { clearance: 1, clearance: 2 } resource plan", "E210"),
        ('principal alice resource plan given alice in Folder "f"', "E503"),
        ("principal alice resource plan given alice is editor", "E503"),
        ('principal alice resource plan given alice is editor of Folder "f"', "E503"),
        ('principal alice resource plan given alice is auditor of Tenant "t"', "E503"),
        ("principal alice resource plan given alice is collaborator", "E503"),
        ("principal alice resource plan given plan is collaborator of plan", "E503"),
        ("principal alice resource plan given alice is owner of plan", "E503"),
        ("principal alice resource plan given alice is auditor until 15m", "E502"),
        ("principal alice resource plan given alice is nobody", "E205"),
        ("principal alice resource plan expect deny fly", "E204"),
        ("principal alice resource plan expect deny read by q", "E207"),
    ],
)
def test_what_does_not_fit_is_told(lines: str, code: str) -> None:
    text = f'{FIXTURES}test "t" {{ context {{ now: 2026-01-05T10:00:00Z }} {lines} expect allow read }}'
    assert codes(text) == [code]


def test_a_test_says_what_time_it_is_and_what_it_expects() -> None:
    assert codes(f'{FIXTURES}test "t" {{ principal alice resource plan expect allow read }}') == ["E505"]
    context = "context { now: 2026-01-05T10:00:00Z }"
    assert codes(f'{FIXTURES}test "t" {{ principal alice resource plan {context} }}') == ["E506"]


def test_two_rows_for_one_entity_are_a_fault() -> None:
    assert codes('fixture a = Team "t" {}\nfixture b = Team "t" {}') == ["E504"]
