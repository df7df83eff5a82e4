"""Laws of explaining: what would flip an answer does, and nothing else would; the facts stay as they are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from policy_lang.compiler import Compiled
from policy_lang.counterfactual.changes import CellChange, Change, RowChange
from policy_lang.counterfactual.flips import Flip, flips_in
from policy_lang.counterfactual.search import find_flips
from policy_lang.decision import Effect
from policy_lang.facts import Assignment, Facts, Link, Question, Row
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from policy_lang.judging.expressions import read
from policy_lang.schema import Origin
from policy_lang.typed import Always, Path, Program, Root, Rule
from policy_lang.types import RefType
from policy_lang.values import Cell, Ref
from tests.laws.declarations import SCHEMA
from tests.laws.generated_rules import program_of
from tests.laws.generated_worlds import World

SEEDS = st.integers(0, 2**32)
COUNTS = st.integers(1, 4)


def asked(worlds: int, compiled: Compiled) -> Iterator[tuple[World, Question, Facts]]:
    """A question of each kind about one store, and its facts."""
    world = World(worlds)
    kinds = [(type_, action) for type_, actions in SCHEMA.actions.items() for action in actions]
    questions = [world.question(type_, action) for type_, action in kinds]
    for question, facts in zip(questions, gather(questions, compiled, world.source), strict=True):
        yield world, question, facts


def single_changes(rule: Rule) -> Iterator[tuple[Flip, Rule]]:
    """The rule with one clause true or false, every such; an obligation is known or unknown."""
    for at, clause in enumerate(rule.clauses):
        for becomes in (True, False):
            clauses = (*rule.clauses[:at], replace(clause, condition=Always(becomes)), *rule.clauses[at + 1 :])
            yield Flip(rule.id, at, becomes), replace(rule, clauses=clauses)
    for at in range(len(rule.obligations)):
        rest = (*rule.obligations[:at], *rule.obligations[at + 1 :])
        yield Flip(rule.id, len(rule.clauses) + at, becomes=True), replace(rule, obligations=rest)


def with_rule(program: Program, type_: str, rule: Rule) -> Program:
    """The program with this rule in place of the one of its id."""
    rules = tuple(rule if each.id == rule.id else each for each in program.rules[type_])
    return Program(program.schema, {**program.rules, type_: rules})


@given(SEEDS, SEEDS, COUNTS)
def test_a_flip_is_named_just_where_the_rule_so_rewritten_decides_the_other_way(
    rules: int, worlds: int, count: int
) -> None:
    program = program_of(Random(rules), count)
    compiled, interpreter = Compiled(program), Interpreter(program)
    for _, question, facts in asked(worlds, compiled):
        effect, type_ = interpreter.decide(facts).effect, question.resource.type
        expected = {
            flip
            for rule in program.in_play[type_, question.action]
            for flip, changed in single_changes(rule)
            if Interpreter(with_rule(program, type_, changed)).decide(facts).effect is not effect
        }
        assert set(flips_in(interpreter.explain(facts))) == expected


@given(SEEDS, SEEDS, COUNTS)
def test_what_would_flip_the_answer_does_once_it_is_so(rules: int, worlds: int, count: int) -> None:
    program = program_of(Random(rules), count)
    compiled, interpreter = Compiled(program), Interpreter(program)
    for world, question, facts in asked(worlds, compiled):
        found = find_flips(facts, interpreter.explain(facts), program.schema, compiled.decide)
        effect = interpreter.decide(facts).effect
        for change in (change for each in found for change in each.changes):
            assert effect_after(change, (world, question, facts), compiled) is not effect, change


def effect_after(change: Change, asked: tuple[World, Question, Facts], compiled: Compiled) -> Effect:
    """What is decided where the store or the question is so changed, and everything is read anew."""
    world, question, facts = asked
    if isinstance(change, RowChange):
        claimed = tuple(row for row in question.claim_roles if row != change.row)  # a token's roles are gone with it
        question = replace(question, claim_roles=claimed)
        source: Changed = Changed(world, {}, change)
    elif (said := saying(change, question, facts)) is not None:
        source, question = Changed(world, {}), said
    else:
        source = Changed(world, {owner_of(change.path, facts): {change.path.steps[-1]: change.cell}})
    return compiled.decide(gather([question], compiled, source)[0]).effect


def owner_of(path: Path, facts: Facts) -> Ref | None:
    """The entity whose attribute a path reads; None for the context."""
    if path.root is Root.CONTEXT and len(path.steps) == 1:
        return None
    owner = read(Path(path.root, path.steps[:-1], RefType(())), facts).cell
    assert isinstance(owner, Ref)
    return owner


def saying(change: CellChange, question: Question, facts: Facts) -> Question | None:
    """The question that says so itself; None where the store does."""
    owner, name = owner_of(change.path, facts), change.path.steps[-1]
    if owner is None:
        now = change.cell if name == "now" and isinstance(change.cell, int) else question.now
        return replace(question, context={**question.context, name: change.cell}, now=now)
    is_made = owner == question.resource and SCHEMA.makes_row(owner.type, question.action)
    if not is_made and SCHEMA.types[owner.type].attributes[name].origin is Origin.STORE:
        return None
    if owner == question.resource:
        return replace(question, resource_cells={**question.resource_cells, name: change.cell})
    return replace(question, principal_cells={**question.principal_cells, name: change.cell})


@dataclass(frozen=True)
class Changed:
    """A store with other cells in some rows, and perhaps one row of a role or relation more or less."""

    world: World
    cells: Mapping[Ref | None, Mapping[str, Cell]]
    row: RowChange | None = None

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows, changed."""
        found = self.world.source.rows(refs)
        return {ref: Row({**row.attributes, **self.cells.get(ref, {})}, row.parents) for ref, row in found.items()}

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, tuple[Ref, ...]]:
        """As it was."""
        return self.world.source.ancestry(refs)

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Those to the subjects."""
        return [row for row in self._held() if row.subject in subjects]

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Those at the places."""
        return [row for row in self._held() if row.place in places]

    def links(self, ends: Collection[tuple[Ref, str]], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """Those of the pairs."""
        found = [row for row in self._related() if (row.resource, row.relation) in ends]
        return [row for row in found if subjects is None or row.subject in subjects]

    def _held(self) -> list[Assignment]:
        added = [self.row.row] if self.row and self.row.is_added and isinstance(self.row.row, Assignment) else []
        return [*added, *(row for row in self.world.assignments if self.row is None or row != self.row.row)]

    def _related(self) -> list[Link]:
        added = [self.row.row] if self.row and self.row.is_added and isinstance(self.row.row, Link) else []
        return [*added, *(row for row in self.world.links if self.row is None or row != self.row.row)]
