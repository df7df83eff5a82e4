"""Reasons that quote values: what they say, for every type and every gap; what they may not quote."""

import pytest

from policy_lang.decision import MissingInput
from policy_lang.loading import load
from policy_lang.suite import run
from policy_lang.typed import Path
from policy_lang.values import ABSENT, BAD_VALUE, NOT_GIVEN, Cell, Ip
from tests.policy_lang.law import INNER, LEGAL, STAFF, World, decided, facts_of, program
from tests.policy_lang.source_text import bundle, faults


def reason(text: str, world: World | None = None) -> str:
    """The one reason of a rule that allows alice to read the plan; both evaluators agree on it."""
    (found,) = decided(f'rule it: allow read, create on Document to User reason "{text}"', world or World()).reasons
    return found.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("documents in {resource.region}", "documents in eu"),
        ("{resource.region}", "eu"),
        ("level {resource.level} needs {principal.clearance}", "level 2 needs 3"),
        ("locked: {resource.locked}", "locked: false"),
        ("it is {resource.visibility}", "it is public"),
        ("from {context.now} on", "from 2026-01-05T10:00:00Z on"),
        ("for {resource.grace}", "for 1h"),
        ("in {principal.zone}", "in Europe/Paris"),
        ("inside {resource.net}", "inside 10.0.0.0/8"),
        ("ask {resource.owner}", 'ask User "alice"'),
        ("ask {resource.owner.id}, not {principal.id}", "ask alice, not alice"),
        ("ask {resource.folder.owner}", 'ask User "bob"'),
        ("labelled {resource.labels}", "labelled draft, pii"),
        ("tagged {resource.tags}", "tagged (none)"),
        ("this, {resource}", 'this, Document "plan"'),
        ("{{resource.region}} is {resource.region}", "{resource.region} is eu"),
        (r"\u007bresource.region\u007d", "{resource.region}"),
        (r"a \"word\": {resource.region}\n", 'a "word": eu\n'),
        ("nothing }} of {{ the kind", "nothing } of { the kind"),
    ],
)
def test_a_reason_quotes_values_of_every_type(text: str, said: str) -> None:
    assert reason(text) == said


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (World(context={"ip": Ip.parse("::1")}), "from ::1"),
        (World(context={"ip": NOT_GIVEN}), "from (unknown)"),
    ],
    ids=["given", "not given"],
)
def test_an_address_is_quoted_in_its_usual_form(world: World, said: str) -> None:
    assert reason("from {context.ip}", world) == said


@pytest.mark.parametrize("cell", [ABSENT, BAD_VALUE], ids=["absent", "broken"])
def test_a_value_that_is_not_there_is_unknown_and_changes_no_decision(cell: Cell) -> None:
    assert reason("until {resource.retain_until}", World(document={"retain_until": cell})) == "until (unknown)"


def test_a_row_that_is_missing_behind_a_quoted_path_is_unknown() -> None:
    assert reason("ask {resource.folder.owner}", World(without=frozenset({INNER}))) == "ask (unknown)"


def test_an_optional_value_may_be_quoted_by_a_deny_rule_without_a_guard() -> None:
    found = decided('rule it: deny read on Document reason "until {resource.retain_until}"', World())
    assert [each.text for each in found.reasons] == ["until (unknown)"]
    assert (found.code, found.missing) == ("DENIED", ())


def test_an_undetermined_rule_says_its_reason_with_what_is_known() -> None:
    rule = (
        'rule it: deny read on Document unless context.ip in [10.0.0.0/8] reason "{resource.region} from {context.ip}"'
    )
    found = decided(rule, World(context={"ip": NOT_GIVEN}))
    assert [each.text for each in found.reasons] == ["eu from (unknown)"]
    assert found.missing == (MissingInput("context.ip", "not_given"),)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a\nb\r\nc\td", "a b  c d"),
        ("a\x1b[31mb\x00c\x7f", "a\ufffd[31mb\ufffdc\ufffd"),
        ("left \u202e right\u2066", "left \ufffd right\ufffd"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("line\u2028sep\u00a0nbsp", "line sep nbsp"),
        ("\ud800", "\ufffd"),
        ("größer als 5 € {resource.region} %s", "größer als 5 € {resource.region} %s"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
    ],
    ids=["lines", "terminal", "direction", "hidden", "separators", "surrogate", "plain", "longest", "too long"],
)
def test_what_is_quoted_stays_on_its_line_and_has_a_limit(value: str, said: str) -> None:
    assert reason("'{resource.region}'", World(document={"region": value})) == f"'{said}'"


def test_a_large_set_is_cut_like_any_value() -> None:
    found = reason("{resource.labels}", World(document={"labels": frozenset(map(str, range(1000)))}))
    assert (len(found), found[:12], found[-1]) == (200, "0, 1, 10, 10", "…")


