"""Rules are well-typed for every resource and principal that they may meet, and a deny rule is always definite."""

import pytest

from policy_lang.decision import Effect
from policy_lang.limits import NODE_LIMIT
from policy_lang.typed import (
    Always,
    And,
    Call,
    ClauseKind,
    Compare,
    Comparison,
    Condition,
    Constant,
    Default,
    Has,
    Holds,
    IdOf,
    InList,
    InNetworks,
    InRange,
    InSet,
    IsType,
    Like,
    Not,
    Or,
    Overlap,
    Path,
    Quantifier,
    Related,
    Root,
    Sum,
    Under,
)
from policy_lang.typed import Test as Called
from policy_lang.types import BoolType, IntType, IpType, NetworkType, RefType, SetType, StringType
from policy_lang.values import Network, Ref
from tests.policy_lang.source_text import bundle, codes, condition, faults, rule

ANYONE = RefType(("Service", "User"))
ASKER = Path(Root.PRINCIPAL, (), ANYONE)
LEVEL = Path(Root.RESOURCE, ("level",), IntType())
REGION = Path(Root.RESOURCE, ("region",), StringType())
OWNER = Path(Root.RESOURCE, ("owner",), RefType(("User",)))
LABELS = Path(Root.RESOURCE, ("labels",), SetType(StringType()))
IP = Path(Root.CONTEXT, ("ip",), IpType())
ONE = Constant(1, IntType())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resource.level <= 1", Compare(Comparison.LE, LEVEL, ONE)),
        ("resource.locked", Holds(Path(Root.RESOURCE, ("locked",), BoolType()))),
        ("true", Always(True)),
        ("resource.owner == principal", Compare(Comparison.EQ, OWNER, ASKER)),
        ('resource.owner.id == "x"', Compare(Comparison.EQ, IdOf(OWNER), Constant("x", StringType()))),
        ('resource.owner == User "u"', Compare(Comparison.EQ, OWNER, Constant(Ref("User", "u"), RefType(("User",))))),
        ("resource.level in [1, 1]", InList(LEVEL, (ONE, ONE))),
        ("resource.level not in 1..1", Not(InRange(LEVEL, ONE, ONE))),
        ("resource.region in resource.labels", InSet(REGION, LABELS)),
        (
            "principal in resource.members",
            InSet(ASKER, Path(Root.RESOURCE, ("members",), SetType(RefType(("User",))))),
        ),
        ('resource.labels any in ["a"]', Overlap(Quantifier.ANY, LABELS, (Constant("a", StringType()),))),
        ("resource.labels all in resource.labels", Overlap(Quantifier.ALL, LABELS, LABELS)),
        (
            '["a", "b"] all in resource.labels',
            Overlap(Quantifier.ALL, Constant(frozenset({"a", "b"}), SetType(StringType())), LABELS),
        ),
        ('resource.region like "eu*"', Like(REGION, "eu*")),
        ("has resource.folder", Has(Path(Root.RESOURCE, ("folder",), RefType(("Folder",))))),
        ("has resource.folder.id", Has(Path(Root.RESOURCE, ("folder",), RefType(("Folder",))))),
        ("principal is User", IsType(ASKER, "User")),
        ("User", IsType(ASKER, "User")),
        ('Team "x"', Under(ASKER, Constant(Ref("Team", "x"), RefType(("Team",))))),
        ('principal under Team "x"', Under(ASKER, Constant(Ref("Team", "x"), RefType(("Team",))))),
        ("collaborator", Related("m.collaborator", Path(Root.RESOURCE, (), RefType(("Document",))))),
        ("collaborator of resource", Related("m.collaborator", Path(Root.RESOURCE, (), RefType(("Document",))))),
        ("owner", Compare(Comparison.EQ, OWNER, ASKER)),
        ('starts_with(resource.region, "e")', Called("starts_with", (REGION, Constant("e", StringType())))),
        (
            "size(resource.labels) > 1",
            Compare(Comparison.GT, Call("size", (LABELS,), IntType()), ONE),
        ),
        (
            "resource.level + 1 - 1 == 1",
            Compare(Comparison.EQ, Sum(True, Sum(False, LEVEL, ONE, IntType()), ONE, IntType()), ONE),
        ),
        (
            "context.mfa ?? false",
            Holds(
                Default(Path(Root.CONTEXT, ("mfa",), BoolType()), Constant(False, BoolType()), BoolType()),
            ),
        ),
        (
            "context.ip in [10.0.0.0/8]",
            InNetworks(IP, (Constant(Network.parse("10.0.0.0/8"), NetworkType()),)),
        ),
        ("context.ip in resource.nets", InNetworks(IP, (Path(Root.RESOURCE, ("nets",), SetType(NetworkType())),))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_form_has_its_typed_tree(text: str, expected: Condition) -> None:
    assert condition(text) == expected


def test_a_bare_name_opposite_an_enum_is_a_member() -> None:
    for text in (
        "resource.visibility == public",
        "public == resource.visibility",
        "resource.visibility in [public, private]",
        "public in [resource.visibility]",
        "resource.kinds any in [memo]",
        "plan in resource.kinds",
    ):
        assert codes(f"rule r: allow read on Document to anyone when {text}") == [], text


def test_a_rule_has_its_clauses_in_order_with_their_text() -> None:
    found = rule(
        """
        shadow rule r: deny read on Document to owner, User when resource.locked and
            resource.level == 1 unless resource.region == "eu"
            reason "why" code WHY hide oblige log(b: resource.level, a: "x")
        """
    )
    assert [(clause.kind, clause.text) for clause in found.clauses] == [
        (ClauseKind.TO, "owner, User"),
        (ClauseKind.WHEN, "resource.locked and resource.level == 1"),
        (ClauseKind.UNLESS, 'resource.region == "eu"'),
    ]
    assert (found.id, found.effect, found.is_shadow, found.reason) == ("m.r", Effect.DENY, True, "why")
    assert (found.code, found.hide) == ("WHY", True)
    assert found.obligations[0].parameters == (("a", Constant("x", StringType())), ("b", LEVEL))


def test_a_let_is_expanded_where_it_is_used() -> None:
    found = rule(
        "let f = resource.folder\nrule r: allow read on Document to anyone when has f and f.owner == principal"
    )
    assert found.clauses[1].condition == And(
        (
            Has(Path(Root.RESOURCE, ("folder",), RefType(("Folder",)))),
            Compare(Comparison.EQ, Path(Root.RESOURCE, ("folder", "owner"), RefType(("User", "Team"))), ASKER),
        )
    )


@pytest.mark.parametrize(
    "clauses",
    [
        "to User when principal.clearance > 1",
        "to anyone when principal is User and principal.clearance > 1",
        "to anyone when principal.clearance > 1 and principal is User",
        "to anyone when principal is User when principal.clearance > 1",
        "to anyone when principal.clearance > 1 unless not (principal is User)",
        "to anyone when principal.clearance > 1 unless principal is Service",
        "to anyone when not (principal is User) or principal.clearance > 1",
        "to anyone when (principal is User and principal.clearance > 1) or principal is Service",
        "to User when principal is Service and principal.clearance > 1",
        "to User when principal.clearance in 1..principal.clearance + 1 oblige log(level: principal.clearance)",
    ],
)
def test_who_asks_narrows_what_may_be_read(clauses: str) -> None:
    assert codes(f"rule r: allow read on Document {clauses}") == []


@pytest.mark.parametrize(
    "clauses",
    [
        "to anyone when principal.clearance > 1",
        "to User, Service when principal.clearance > 1",
        "to anyone when principal is User or principal.clearance > 1",
        "to anyone when principal.clearance > 1 unless principal is User",
        "to anyone oblige log(level: principal.clearance)",
        "to User when principal is Service and principal.nothing > 1",
    ],
)
def test_what_not_every_principal_has_is_refused(clauses: str) -> None:
    assert codes(f"rule r: allow read on Document {clauses}") == ["E203"]


def test_a_reference_is_narrowed_too() -> None:
    assert codes("rule r: allow read on Document to anyone when resource.keeper.clearance > 1") == ["E203"]
    for text in ("resource.keeper is User", "not (resource.keeper is Team)"):
        assert codes(f"rule r: allow read on Document to anyone when resource.keeper.clearance > 1 and {text}") == []


def test_the_resource_is_narrowed_in_a_rule_on_many_types() -> None:
    found = bundle("rule r: deny any on any when resource is Document and resource.level > 1").program.rules
    assert found["Folder"][0].clauses[0].condition == And(
        (IsType(Path(Root.RESOURCE, (), RefType(("Folder",))), "Document"),)
    )


def test_an_attribute_that_differs_by_principal_is_checked_for_each() -> None:
    text = "rule r: allow read on Document to anyone when (principal is User and principal.grade == senior) or {}"
    assert codes(text.format("(principal is Service and principal.grade > 1)")) == []
    both = condition("has principal.grade")
    path = Path(Root.PRINCIPAL, ("grade",), IntType())
    assert isinstance(both, Or)
    assert both.items[0] == And((IsType(ASKER, "Service"), Has(path)))


def test_operands_that_cannot_matter_are_left_out_and_nothing_else() -> None:
    """Whatever is left out, what says who asks stays: the rule is as false as it was."""
    found = rule("rule r: allow read on Document to User when principal is Service and principal.grade > 1")
    assert [clause.condition for clause in found.clauses] == [IsType(ASKER, "User"), And((IsType(ASKER, "Service"),))]


@pytest.mark.parametrize(
    "condition",
    [
        'context.zone == "Europe/Paris"',
        '"Europe/Paris" == context.zone',
        'context.zone in ["UTC", "Asia/Tokyo"]',
        'hour(context.now, "Europe/Paris") in 9..16',
    ],
)
def test_a_string_opposite_a_time_zone_names_one(condition: str) -> None:
    assert codes(f"rule r: allow read on Document to anyone when {condition}") == []


@pytest.mark.parametrize(
    "clauses",
    [
        "when has resource.retain_until and context.now < resource.retain_until",
        "when context.now < resource.retain_until and has resource.retain_until",
        "when context.now < resource.retain_until when has resource.retain_until",
        "when context.now < resource.retain_until unless not has resource.retain_until",
        "unless not has resource.retain_until or resource.retain_until < context.now",
        "when context.mfa ?? false",
        "when has resource.folder.above and resource.folder.owner == principal",
        "when has resource.folder and (resource.locked or resource.folder.owner == principal)",
        "when not (not has resource.folder or resource.folder.owner == principal)",
        "to User when has principal.boss.boss and principal.boss.clearance > 1",
        "when has resource.folder oblige log(f: resource.folder)",
    ],
)
def test_what_is_guarded_is_definite(clauses: str) -> None:
    assert codes(f"rule r: deny delete on Document {clauses}") == []


@pytest.mark.parametrize(
    "clauses",
    [
        "when context.now < resource.retain_until",
        "when not context.mfa",
        "when has resource.retain_until or context.now < resource.retain_until",
        "when not has resource.retain_until and context.now < resource.retain_until",
        "unless has resource.retain_until when context.now < resource.retain_until",
        "when has resource.folder and resource.folder.above.owner == principal",
        "when (context.mfa ?? context.mfa) == true",
        'when resource.folder under Folder "x"',
        'when resource.intent == "x"',
        "oblige log(f: resource.folder)",
        "to role editor in resource.folder.tenant",
    ],
)
def test_a_deny_rule_that_absence_leaves_unknown_is_refused(clauses: str) -> None:
    assert codes(f"rule r: deny delete on Document {clauses}") == ["E303"]
    assert codes(f"shadow rule r: deny delete on Document {clauses}") == ["E303"]


def test_an_allow_rule_may_be_unknown() -> None:
    assert codes("rule r: allow read on Document to anyone when context.now < resource.retain_until") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('resource.level == "1"', "E301"),
        ('resource.visibility == "public"', "E301"),
        ('context.now > "2026-01-05T10:00:00Z"', "E301"),
        ('context.zone == "Europe/Pariss"', "E315"),
        ('hour(context.now, "Mars/Base") == 3', "E315"),
        ("resource.owner == resource.tenant", "E301"),
        ("resource.labels == resource.labels", "E312"),
        ("resource.labels in [1]", "E312"),
        ("resource.region any in [1]", "E301"),
        ("resource.level in []", "E301"),
        ("context.ip in [10.0.0.0/8, 10.1.2.3]", "E301"),
        ("resource.level in resource.level", "E301"),
        ("resource.region < resource.region", "E311"),
        ("resource.locked > false", "E311"),
        ("(resource.locked and resource.locked) == true", "E302"),
        ("resource.level == (resource.level == 1)", "E302"),
        ("resource.level", "E302"),
        ("size(resource.labels)", "E302"),
        ("hour(context.now) == 1", "E310"),
        ("hour(context.now, 3) == 1", "E310"),
        ("resource.level + true == 1", "E301"),
        ("context.now + context.now == context.now", "E301"),
        ("resource.members.clearance == 1", "E304"),
        ("resource.level.id == 1", "E304"),
        ("has owner", "E302"),
        ("resource.folder.id ?? 3 == 3", "E302"),
        ("context.mfa ?? 3", "E301"),
        ("resource.owner is Folder", "E313"),
        ("resource.tenant under resource.folder", "E313"),
        ('resource.region like "' + "*a" * 9 + '"', "E406"),
        ("resource.folder.above.above.above.owner == principal", "E407"),
        ("owner of resource", "E313"),
        ("collaborator of resource.folder", "E206"),
        ("role in resource.tenant", "E308"),
    ],
)
def test_mixed_and_misplaced_expressions_are_refused(text: str, code: str) -> None:
    assert codes(f"rule r: allow read on Document to anyone when {text}") == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("rule r: allow read on Document", "E306"),
        ("rule r: allow read on Document to anyone code NO", "E307"),
        ("rule r: allow read on Document to anyone hide", "E307"),
        ("rule r: deny read on Document code NO_MATCH", "E307"),
        ("rule r: deny granted on Document", "E308"),
        ("rule r: allow granted on Document to role in resource.tenant, User", "E308"),
        ("rule r: allow granted on Document to role editor in resource.tenant", "E308"),
        ("rule r: allow read on Document to role in resource.tenant", "E308"),
        ("rule r: allow granted on Document to role in resource.tenant when role over resource.tenant", "E308"),
        ("rule r: allow read on Document to role editor", "E309"),
        ("rule r: allow read on Document to role auditor in resource.tenant", "E309"),
        ("rule r: allow read on Document to role editor in resource.folder", "E309"),
        ("rule r: allow read on Document to Team", "E313"),
        ('rule r: allow read on Document to Folder "f"', "E313"),
        ("rule r: allow read on Document to same\nlet same = true", "E302"),
        ("rule r: allow read on Document to resource.owner", "E302"),
        ("rule r: allow read on Folder, Route to anyone", "E204"),
        ("rule r: deny read on Document oblige log(a: 1, a: 2)", "E210"),
        ("rule r: allow read on Document to anyone oblige log(a: resource.locked and true)", "E101"),
    ],
)
def test_what_the_parts_of_a_rule_ask_of_each_other(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_an_unknown_name_is_found_beside_what_makes_it_not_matter() -> None:
    text = "rule r: allow read on Document to User when principal is Service and same_tenent"
    assert codes(text) == ["E201"]


def test_names_that_grow_without_limit_are_refused() -> None:
    lets = "".join(f"let l{n} = l{n - 1} and l{n - 1}\n" for n in range(1, 20))
    assert codes(f"let l0 = resource.locked\n{lets}rule r: allow read on Document to anyone when l19") == ["E404"]


def test_names_that_nest_without_limit_are_refused() -> None:
    lets = "".join(f"let l{n} = not l{n - 1}\n" for n in range(1, 100))
    assert codes(f"let l0 = resource.locked\n{lets}rule r: allow read on Document to anyone when l99") == ["E402"]


def test_roles_that_include_without_limit_are_refused() -> None:
    roles = "".join(f"role r{n} includes r{n + 1} {{}}\n" for n in range(2000))
    assert set(codes(f"{roles}role r2000 {{}}")) == {"E402"}


def test_a_list_of_literals_costs_no_nodes() -> None:
    items = ", ".join(map(str, range(NODE_LIMIT)))
    assert codes(f"rule r: allow read on Document to anyone when resource.level in [{items}]") == []


def test_every_fault_is_told_at_once_and_in_order() -> None:
    found = faults("rule b: allow fly on Document to anyone\nrule a: allow read on Document to anyone when resource.x")
    assert [(fault.code, fault.span.text) for fault in found] == [("E204", "fly"), ("E203", "x")]


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ("context.now > 2026-01-05", "a time is written bare: `2026-01-05T10:00:00Z`"),
        ("context.now - context.now > 90", "a duration is written bare: `15m`"),
        ('like(resource.region, "e*")', "`like` stands between its sides: `a like b`"),
        ('under(resource, resource)', "`under` stands between its sides: `a under b`"),
        ('start_with(resource.region, "e")', "did you mean `starts_with`?"),
    ],
)  # fmt: skip
def test_what_comes_from_other_languages_is_told_how_it_is_said(text: str, help_: str) -> None:
    assert [fault.help for fault in faults(f"rule r: allow read on Document to User when {text}")] == [help_]
