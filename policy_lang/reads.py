"""States what conditions read: inputs, rows behind references, ancestry, roles and relations.

From it facts are gathered in a known number of queries, and the record keeps what a replay needs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from policy_lang.typed import Expression, HoldsRole, Path, Related, Under
from policy_lang.types import RefType
from policy_lang.walk import Node, is_principal, nodes


@dataclass(frozen=True, slots=True)
class Reads:
    """What a set of rules reads.

    `paths` are the inputs, sorted. `steps[n]` are their prefixes, n + 1 attributes long: references, whose rows are
    read, and records. `climbs` are the entities, other than the principal, whose ancestors are needed. `places` are
    those of roles (None: globally), `overs` those whose ancestors count too; `ends` the (relation, resource) pairs of
    stored relations.
    """

    paths: tuple[Path, ...]
    steps: tuple[tuple[Path, ...], ...]
    needs_ancestry: bool
    climbs: tuple[Expression, ...]
    places: tuple[Expression | None, ...]
    overs: tuple[Expression, ...]
    ends: tuple[tuple[str, Expression], ...]


def reads_of(roots: Iterable[Node]) -> Reads:
    """What the conditions and expressions below the roots read."""
    found = list(nodes(*roots))
    inputs = tuple(sorted({node for node in found if isinstance(node, Path) and node.steps}, key=str))
    roles = [node for node in found if isinstance(node, HoldsRole)]
    ends = [node for node in found if isinstance(node, Related)]
    lows = [node.low for node in found if isinstance(node, Under)]
    overs = [node.place for node in roles if node.over and node.place is not None]
    return Reads(
        paths=inputs,
        steps=tuple(
            _prefixes(inputs, length) for length in range(1, max((len(path.steps) for path in inputs), default=0))
        ),
        needs_ancestry=bool(roles or ends or any(map(is_principal, lows))),
        climbs=tuple(dict.fromkeys(entity for entity in (*lows, *overs) if not is_principal(entity))),
        places=tuple(dict.fromkeys(node.place for node in roles)),
        overs=tuple(dict.fromkeys(overs)),
        ends=tuple(dict.fromkeys((node.relation, node.resource) for node in ends)),
    )


def _prefixes(inputs: Iterable[Path], length: int) -> tuple[Path, ...]:
    prefixes = (Path(path.root, path.steps[:length], RefType(())) for path in inputs if len(path.steps) > length)
    return tuple(dict.fromkeys(prefixes))
