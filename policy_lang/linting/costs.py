"""What rules cost: the nodes that are judged, and the steps through references that rows are read for."""

from collections.abc import Mapping
from dataclasses import dataclass

from policy_lang.linting.reading import steps
from policy_lang.typed import Path, Program
from policy_lang.types import RefType
from policy_lang.walk import paths, roots_of


@dataclass(frozen=True, slots=True)
class Cost:
    """What a rule costs at most: `nodes`, lets and relations expanded; `steps` of its longest way to a value."""

    rule: str
    nodes: int
    steps: int


def costs_of(program: Program, nodes: Mapping[str, int]) -> tuple[Cost, ...]:
    """What each rule costs, the dearest first."""
    references: dict[str, int] = dict.fromkeys(nodes, 0)
    for type_, rules in program.rules.items():
        for rule in rules:
            longest = max((_references(program, path, type_) for path in paths(*roots_of(rule))), default=0)
            references[rule.id] = max(references[rule.id], longest)
    found = (Cost(rule, count, references[rule]) for rule, count in nodes.items())
    return tuple(sorted(found, key=lambda cost: (-cost.nodes, -cost.steps, cost.rule)))


def _references(program: Program, path: Path, type_: str) -> int:
    """How many references a path leads through."""
    *before, _ = steps(program.schema, path, type_)
    return sum(any(isinstance(attribute.type, RefType) for _, attribute in found) for found in before)
