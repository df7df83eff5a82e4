"""Law of the lints: what is said to be never true, or never false, is so in every world; nor does a rule decide that
is said not to."""

from random import Random
from typing import Final

from hypothesis import assume, event, given
from hypothesis import strategies as st

from policy_lang.compiler import Compiled
from policy_lang.decision import ALLOWED, NO_MATCH
from policy_lang.diagnostics import Severity
from policy_lang.gather import gather
from policy_lang.linting.linter import check
from policy_lang.loading import load
from tests.laws.whole_worlds import DECLARATIONS, worlds

ATOMS: Final = (
    "principal.level < 2",
    "principal.level >= 2",
    "principal.level in 1..1",
    "principal.level == 1",
    "1 != principal.level",
    "principal.level in [1, 2]",
    "principal.level > principal.level",
    "resource.keeper == principal",
    "resource.keeper is User",
    "resource.keeper is Team",
    "principal is User",
    "principal is Service",
    "has resource.note",
    'resource.note == "a"',
    'resource.note in ["a", "b"]',
    'lower(resource.note) != "A"',
    "has resource.place",
    "resource.place.code == 1",
    "context.mfa",
    "size(resource.note) < 0",
    "resource.folder under resource.folder",
)


def joined(word: str, parts: list[str]) -> str:
    return f" {word} ".join(f"({part})" for part in parts)


CONDITIONS: Final = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.builds(joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=4,
)


def outcomes(text: str) -> list[str]:
    """The code of the decision in each world."""
    compiled = Compiled(load({"law.policy": text}).program)
    return [compiled.decide(gather([question], compiled, source)[0]).code for source, question in worlds()]


def codes(text: str) -> set[str]:
    return {found.code for found in check({"law.policy": text}).diagnostics}


@given(CONDITIONS)
def test_a_rule_that_is_said_never_to_apply_never_does(condition: str) -> None:
    text = f"{DECLARATIONS}rule r: allow read on Document to anyone when {condition}\n"
    is_dead = "W201" in codes(text)
    event("never applies" if is_dead else "may apply")
    assert not is_dead or ALLOWED not in outcomes(text)


@given(CONDITIONS)
def test_what_is_said_never_to_be_false_never_is(condition: str) -> None:
    """Its opposite would never apply."""
    text = f"{DECLARATIONS}rule r: allow read on Document to anyone"
    is_always = "W201" in codes(f"{text} unless {condition}\n")
    event("never false" if is_always else "may be false")
    assert not is_always or NO_MATCH not in outcomes(f"{text} when {condition}\n")


@given(st.lists(CONDITIONS, min_size=1, max_size=2), CONDITIONS, st.booleans(), st.randoms(use_true_random=False))
def test_a_rule_that_is_said_to_do_nothing_does_nothing(
    shared: list[str], own: str, is_beaten: bool, random: Random
) -> None:
    """Beside a rule that asks for a part of what it asks for."""
    parts = random.sample([*shared, own], len(shared) + 1)
    others = f"{DECLARATIONS}rule other: {'deny' if is_beaten else 'allow'} read on Document to anyone{whens(shared)}\n"
    text = f"{others}rule r: allow read on Document to anyone{whens(parts)}\n"
    found = check({"law.policy": text}).diagnostics
    assume(all(each.severity is Severity.WARNING for each in found))
    does_nothing = any(each.code in {"W201", "W202", "W203"} and "rule `r`" in each.message for each in found)
    event("does nothing" if does_nothing else "may do something")
    assert not does_nothing or outcomes(text) == outcomes(others)


def whens(conditions: list[str]) -> str:
    return "".join(f" when {condition}" for condition in conditions)
