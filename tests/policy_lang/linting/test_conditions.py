"""A condition is reported if and only if no data makes a difference to it."""

import pytest

from tests.policy_lang.linting.linted import said, when

ALIKE = "both sides are the same"
LITERAL = "both sides are literals"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("resource.level == resource.level", f"this is never false: {ALIKE}"),
        ("resource.level < resource.level", f"this is never true: {ALIKE}"),
        ("resource.level != resource.level", f"this is never true: {ALIKE}"),
        ("1 < 2", f"this is never false: {LITERAL}"),
        ('"eu" == "us"', f"this is never true: {LITERAL}"),
        ("1 in [2, 3]", "this is never true: no item of the list is that"),
        ("resource.level in 5..3", "this is never true: the range ends before it begins"),
        ('hour(context.now, "UTC") == 24', "this is never true: `hour` gives 0 to 23"),
        ('weekday(context.now, "UTC") < 1', "this is never true: `weekday` gives 1 to 7"),
        ('weekday(context.now, "UTC") in 1..7', "this is never false: `weekday` gives 1 to 7"),
        ('hour(context.now, "UTC") in 24..30', "this is never true: `hour` gives 0 to 23"),
        ("size(resource.labels) >= 0", "this is never false: `size` gives 0 or more"),
        ('time_of_day(context.now, "UTC") < 24h', "this is never false: `time_of_day` gives less than a day"),
        ('lower(resource.region) == "EU"', "this is never true: `lower` gives no capital letters"),
        ('"EU" != lower(resource.region)', "this is never false: `lower` gives no capital letters"),
        ("resource.visibility in [private, public]", "this is never false: the list has every member"),
        ('resource.region like "**"', "this is never false: the pattern fits every text"),
        ('starts_with(resource.region, "")', "this is never false: every text has the empty one in it"),
        ("contains(resource.region, resource.region)", "this is never false: both texts are the same"),
        ("has resource.owner", "this is never false: `resource.owner` is not optional"),
        ("resource.owner is User", "this is never false: `resource.owner` is always one"),
        ("resource is Document", "this is never false: `resource` is always one"),
        ("resource under resource", f"this is never false: {ALIKE}"),
        ("resource.labels all in resource.labels", f"this is never false: {ALIKE}"),
        ("true", "this is never false: it is `true`"),
    ],
)
def test_a_test_that_always_comes_to_the_same_is_reported(condition: str, message: str) -> None:
    assert when(condition) == [f"W101: {message}"]


@pytest.mark.parametrize(
    ("condition", "about"),
    [
        ("resource.level < 3 and resource.level > 5", "`resource.level`"),
        ("resource.level < 3 and 3 < resource.level", "`resource.level`"),
        ("resource.level in 1..3 and resource.level == 4", "`resource.level`"),
        ("resource.visibility == private and resource.visibility == public", "`resource.visibility`"),
        ("resource.visibility != private and resource.visibility != public", "`resource.visibility`"),
        ("resource.locked and not resource.locked", "`resource.locked`"),
        ('resource.region in ["eu", "us"] and resource.region == "fr"', "`resource.region`"),
        ("principal is User and principal is Service", "`principal`"),
        ("has resource.folder and not has resource.folder", "`resource.folder`"),
        ('hour(context.now, "UTC") > 20 and hour(context.now, "UTC") < 6', '`hour(context.now, "UTC")`'),
        ("collaborator and not collaborator", "the data"),
    ],
)
def test_operands_that_contradict_each_other_are_reported(condition: str, about: str) -> None:
    assert when(condition) == [f"W102: this is never true: what it asks of {about} contradicts itself"]


def test_what_is_read_where_it_is_absent_is_never_true() -> None:
    text = "rule r: allow edit on Document to User when not has resource.folder and resource.folder.owner == principal"
    contradiction = "what it asks of `resource.folder` contradicts itself"
    assert said(text) == ["W201: rule `r` never applies", f"W102: this is never true: {contradiction}"]


@pytest.mark.parametrize(
    ("condition", "about"),
    [
        ("resource.visibility == private or resource.visibility == public", "`resource.visibility`"),
        ("resource.level < 3 or resource.level >= 3", "`resource.level`"),
        ("resource.level < 5 or resource.level > 3", "`resource.level`"),
        ('resource.region != "eu" or resource.region != "us"', "`resource.region`"),
        ("resource.locked or not resource.locked", "`resource.locked`"),
        ("collaborator or not collaborator", "the data"),
    ],
)
def test_operands_that_leave_nothing_out_are_reported(condition: str, about: str) -> None:
    assert when(condition) == [f"W103: this is never false: a part of it holds whatever {about} is"]


@pytest.mark.parametrize(
    "condition",
    [
        "resource.level < 3 or resource.level > 3",
        "resource.level > 3 and resource.level < 5",
        "resource.level in 1..1",
        'resource.region != "eu" and resource.region != "us"',
        "resource.visibility == private or resource.locked",
        'lower(resource.region) == "eu-1"',
        'hour(context.now, "UTC") < 6 or hour(context.now, "UTC") > 20',
        "has resource.folder and resource.folder.owner == principal",
        'resource.keeper == User "a" and resource.keeper is User',
        "resource.level == principal.grade and principal is Service",
        "resource.labels any in resource.labels",
    ],
)
def test_what_depends_on_the_data_is_not_reported(condition: str) -> None:
    assert when(condition) == []


def test_a_test_is_reported_where_every_type_and_rule_agrees_alone() -> None:
    both = "rule r: deny read on Document, Folder when resource is Document"
    assert said(both) == []
    assert said("rule r: deny read on Document when resource is Document") == [
        "W101: this is never false: `resource` is always one"
    ]


def test_a_let_is_reported_where_it_stands_once() -> None:
    text = "let odd = resource.level in 3..1\nrule a: deny read on Document when odd or resource.locked\n"
    again = "rule b: deny edit on Document when odd or resource.locked"
    assert said(text + again) == ["W101: this is never true: the range ends before it begins"]


@pytest.mark.parametrize(
    ("condition", "twice"),
    [
        ("resource.locked and owner and resource.locked", "resource.locked"),
        ("resource.level in [1, 2, 1]", "1"),
        ('resource.labels any in ["a", "a"]', '"a"'),
    ],
)
def test_what_is_said_twice_is_reported(condition: str, twice: str) -> None:
    assert when(condition) == [f"W104: `{twice}` stands here twice"]


def test_a_default_counts_where_a_path_may_be_absent_alone() -> None:
    idle = "W105: `resource.locked` is not optional: its default stands for nothing"
    assert when("resource.locked ?? false") == [idle]
    assert when("context.mfa ?? false") == []
    assert when('(resource.folder.owner ?? User "a") == principal') == []
