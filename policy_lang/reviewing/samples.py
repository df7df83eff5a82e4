"""Samples the values of a type: those around the literals that they are compared with, and others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from policy_lang.forms import STRING_LIMIT
from policy_lang.notation import FIRST_TIME, LAST_TIME
from policy_lang.reviewing.compared import Compared
from policy_lang.reviewing.imagined import NOW, Choice
from policy_lang.types import RefType
from policy_lang.values import Ip, Network, Record, Ref, Scalar

_DAY: Final = 86_400_000
_HOUR: Final = 3_600_000
OTHER_ZONE: Final = "Asia/Tokyo"
"""A zone that is tried beside UTC, and"""
OTHER_OFFSET: Final = 9 * _HOUR
"""how far its clock is ahead, the whole year."""
_MIDNIGHT: Final = NOW - NOW % _DAY
_SIZE_LIMIT: Final = 100
_ENTITY_LIMIT: Final = 3
_ADDRESSES: Final = tuple(map(Ip.parse, ("203.0.113.9", "10.0.0.1", "127.0.0.1")))


def numbers(found: Compared, lowest: int, highest: int) -> list[int]:
    """Whole numbers, the smallest and positive first."""
    literals = _with_offsets(found)
    tried = _around(literals, 1) if literals else [0, 1]
    if len(found.keys) > 1:
        tried = [*tried, *(each + offset for each in tried for offset in found.offsets)]
    fitting = {each for each in tried if lowest <= each <= highest}
    return sorted(fitting, key=lambda each: (each < 0, abs(each)))


def moments(found: Compared) -> list[int]:
    """Times, on the clocks that are asked for."""
    literals = _with_offsets(found)
    tried = _around(literals, _DAY) if literals else []
    if len(found.keys) > 1:
        tried += [NOW, NOW + _DAY, *(NOW + sign * offset for offset in found.offsets for sign in (1, -1))]
    hours = {hour * _HOUR for hour in _around(found.clocks["hour"], 1) if 0 <= hour < 24}
    hours |= {moment for moment in _around(found.clocks["time_of_day"], 1) if 0 <= moment < _DAY}
    hours |= {(moment - OTHER_OFFSET) % _DAY for moment in hours}
    days = {day for day in _around(found.clocks["weekday"], 1) if 1 <= day <= 7}
    clock = (
        _MIDNIGHT + (day - 1) * _DAY + hour for day in sorted(days or {1}) for hour in sorted(hours or {10 * _HOUR})
    )
    found_here = dict.fromkeys([*(clock if hours or days else ()), *tried])
    return [moment for moment in found_here if FIRST_TIME <= moment <= LAST_TIME] or [NOW]


def _with_offsets(found: Compared) -> set[int]:
    literals = {value for value in found.values if isinstance(value, int) and not isinstance(value, bool)}
    return literals | {value + sign * offset for value in literals for offset in found.offsets for sign in (1, -1)}


def _around(literals: Iterable[int], step: int) -> list[int]:
    """The literals, what lies below and above, and what lies between two."""
    ordered = sorted(literals)
    if not ordered:
        return []
    between = ((low + high) // 2 for low, high in pairwise(ordered) if high - low > 1)
    return sorted({ordered[0] - step, *ordered, *between, ordered[-1] + step})


def strings(found: Compared) -> list[Choice]:
    """Texts that nothing names, those that are named, and those as long as the sizes that are asked for."""
    named = sorted(value for value in found.values if isinstance(value, str))
    fresh = [text for text in ("other", "another", "a third") if text not in named]
    long = ["x" * size for size in _around(found.sizes, 1) if 0 <= size <= STRING_LIMIT]
    return list(dict.fromkeys((*fresh[: 2 if len(found.keys) > 1 else 1], *named, *long)))


def addresses(found: Compared) -> Iterator[Choice]:
    """Addresses at both ends of the networks, and right beside them."""
    networks = sorted(value for value in found.values if isinstance(value, Network))
    named = sorted(value for value in found.values if isinstance(value, Ip))
    edges = [Ip(net.version, number) for net in networks for number in (net.first, net.last)]
    beyond = [Ip(net.version, number) for net in networks for number in (net.first - 1, net.last + 1)]
    known = [ip for ip in beyond if 0 <= ip.number < 2 ** (32 if ip.version == 4 else 128)]
    yield from dict.fromkeys((*_ADDRESSES, *named, *edges, *known))


def refs(type_: RefType, found: Compared, paths_to: Mapping[str, int], known: Sequence[Ref]) -> Iterator[Ref]:
    """As many entities as there are paths to their type, so that all may differ, and those that are known."""
    for target in type_.targets:
        number = min(max(paths_to.get(target, 0), 1), _ENTITY_LIMIT)
        yield from (Ref(target, f"{target.lower()}-{at + 1}") for at in range(number))
        yield from sorted(named(target, found))
        yield from (ref for ref in known if ref.type == target)


def named(type_: str, found: Compared) -> set[Ref]:
    """The entities of a type that are named."""
    refs = {value for value in found.values if isinstance(value, Ref) and value.type == type_}
    return refs | {Ref(type_, id_) for id_ in found.ids if id_}


def sets(elements: Iterable[Choice], found: Compared) -> Iterator[frozenset[Scalar]]:
    """Nothing, each element alone, those that are named together, and all; and the sizes that are asked for."""
    single = [value for value in elements if value is not None and not isinstance(value, frozenset | Record)]
    yield frozenset()
    yield from (frozenset((value,)) for value in single)
    named = frozenset(value for value in single if value in found.values)
    if len(named) > 1:
        yield named
    if len(single) > len(named) > 0:
        yield frozenset(single)
    wanted = [size for size in _around(found.sizes, 1) if 1 < size <= _SIZE_LIMIT]
    enough = [*single, *_more(single, max(wanted, default=0) - len(single))]
    yield from (frozenset(enough[:size]) for size in wanted if size <= len(enough))


def _more(single: Sequence[Scalar], number: int) -> Iterator[Scalar]:
    """So many other elements like these, where any will do."""
    match single:
        case [Ref() as ref, *_]:
            yield from (Ref(ref.type, f"{ref.type.lower()}-more-{at + 1}") for at in range(number))
        case [str(), *_]:
            yield from (f"more {at + 1}" for at in range(number))
        case [int() as last, *_] if not isinstance(last, bool):
            top = max(value for value in single if isinstance(value, int))
            yield from (top + at + 1 for at in range(number))