def test_what_a_reason_quotes_is_in_the_record_and_nowhere_in_the_decision_table() -> None:
    rules = 'rule it: allow read on Document to User reason "in {resource.region}, of {resource.folder.owner}"'
    compiled, interpreter = program(rules)
    said: list[str] = []
    for region in ("eu", "us", "eu"):
        facts = facts_of(rules, World(document={"region": region}))
        assert compiled.inputs(facts) == {
            "resource.folder.owner": {"type": "User", "id": "bob"},
            "resource.region": region,
        }
        assert compiled.decide(facts) == interpreter.decide(facts)
        said += [each.text for each in compiled.decide(facts).reasons]
    assert said == ['in eu, of User "bob"', 'in us, of User "bob"', 'in eu, of User "bob"']


def test_every_determining_rule_speaks_for_itself() -> None:
    rules = """
    rule one: allow read on Document to User reason "{principal.clearance} is enough"
    rule two: allow read on Document to Team "legal" reason "of {resource.tenant}"
    """
    found = decided(rules, World(teams=(LEGAL, STAFF)))
    assert [(each.rule_id, each.text) for each in found.reasons] == [
        ("m.one", "3 is enough"),
        ("m.two", 'of Tenant "t1"'),
    ]


def test_a_record_is_quoted_field_by_field() -> None:
    text = """
    type Paper {{ place: {{ city: string? }} }}
    actions Paper {{ view }}
    rule r: allow view on Paper to User reason "in {{{quoted}}}"
    """
    assert faults(text.format(quoted="resource.place.city")) == ()
    (found,) = faults(text.format(quoted="resource.place"))
    assert (found.code, found.message) == ("E316", "`resource.place` is a record")


def test_decimals_and_fields_of_records_are_quoted_in_their_usual_form() -> None:
    text = """
    module m
    principal type User {}
    type Paper { price: decimal, place: { city: string?, size: decimal } }
    actions Paper { view }
    template costs(most: decimal): allow view on Paper to User when resource.price <= most
      reason "{resource.price} of {most}, {resource.place.size} in {resource.place.city}"
    use cheap: costs(most: 20)
    use dear: costs(most: 99.5)
    fixture alice = User "a" {}
    fixture paper = Paper "p" { price: 12.30, place: { size: 1 } }
    test "it" {
      principal alice
      resource paper
      context { now: 2026-01-05T10:00:00Z }
      expect allow view by cheap, dear
    }
    """
    (result,) = run(load({"m.policy": text}).program)
    assert result.lines == ()
    assert [reason.text for reason in result.decision.reasons] == [
        "12.3 of 20, 1 in (unknown)",
        "12.3 of 99.5, 1 in (unknown)",
    ]


def test_a_rule_without_a_reason_says_nothing() -> None:
    assert [each.text for each in decided("rule it: allow read on Document to User", World()).reasons] == [""]


def test_a_let_that_is_a_path_may_be_quoted() -> None:
    rules = 'let where = resource.folder rule it: allow read on Document to User reason "in {where.owner}"'
    assert [each.text for each in decided(rules, World()).reasons] == ['in User "bob"']


def test_the_clauses_of_a_rule_narrow_what_its_reason_quotes() -> None:
    text = 'rule r: allow read on Document to User when resource.keeper is Team reason "{principal.clearance}"'
    (found,) = bundle(text).program.rules["Document"]
    assert [str(part) for part in found.reason_parts if isinstance(part, Path)] == ["principal.clearance"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("{resource.regoin}", "E203", "regoin"),
        ("{regoin}", "E201", "regoin"),
        ("{context.port}", "E214", "port"),
        ("{resource.region.id}", "E304", "resource.region.id"),
        ("{context}", "E302", "context"),
        ("{owner}", "E316", "owner"),
        ("{principal.clearance}", "E203", "clearance"),
        ("{resource.region", "E108", "{"),
        ("resource.region}", "E108", "}"),
        ("{}", "E108", "{}"),
        ("{ resource.region }", "E108", "{ resource.region }"),
        ("{resource.region ?? 1}", "E108", "{resource.region ?? 1}"),
        ("{resource..region}", "E108", "{resource..region}"),
        ("{resource.region}" * 9, "E409", "resource.region"),
    ],
)
def test_what_no_reason_quotes_is_told_where_it_stands(text: str, code: str, place: str) -> None:
    found = faults(f'rule r: allow read on Document to anyone reason "{text}"')
    assert {fault.code for fault in found} == {code}
    assert found[0].span.text == place


@pytest.mark.parametrize(
    ("quoted", "is_refused"),
    [
        ("resource.salary", True),
        ("resource.boss", True),
        ("resource.boss.id", True),
        ("resource.boss.name", True),
        ("resource.author.wage", True),
        ("resource.author.name", False),
        ("context.token", True),
        ("principal.wage", True),
        ("principal.name", False),
        ("resource.pay.sum", True),
        ("resource.place.city", False),
    ],
)
def test_nothing_sensitive_is_quoted_nor_anything_reached_through_it(quoted: str, is_refused: bool) -> None:
    text = f"""
    principal type Clerk {{ name: string, wage: int sensitive }}
    type Paper {{
      salary: int sensitive, boss: Clerk sensitive, author: Clerk,
      pay: {{ sum: int }} sensitive, place: {{ city: string }},
    }}
    context {{ token: string sensitive }}
    actions Paper {{ view }}
    rule r: allow view on Paper to Clerk reason "{{{quoted}}}"
    """
    assert [fault.code for fault in faults(text)] == ["E317"] * is_refused
