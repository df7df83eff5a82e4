"""Compiles a program: for each principal type, resource type and action one plan, its rules one Python function.

Everything is compiled when the program is taken up, so that no question ever waits for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy_lang.access import Access, access_to
from policy_lang.compiling.inputs import ReadInputs
from policy_lang.compiling.rules import Ends, emit
from policy_lang.conclude import Verdict, conclude
from policy_lang.decision import Decision
from policy_lang.facts import Facts, Question
from policy_lang.fold import Case, FoldedRule, fold_rules
from policy_lang.inputs import hides_sensitive, keeper, reader, shown_reads
from policy_lang.interpreter import Interpreter
from policy_lang.judging.obligations import obligations_of
from policy_lang.judging.reasons import said
from policy_lang.reads import Reads, reads_of
from policy_lang.schema import Schema
from policy_lang.typed import Constant, Program, Rule
from policy_lang.types import Json
from policy_lang.uncollected import uncollected
from policy_lang.walk import Node, spoken

Key = tuple[str, str, str]
"""Principal type, resource type, action."""

SETTLED_LIMIT: Final = 4096
"""Combinations of true rules whose decision is kept ready, a plan."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the questions of one principal type, resource type and action are decided.

    `rules` are those that can come to anything but false, by full id; `reads` is what they read, `access` how it is got
    at, `inputs` what the record keeps of it, `read_inputs` the generated part of that.
    """

    rules: tuple[Rule, ...]
    reads: Reads
    access: Access
    decide: Callable[[Facts], Decision]
    read_inputs: ReadInputs
    inputs: Callable[[Facts], dict[str, Json]]


def plan_of(
    key: Key, rules: tuple[Rule, ...], schema: Schema, *, reads: Reads, decide: Callable[[Facts], Decision],
    read_inputs: ReadInputs,
) -> Plan:  # fmt: skip
    """The plan around what was generated for it."""
    case = case_of(key, schema)
    access = access_to(reads, case, schema)
    shown = shown_reads(reads, hides_sensitive(case, schema))
    kept = access if shown is reads else access_to(shown, case, schema)
    return Plan(rules, reads, access, decide, read_inputs, keeper(kept, read_inputs))


def case_of(key: Key, schema: Schema) -> Case:
    """What the questions of a plan have in common."""
    principal_type, resource_type, action = key
    return Case(principal_type, resource_type, action, schema.granting(resource_type, action))


class Compiled:
    """A program, compiled. `undetermined` decides where a generated function finds a rule unknown."""

    def __init__(self, program: Program) -> None:
        self.schema: Schema = program.schema
        self.undetermined: Callable[[Facts], Decision] = Interpreter(program).decide
        with uncollected():
            self._plans = {
                (principal.name, type_, action): self._compile((principal.name, type_, action), rules)
                for (type_, action), rules in program.in_play.items()
                for principal in program.schema.types.values()
                if principal.is_principal
            }

    @classmethod
    def of(cls, program: Program, interpreter: Interpreter, plans: Mapping[Key, Plan]) -> "Compiled":
        """A program whose plans were compiled before, in another process."""
        made = cls.__new__(cls)
        made.schema = program.schema
        made.undetermined = interpreter.decide
        made._plans = dict(plans)
        return made

    @property
    def plans(self) -> Mapping[Key, Plan]:
        """Every plan."""
        return self._plans

    def plan(self, principal_type: str, resource_type: str, action: str) -> Plan | None:
        """The plan of such questions; None where a type or the action is not declared, or the first is no principal."""
        return self._plans.get((principal_type, resource_type, action))

    def decide(self, facts: Facts) -> Decision:
        """The decision of a well-formed question."""
        return self._plan(facts.question).decide(facts)

    def inputs(self, facts: Facts) -> dict[str, Json]:
        """What the record keeps of a question's facts (inputs.py)."""
        return self._plan(facts.question).inputs(facts)

    def access(self, question: Question) -> Access:
        """How what the rules in play for a well-formed question read is got at."""
        return self._plan(question).access

    def _plan(self, question: Question) -> Plan:
        return self._plans[question.principal.type, question.resource.type, question.action]

    def _compile(self, key: Key, rules: Sequence[Rule]) -> Plan:
        case = case_of(key, self.schema)
        folded = fold_rules(rules, case)
        reads = reads_of(_roots(folded))
        settle = _Settle(tuple(each.rule for each in folded))
        ends = Ends(settle, settle.settled, self.undetermined)
        decide = emit(folded, case, self.schema, ends)
        read_inputs = reader(reads, case, self.schema)
        return plan_of(key, settle.rules, self.schema, reads=reads, decide=decide, read_inputs=read_inputs)


class _Settle:
    """Concludes from the bits of the rules that count; keeps what does not depend on facts."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.settled: dict[int, Decision] = {}
        self._varying = sum(1 << at for at, rule in enumerate(rules) if not _is_constant(rule))

    def __call__(self, bits: int, facts: Facts) -> Decision:
        true = [rule for at, rule in enumerate(self.rules) if bits >> at & 1]
        decision = conclude(
            [Verdict(rule, True, obligations=obligations_of(rule, facts), reason=said(rule, facts)) for rule in true]
        )
        if not bits & self._varying and len(self.settled) < SETTLED_LIMIT:
            self.settled[bits] = decision
        return decision


def _is_constant(rule: Rule) -> bool:
    return all(isinstance(value, Constant) for value in spoken(rule))


def _roots(folded: Sequence[FoldedRule]) -> list[Node]:
    return [*(each.condition for each in folded), *(value for each in folded for value in spoken(each.rule))]
