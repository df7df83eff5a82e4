"""Runs the tests that policies carry, by both evaluators: where these differ the test fails."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from policy_lang.compiler import Compiled
from policy_lang.decision import Decision
from policy_lang.facts import Facts, Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from policy_lang.schema import Schema
from policy_lang.typed import EntityFixture, Expectation, Program, TestCase
from policy_lang.values import Cell


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one expectation, decided on `facts`.

    `lines` say what was expected and what was got, and why; none if it passed.
    """

    __test__ = False

    case: TestCase
    expectation: Expectation
    facts: Facts
    decision: Decision
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """What a report calls it: the test's name, in a matrix with the cell."""
        return self.case.title(self.expectation.action)

    @property
    def has_passed(self) -> bool:
        """Whether the decision is the expected one."""
        return not self.lines


def run(program: Program, compiled: Compiled | None = None) -> tuple[TestResult, ...]:
    """The results of all tests of a program, in the order of the text; it is compiled here unless it was before."""
    return tuple(results(program, compiled or Compiled(program)))


def results(program: Program, compiled: Compiled) -> Iterator[TestResult]:
    """The same one by one."""
    interpreter = Interpreter(program)
    for case in program.tests:
        for expectation in case.expectations:
            yield _run(case, expectation, compiled, interpreter)


def facts_of(case: TestCase, action: str, compiled: Compiled) -> Facts:
    """The facts that a test gives for one action."""
    question = _question(case, action, compiled.schema)
    source = FixtureSource(_entities(case, question, compiled.schema), case.assignments, case.links)
    return gather([question], compiled, source)[0]


def _run(case: TestCase, expectation: Expectation, compiled: Compiled, interpreter: Interpreter) -> TestResult:
    facts = facts_of(case, expectation.action, compiled)
    decision, read = compiled.decide(facts), interpreter.decide(facts)
    lines = tuple(_differences(expectation, decision))
    if decision != read:
        lines = (*lines, f"the evaluators differ, please report it: the interpreter says {_said(read)}")
    return TestResult(case, expectation, facts, decision, lines)


def _question(case: TestCase, action: str, schema: Schema) -> Question:
    principal, resource = schema.types[case.principal.ref.type], schema.types[case.resource.ref.type]
    return Question(
        principal=case.principal.ref,
        action=action,
        resource=case.resource.ref,
        now=case.now,
        principal_cells=principal.complete(case.principal.cells or {}),
        resource_cells=resource.complete(case.resource.cells or {}),
        resource_parents=case.resource.parents,
        context={**_context(schema), **case.context, "now": case.now},
    )


def _context(schema: Schema) -> dict[str, Cell]:
    return {name: field.gap for name, field in schema.context.items()}


def _entities(case: TestCase, question: Question, schema: Schema) -> list[EntityFixture]:
    """The rows of a test. What is made has none yet; a parent has one, as no store keeps parents without."""
    given = {each.ref: each for each in (*case.entities, case.principal, case.resource)}
    if schema.makes_row(question.resource.type, question.action):
        given.pop(question.resource)
    parents = {parent for each in (*given.values(), case.resource) for parent in each.parents}
    implied = (EntityFixture(ref, {}) for ref in parents if ref not in given or given[ref].cells is None)
    given.update((each.ref, each) for each in implied)
    return [_completed(each, schema) for each in given.values()]


def _completed(entity: EntityFixture, schema: Schema) -> EntityFixture:
    if entity.cells is None:
        return entity
    return EntityFixture(entity.ref, schema.types[entity.ref.type].complete(entity.cells), entity.parents)


def _differences(expectation: Expectation, decision: Decision) -> Iterator[str]:
    rules = frozenset(reason.rule_id for reason in decision.reasons)
    obliged = frozenset(obligation.type for obligation in decision.obligations)
    is_met = (
        decision.effect is expectation.effect
        and expectation.by in {None, rules}
        and expectation.code in {None, decision.code}
        and expectation.obliges in {None, obliged}
    )
    if not is_met:
        yield f"expected {_wanted(expectation)}"
        yield f"got {_said(decision)}"
        yield from (f"missing {missing.path} ({missing.cause})" for missing in decision.missing)


def _wanted(expectation: Expectation) -> str:
    listed = "" if expectation.is_listed else ", as the matrix lists nothing else"
    return _sentence(
        f"{expectation.effect.value} {expectation.action}{listed}",
        by=expectation.by,
        code=expectation.code,
        obliges=expectation.obliges,
    )


def _said(decision: Decision) -> str:
    return _sentence(
        decision.effect.value,
        by=[reason.rule_id for reason in decision.reasons],
        code=decision.code,
        obliges=[obligation.type for obligation in decision.obligations],
    )


def _sentence(start: str, *, by: Collection[str] | None, code: str | None, obliges: Collection[str] | None) -> str:
    parts = [start]
    if by:
        parts.append(f"by {', '.join(sorted(by))}")
    if code is not None:
        parts.append(f"code {code}")
    if obliges:
        parts.append(f"oblige {', '.join(sorted(obliges))}")
    return " ".join(parts)
