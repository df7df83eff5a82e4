"""Coverage, counted by hand: rules that held, and the values that clauses, items and tests came to."""

import pytest

from policy_lang import loading, suite
from policy_lang.coverage import Coverage, Share, measure

RULES = """\
module m
principal type User { level: int, team: string? }
principal type Bot from token {}
type Document { owner: User, locked: bool, due: timestamp? }
actions Document { read, edit }
relation owner on Document = resource.owner == principal
let is_open = not resource.locked
rule own:  allow read, edit on Document to owner when is_open
rule team: allow read on Document to User when principal.team == "red" or principal.level > 5
rule late: deny edit on Document when has resource.due and context.now > resource.due
rule all:  allow read on Document to anyone
rule both: allow edit on Document to owner, Bot
fixture ann = User "ann" { level: 1 }
fixture plan = Document "plan" { owner: ann, locked: false }
"""
ASKED = """
test "ann" {
  principal ann
  resource plan
  context { now: 2026-01-05T10:00:00Z }
  expect allow read
  expect allow edit
}
"""


def coverage_of(text: str) -> Coverage:
    """What the tests of a policy cover."""
    loaded = loading.load({"m.policy": text})
    return measure(loaded, [result.facts for result in suite.run(loaded.program)])


def values(coverage: Coverage) -> list[tuple[str, str, str, str]]:
    """Rule, text, possible and seen values of each condition, as letters."""
    letters = {True: "T", False: "F", None: "U"}
    return [
        (
            each.rule.removeprefix("m."),
            each.span.text,
            "".join(letters[value] for value in each.possible),
            "".join(letters[value] for value in each.seen),
        )
        for each in coverage.conditions
    ]


def test_each_clause_item_and_test_has_its_values() -> None:
    assert sorted(values(coverage_of(RULES + ASKED))) == [
        ("both", "Bot", "TF", "F"),
        ("both", "owner", "TF", "T"),
        ("both", "owner, Bot", "TF", "T"),
        ("late", "context.now > resource.due", "TF", "U"),  # unknown behind its guard counts for nothing
        ("late", "has resource.due", "TF", "F"),
        ("late", "has resource.due and context.now > resource.due", "TF", "F"),
        ("own", "is_open", "TF", "T"),
        ("own", "owner", "TF", "T"),
        ("team", "User", "TF", "T"),
        ("team", "principal.level > 5", "TF", "F"),
        ("team", 'principal.team == "red"', "TFU", "U"),
        ("team", 'principal.team == "red" or principal.level > 5', "TFU", "U"),
    ]


def test_the_shares_are_those_counted_by_hand() -> None:
    coverage = coverage_of(RULES + ASKED)
    assert {each.rule.id for each in coverage.rules if each.has_held} == {"m.own", "m.all", "m.both"}
    assert coverage.rule_share == Share(3, 5)
    assert coverage.value_share == Share(11, 26)
    assert coverage.percent == 42


def test_each_use_of_a_template_counts_for_itself() -> None:
    template = """
    template above(at: int): allow edit on Document to User when principal.level >= at
    use one: above(at: 1)
    use two: above(at: 2)
    """
    found = [each for each in values(coverage_of(RULES + template + ASKED)) if each[1] == "principal.level >= at"]
    assert found == [("one", "principal.level >= at", "TF", "T"), ("two", "principal.level >= at", "TF", "F")]


def test_without_tests_nothing_is_covered() -> None:
    coverage = coverage_of(RULES)
    assert (coverage.rule_share, coverage.value_share) == (Share(0, 5), Share(0, 26))


def test_what_no_rule_was_asked_for_covers_nothing() -> None:
    absent = ASKED.replace("resource plan", 'resource Document "gone"').replace("allow", "deny")
    assert coverage_of(RULES + absent).value_share == Share(0, 26)


def test_what_the_types_settle_needs_no_test() -> None:
    only_users = RULES.replace("principal type Bot from token {}\n", "").replace(", Bot", "")
    assert not [each for each in values(coverage_of(only_users)) if each[1] == "User"]


@pytest.mark.parametrize(("covered", "total", "percent"), [(0, 0, 100), (1, 3, 33), (199, 200, 99), (200, 200, 100)])
def test_a_share_is_rounded_down(covered: int, total: int, percent: int) -> None:
    assert Share(covered, total).percent == percent


def test_files_and_lines_order_the_report() -> None:
    places = [(each.span.file.path, each.span.start) for each in coverage_of(RULES + ASKED).conditions]
    assert places == sorted(places)
