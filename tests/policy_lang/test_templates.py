"""Templates: a use is the rule that one would have written out, and nothing behind the checker can tell."""

from dataclasses import replace

import pytest

from policy_lang.compiler import Compiled
from policy_lang.diagnostics import PolicyError
from policy_lang.image import read_image, write_image
from policy_lang.loading import load
from policy_lang.suite import run
from policy_lang.typed import Rule
from tests.policy_lang.law import World, decided, facts_of, program
from tests.policy_lang.source_text import DECLARATIONS, bundle, faults

TEMPLATE = """
template limited(kinds: types, what: actions, who: types, held: role, at: Tenant, top: int, marks: set<string>):
  allow what on kinds
  to who, role held in at
  when resource.level <= top and (principal is who or resource.labels any in marks)
  unless "secret" in marks
  reason "up to {top} with {marks}, in {at}"
  oblige log(top: top, place: at)
"""


def rules(text: str, type_: str = "Document") -> tuple[Rule, ...]:
    """The rules of this text on a type."""
    return bundle(text).program.rules[type_]


def test_a_use_is_the_rule_written_out() -> None:
    used = rules(
        f"""{TEMPLATE}
        use r: limited(kinds: Document, what: [read, write], who: [User, Service], held: editor,
                       at: Tenant "t1", top: 3, marks: ["a", "b"])"""
    )
    written = rules(
        """
        rule r:
          allow read, write on Document
          to User, Service, role editor in Tenant "t1"
          when resource.level <= 3
           and ((principal is User or principal is Service) or resource.labels any in ["a", "b"])
          unless "secret" in ["a", "b"]
          reason "up to 3 with a, b, in Tenant \\"t1\\""
          oblige log(top: 3, place: Tenant "t1")
        """
    )
    (rule,), (other,) = used, written
    assert [each.condition for each in rule.clauses] == [each.condition for each in other.clauses]
    bare = replace(other, clauses=(), reason="", reason_parts=())
    assert replace(rule, span=other.span, clauses=(), reason="", reason_parts=()) == bare


def test_the_words_of_a_use_show_its_arguments() -> None:
    (rule,) = rules(
        f"""{TEMPLATE}
        use r: limited(what: read, kinds: Document, who: User, held: editor, at: Tenant "t1", top: 3, marks: ["x"])"""
    )
    assert [clause.text for clause in rule.clauses] == [
        'User, role m.editor in Tenant "t1"',
        'resource.level <= 3 and (principal is User or resource.labels any in ["x"])',
        '"secret" in ["x"]',
    ]
    assert rule.reason == 'up to 3 with ["x"], in Tenant "t1"'


@pytest.mark.parametrize(
    ("parameter", "condition", "argument", "same"),
    [
        ("x: bool", "x", "true", "true"),
        ("x: int", "resource.level < x", "-3", "resource.level < -3"),
        ("x: string", "resource.region == x", '"eu"', 'resource.region == "eu"'),
        ("x: enum(private, public)", "resource.visibility == x", "public", "resource.visibility == public"),
        ("x: timestamp", "context.now < x", "2030-01-01T00:00:00Z", "context.now < 2030-01-01T00:00:00Z"),
        ("x: duration", "context.now < context.now + x", "15m", "context.now < context.now + 15m"),
        ("x: timezone", "hour(context.now, x) == 9", '"Europe/Paris"', 'hour(context.now, "Europe/Paris") == 9'),
        ("x: ip", "context.ip == x", "10.1.2.3", "context.ip == 10.1.2.3"),
        ("x: network", "context.ip in x", "10.0.0.0/8", "context.ip in 10.0.0.0/8"),
        ("x: User", "resource.owner == x", 'User "bob"', 'resource.owner == User "bob"'),
        ("x: User | Team", "resource.keeper == x", 'Team "legal"', 'resource.keeper == Team "legal"'),
        ("x: Team", "principal under x", 'Team "legal"', 'principal under Team "legal"'),
        ("x: Document", "collaborator of x", 'Document "d"', 'collaborator of Document "d"'),
        ("x: set<string>", "resource.region in x", '["eu", "us"]', 'resource.region in ["eu", "us"]'),
        ("x: set<int>", "resource.level not in x", "[1, 2]", "resource.level not in [1, 2]"),
        ("x: set<network>", "context.ip in x", "[10.0.0.0/8]", "context.ip in [10.0.0.0/8]"),
        ("x: set<User>", "resource.members all in x", '[User "bob"]', 'resource.members all in [User "bob"]'),
        ("x: set<enum(memo, plan)>", "resource.kinds any in x", "[memo]", "resource.kinds any in [memo]"),
        ("x: int", "resource.level in x..9", "3", "resource.level in 3..9"),
        ("x: string", "principal is User and (principal.department ?? x) == x", '"law"',
         'principal is User and (principal.department ?? "law") == "law"'),
        ("x: role", "role x in resource.tenant", "viewer", "role viewer in resource.tenant"),
        ("x: role", "role x", "auditor", "role auditor"),
        ("x: types", "principal is x", "Service", "principal is Service"),
    ],
)  # fmt: skip
def test_a_parameter_may_stand_wherever_its_argument_may(
    parameter: str, condition: str, argument: str, same: str
) -> None:
    used = rules(f"template t({parameter}): allow read on Document to anyone when {condition}\nuse r: t(x: {argument})")
    written = rules(f"rule r: allow read on Document to anyone when {same}")
    assert [clause.condition for rule in used for clause in rule.clauses] == [
        clause.condition for rule in written for clause in rule.clauses
    ]


def test_a_group_of_actions_and_several_types_may_be_given() -> None:
    text = """template t(kinds: types, what: actions): deny what on kinds
    use r: t(kinds: [Document, Folder], what: [write, read])"""
    assert rules(text)[0].actions == {"edit", "delete", "read"}
    assert rules(text, "Folder")[0].actions == {"read"}


