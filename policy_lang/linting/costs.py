"""What rules cost: the nodes that are judged, and the steps through references that rows are read for."""

from collections.abc import Mapping
from dataclasses import dataclass

from policy_lang.typed import Program
from policy_lang.walk import paths, roots_of


@dataclass(frozen=True, slots=True)
class Cost:
    """What a rule costs at most: `nodes`, lets and relations expanded; `steps` of its longest way to a value."""

    rule: str
    nodes: int
    steps: int


def costs_of(program: Program, nodes: Mapping[str, int]) -> tuple[Cost, ...]:
    """What each rule costs, the dearest first."""
    steps = dict.fromkeys(nodes, 0)
    for rules in program.rules.values():
        for rule in rules:
            longest = max((len(path.steps) - 1 for path in paths(*roots_of(rule))), default=0)
            steps[rule.id] = max(steps[rule.id], longest)
    found = (Cost(rule, count, steps[rule]) for rule, count in nodes.items())
    return tuple(sorted(found, key=lambda cost: (-cost.nodes, -cost.steps, cost.rule)))
