"""The table form of tests: one expectation for each cell, a deny where the table says nothing."""

import pytest

from policy_lang import suite
from policy_lang.decision import Effect
from policy_lang.diagnostics import PolicyError
from policy_lang.limits import MATRIX_LIMIT
from policy_lang.loading import load
from policy_lang.suite import TestResult

BUNDLE = """
module m
tenant type Tenant {}
type Team {}
principal type User in Team { tenant: Tenant, suspended: bool? }
type Document { tenant: Tenant, owner: User }
type Folder { tenant: Tenant }
context { mfa: bool? }
actions Document { new create, read, edit, delete }
actions Folder { read, share }
group write on Document = edit, delete
role viewer on Tenant { Document: read; Folder: read }
relation collaborator on Document: User, Team
rule own: allow create, write on Document to anyone when resource.owner == principal
rule roles: allow granted on Document, Folder to role in resource.tenant
rule shared: allow edit on Document to collaborator
rule suspended: deny any on any when principal.suspended ?? false code SUSPENDED oblige call(desk: "help")
fixture alice = User "alice" { tenant: Tenant "t1" }
fixture bob = User "bob" { tenant: Tenant "t1" }
fixture plan = Document "plan" { tenant: Tenant "t1", owner: alice }
fixture drawer = Folder "drawer" { tenant: Tenant "t1" }
"""


def run(matrix: str, givens: str = "") -> list[TestResult]:
    """The results of one test with this matrix."""
    test = f'test "table" {{ {givens} context {{ now: 2026-01-05T10:00:00Z }} matrix {{ {matrix} }} }}'
    return list(suite.run(load({"m.policy": BUNDLE + test}).program))


def failures(matrix: str, givens: str = "") -> list[tuple[str, tuple[str, ...]]]:
    """What did not come out as expected: the title of each cell, and what is said of it."""
    return [(result.title, result.lines) for result in run(matrix, givens) if not result.has_passed]


def test_there_is_one_expectation_for_each_principal_resource_and_action_of_its_type() -> None:
    cells = [result.title for result in run("principals alice, bob resources plan, drawer actions any")]
    assert len(cells) == 12
    assert cells[:5] == [
        "table: create on plan to alice",
        "table: read on plan to alice",
        "table: edit on plan to alice",
        "table: delete on plan to alice",
        "table: read on drawer to alice",
    ]


def test_what_is_not_listed_is_expected_to_be_denied() -> None:
    assert failures("principals alice, bob resources plan actions edit, delete") == [
        ("table: edit on plan to alice",
         ("expected deny edit, as the matrix lists nothing else", "got allow by m.own code ALLOWED")),
        ("table: delete on plan to alice",
         ("expected deny delete, as the matrix lists nothing else", "got allow by m.own code ALLOWED")),
    ]  # fmt: skip


def test_what_is_listed_passes_and_the_rest_is_denied() -> None:
    assert failures(
        """principals alice, bob
        resources plan, drawer
        actions read, write, share
        expect allow write on plan to alice by own
        expect allow read on plan, drawer to bob by roles""",
        givens='given bob is viewer of Tenant "t1"',
    ) == []  # fmt: skip


def test_a_listed_cell_that_comes_out_otherwise_names_itself() -> None:
    found = failures("principals alice, bob resources plan actions read expect allow read on any to bob by roles")
    assert found == [("table: read on plan to bob", ("expected allow read by m.roles", "got deny code NO_MATCH"))]


def test_a_deny_may_be_listed_with_its_rule_code_and_obligation() -> None:
    assert failures(
        """principals alice { suspended: true }, bob
        resources plan
        actions any
        expect deny any on any to alice by suspended code SUSPENDED oblige call"""
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("givens", "held"),
    [
        ("given bob is collaborator of plan", True),
        ("given bob is collaborator of plan until 2026-01-05T10:00:00.001Z", True),
        ("given bob is collaborator of plan until 2026-01-05T10:00:00Z", False),
        ('given bob in Team "legal" given Team "legal" is collaborator of plan', True),
        ('given Team "legal" is collaborator of plan', False),
    ],
)
def test_what_is_given_counts_for_every_cell(givens: str, held: bool) -> None:
    matrix = "principals alice, bob resources plan actions edit expect allow edit on plan to any"
    assert [result.has_passed for result in run(matrix, givens)] == [True, held]


def test_a_row_in_the_table_is_what_a_new_action_would_make() -> None:
    matrix = """principals alice, bob
        resources plan, Document "next" { tenant: Tenant "t1", owner: bob }
        actions create
        expect allow create on Document "next" to bob by own"""
    assert [(result.title, result.decision.code) for result in run(matrix)] == [
        ("table: create on plan to alice", "ALLOWED"),
        ('table: create on Document "next" to alice', "NO_MATCH"),
        ("table: create on plan to bob", "NO_MATCH"),
        ('table: create on Document "next" to bob', "ALLOWED"),
    ]


def test_a_matrix_counts_as_one_test() -> None:
    matrix = "matrix { principals alice, bob resources plan actions read }"
    test = f'test "table" {{ context {{ now: 2026-01-05T10:00:00Z }} {matrix} }}'
    program = load({"m.policy": BUNDLE + test}).program
    assert (program.test_count, len(program.tests)) == (1, 2)
    assert {expectation.effect for case in program.tests for expectation in case.expectations} == {Effect.DENY}


def test_a_matrix_has_a_limit_that_is_found_before_its_cells_are_made() -> None:
    people = ", ".join(f'User "u{number}"' for number in range(1 + MATRIX_LIMIT // 4))
    with pytest.raises(PolicyError) as caught:
        run(f"principals {people} resources plan actions any")
    assert [(fault.code, fault.message) for fault in caught.value.diagnostics] == [
        ("E408", "a matrix has at most 10000 cells (this one has 10004)")
    ]
