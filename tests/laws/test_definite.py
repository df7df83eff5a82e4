"""Law (language.md, Definite): a deny rule that loads is true or false wherever nothing is broken, and whether it loads
does not depend on the order of its operands and clauses.

Conditions are made at random of guards and of reads of what may be absent; those that load are asked about every
principal and resource that whole data may have.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from random import Random
from typing import Final

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from policy_lang import loading
from policy_lang.compiler import Compiled
from policy_lang.decision import UNDETERMINED
from policy_lang.diagnostics import PolicyError
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from tests.laws.whole_worlds import DECLARATIONS, worlds

GUARDED: Final = {
    "context.mfa": ("has context.mfa",),
    'resource.note == "a"': ("has resource.note",),
    "size(resource.note) > 0": ("has resource.note",),
    "resource.intent == resource.note": ("has resource.note", "has resource.intent"),
    "resource.folder.owner == principal": ("has resource.folder",),
    "resource.folder.owner is Team": ("has resource.folder",),
    "resource.folder.outer == resource.folder": ("has resource.folder.outer",),
    "resource.folder.outer.owner is User": ("has resource.folder.outer",),
    "resource.folder.owner.level > 1": ("has resource.folder", "resource.folder.owner is User"),
    'principal.department == "law"': ("principal is User", "has principal.department"),
    "principal.boss.level > 1": ("principal is User", "has principal.boss"),
    'principal.boss.department in ["law", "tax"]': ("principal is User", "has principal.boss.department"),
    "principal.boss == resource.keeper": ("principal is User", "has principal.boss"),
    "resource.keeper.level > 1": ("resource.keeper is User",),
    "resource.keeper.size == 2": ("resource.keeper is Team", "has resource.keeper.size"),
    'resource.place.city == "Rome"': ("has resource.place.city",),
    "resource.place.code == 1": ("has resource.place",),
    '(resource.note ?? "b") == "b"': (),
    '(resource.note ?? resource.intent) == "a"': ("has resource.intent",),
    "principal under resource.keeper": (),
    "principal.level + 1 > 2": (),
}
"""What a condition reads → what has to be said beside it."""

GUARDS: Final = sorted({guard for guards in GUARDED.values() for guard in guards})


def joined(word: str, parts: Sequence[str]) -> str:
    return f" {word} ".join(f"({part})" for part in parts)


def beside_its_guards(read: str, seed: int) -> str:
    """A read with what guards it, in any order: as an `and`, or turned into an `or`; now and then without one guard."""
    random = Random(seed)
    guards = [guard for guard in GUARDED[read] if random.random() < 0.95]
    is_or = random.random() < 0.3
    parts = [read, *(f"not ({guard})" if is_or else guard for guard in guards)]
    random.shuffle(parts)
    return joined("or" if is_or else "and", parts)


LEAVES: Final = st.sampled_from(GUARDS) | st.builds(beside_its_guards, st.sampled_from(sorted(GUARDED)), st.integers())
CONDITIONS: Final = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3))
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=4,
)
TO: Final = st.sampled_from(["", "to User", "to Service", 'to Team "law"', "to User, Service"])


def clauses_of(to: str, conditions: Sequence[str], kinds: int) -> list[str]:
    """The clauses of a rule; a read alone and its guard may come to stand in different ones."""
    words = ["unless" if kinds >> at & 1 else "when" for at in range(len(conditions))]
    return [*([to] if to else []), *(f"{word} {condition}" for word, condition in zip(words, conditions, strict=True))]


RULES: Final = st.builds(clauses_of, TO, st.lists(CONDITIONS, min_size=1, max_size=2), st.integers(0, 3))


def evaluators(clauses: Sequence[str]) -> tuple[Compiled, Interpreter] | None:
    """Both evaluators of a deny rule; None where it does not load."""
    text = f"{DECLARATIONS}rule r: deny read on Document {' '.join(clauses)}\n"
    try:
        program = loading.load({"law.policy": text}).program
    except PolicyError as error:
        assert {found.code for found in error.diagnostics} <= {"E203", "E301", "E303"}, text
        return None
    return Compiled(program), Interpreter(program)


def codes(found: tuple[Compiled, Interpreter]) -> Iterator[str]:
    """What the rule comes to in every world, by both evaluators."""
    compiled, interpreter = found
    for source, question in worlds():
        facts = gather([question], compiled, source)[0]
        decision = compiled.decide(facts)
        assert interpreter.decide(facts) == decision
        yield decision.code


@given(RULES)
def test_a_deny_rule_that_loads_is_never_unknown_while_nothing_is_broken(clauses: list[str]) -> None:
    found = evaluators(clauses)
    event("loads" if found else "refused")
    assume(found is not None)
    assert found is not None
    assert UNDETERMINED not in set(codes(found)), clauses


@pytest.mark.parametrize("read", sorted(GUARDED))
def test_a_guard_counts_in_whatever_clause_it_stands(read: str) -> None:
    parts = [read, *GUARDED[read]]
    for order in permutations(parts):
        found = evaluators([f"when {part}" for part in order])
        assert found is not None, order
        assert UNDETERMINED not in set(codes(found)), order


@pytest.mark.parametrize("read", sorted(GUARDED))
def test_a_read_without_its_guards_is_refused(read: str) -> None:
    assert (evaluators([f"when {read}"]) is None) is bool(GUARDED[read])


@given(RULES, st.randoms(use_true_random=False))
def test_the_order_of_clauses_never_decides_whether_a_rule_loads(clauses: list[str], random: Random) -> None:
    shuffled = random.sample(clauses, len(clauses))
    assert (evaluators(clauses) is None) is (evaluators(shuffled) is None)