def test_a_template_may_be_used_often_and_each_use_is_a_rule_of_its_own() -> None:
    loaded = bundle(
        """
        template by_region(where: string): allow read on Document to User when resource.region == where
        use eu: by_region(where: "eu")
        shadow use us: by_region(where: "us")
        rule plain: allow edit on Document to User
        """
    )
    assert [(rule.id, rule.is_shadow, rule.span.text) for rule in loaded.program.rules["Document"]] == [
        ("m.eu", False, "use eu"),
        ("m.plain", False, "rule plain"),
        ("m.us", True, "shadow use us"),
    ]


LIMIT = """
template up_to(top: int): allow read on Document to User when resource.level <= top reason "{resource.level} of {top}"
use low: up_to(top: 1)
use high: up_to(top: 5)
"""


def test_a_use_decides_explains_and_says_its_reason_in_both_evaluators() -> None:
    found = decided(LIMIT, World(document={"level": 2}))
    assert [(reason.rule_id, reason.text) for reason in found.reasons] == [("m.high", "2 of 5")]
    traces = program(LIMIT)[1].explain(facts_of(LIMIT, World(document={"level": 2})))
    assert [(trace.rule.id, trace.truth, trace.clauses[1].text) for trace in traces] == [
        ("m.high", True, "resource.level <= 5"),
        ("m.low", False, "resource.level <= 1"),
    ]


def test_an_image_carries_uses_like_rules() -> None:
    loaded = bundle(LIMIT)
    _, compiled, _ = read_image(write_image(loaded, Compiled(loaded.program)))
    plan = compiled.plan("User", "Document", "read")
    assert plan is not None
    assert [rule.id for rule in plan.rules] == ["m.high", "m.low"]


def test_tests_name_a_use_as_a_rule() -> None:
    text = """
    fixture alice = User "alice" {}
    fixture plan = Document "plan" { level: 3 }
    test "a use decides" {
      context { now: 2026-01-05T10:00:00Z }
      matrix { principals alice resources plan actions read expect allow read on plan to alice by high }
    }
    """
    assert [result.lines for result in run(bundle(LIMIT + text).program)] == [()]


def test_a_template_reads_its_own_modules_names_and_an_argument_those_of_the_use() -> None:
    texts = {
        "declarations.policy": DECLARATIONS,
        "shared.policy": """module shared
          let high = resource.level > 3
          role keeper on Tenant { Document: read }
          template kept(held: role): allow read on Document
            to role held in resource.tenant, role keeper in resource.tenant
            when high""",
        "used.policy": """module used
          let high = resource.level > 7
          role keeper on Tenant { Document: edit }
          use own: shared.kept(held: keeper)""",
        "written.policy": """module written
          let high = resource.level > 3
          rule own: allow read on Document to role used.keeper in resource.tenant, role shared.keeper in resource.tenant
            when high""",
    }
    used, written = load(texts).program.rules["Document"]
    assert (used.id, written.id) == ("used.own", "written.own")
    assert [clause.condition for clause in used.clauses] == [clause.condition for clause in written.clauses]


def test_a_fault_in_a_template_shows_the_template_and_the_first_use_of_it() -> None:
    text = """template t(kinds: types): deny read on kinds when resource.regoin == "eu"
    use one: t(kinds: Document)
    use two: t(kinds: [Document, Folder])"""
    (found,) = faults(text)
    assert (found.code, found.span.text) == ("E203", "regoin")
    assert found.used is not None
    assert found.used.text == "use one"
    assert found.render().splitlines()[-1] == "  = found for `use one` in text.policy:3:5"


def test_a_rule_beside_a_faulty_use_is_not_blamed_on_it() -> None:
    found = faults("""template t(x: int): deny read on Document when resource.regoin == x
    use r: t(x: 1)
    rule s: deny read on Document when resource.levle == 1""")
    assert [(fault.span.text, fault.used is None) for fault in found] == [("regoin", False), ("levle", True)]


def test_an_indefinite_deny_rule_is_refused_in_a_template_too() -> None:
    (found,) = faults(
        "template t(x: timestamp): deny read on Document when resource.retain_until < x\n"
        "use r: t(x: 2030-01-01T00:00:00Z)"
    )
    assert (found.code, found.used is not None) == ("E303", True)


def test_nodes_are_counted_after_expansion() -> None:
    many = " or ".join(["resource.level == x"] * 30)
    chain = "".join(f"let l{at} = {' and '.join([f'l{at - 1}'] * 4)}\n" for at in range(1, 6))
    (found, *_) = faults(
        f"let l0 = resource.level == 1\n{chain}\n"
        f"template t(x: int): allow read on Document to User when l5 or {many}\nuse r: t(x: 1)"
    )
    assert (found.code, found.used is None) == ("E404", False)


def test_uses_count_as_rules() -> None:
    uses = "\n".join(f"use r{number}: t()" for number in range(20_001))
    with pytest.raises(PolicyError) as caught:
        load({"m.policy": f"module m\n{uses}\ntype D {{}}\nactions D {{ a }}\ntemplate t(): allow a on D to anyone"})
    assert [fault.code for fault in caught.value.diagnostics] == ["E314", "E405"]


@pytest.mark.parametrize(
    "text",
    [
        "template t(): use r: t()",
        "template t(x: use): allow read on Document to anyone",
        "use r: use s: t()",
        "template t(): template s(): allow read on Document to anyone",
    ],
)
def test_no_template_holds_a_use(text: str) -> None:
    assert {fault.code for fault in faults(text)} <= {"E101", "E202"}
    assert faults(text)
