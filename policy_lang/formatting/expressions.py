"""The forms of expressions: operators begin the lines of what does not fit on one."""

from collections.abc import Mapping, Sequence
from typing import Final

from policy_lang.formatting.document import Document, Indent, Line, Space
from policy_lang.formatting.pieces import Brackets, Form, Pieces
from policy_lang.syntax.concrete import Branch, Leaf, Part

_HUGGED: Final = frozenset({"list", "call", "bracketed"})
"""What breaks inside its own brackets, so that no line need end before it."""
_PLAIN: Final = frozenset({"literal", "signed", "name"})


def _is_hugged(part: Part) -> bool:
    """Whether the part breaks inside its own brackets."""
    return isinstance(part, Branch) and part.kind in _HUGGED


def ends_hugged(part: Part) -> bool:
    """Whether the part is such, or a comparison with such, as `a in [b, c]`."""
    if isinstance(part, Branch) and EXPRESSIONS.get(part.kind) is _compared:
        return _is_hugged(part.parts[-1])
    return _is_hugged(part)


def _glued(pieces: Pieces, branch: Branch) -> Document:
    return pieces.glued(branch.parts)


def _joined(pieces: Pieces, branch: Branch) -> Document:
    """`a and b and c`, in the place where it stands."""
    return pieces.group(branch, _operands(pieces, branch.parts))


def _sum(pieces: Pieces, branch: Branch) -> Document:
    """`a + b - c`, its lines one step in."""
    return pieces.group(branch, Indent(_operands(pieces, branch.parts)))


def _operands(pieces: Pieces, parts: Sequence[Part]) -> Document:
    first, *rest = parts
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return (
        pieces.document(first),
        *((Line(" "), pieces.document(operator), Space(), pieces.document(operand)) for operator, operand in pairs),
    )


def _compared(pieces: Pieces, branch: Branch) -> Document:
    """`left in right`, with one word or two between."""
    left, *operator, right = branch.parts
    if _is_hugged(right):
        return pieces.spaced(branch.parts)
    tail = (Line(" "), pieces.spaced((*operator, right)))
    return pieces.group(branch, (pieces.document(left), Indent(tail)))


def _range(pieces: Pieces, branch: Branch) -> Document:
    """`9..16`; sums stand clear of the dots."""
    low, _, high = branch.parts
    is_plain = all(isinstance(end, Branch) and end.kind in _PLAIN for end in (low, high))
    return pieces.glued(branch.parts) if is_plain else pieces.spaced(branch.parts)


def _parenthesised(pieces: Pieces, branch: Branch) -> Document:
    return pieces.bracketed(branch.parts, Brackets(ends_with_separator=False))


def _list(pieces: Pieces, branch: Branch) -> Document:
    return pieces.bracketed(branch.parts, Brackets())


def called(pieces: Pieces, branch: Branch) -> Document:
    """`hour(a, b)`, `enum(a, b)`, `oblige step_up(a: b)`: what stands up to the bracket, then the list."""
    at = next((at for at, part in enumerate(branch.parts) if isinstance(part, Leaf) and part.text == "("), None)
    if at is None:
        return pieces.spaced(branch.parts)
    return (pieces.spaced(branch.parts[:at]), pieces.bracketed(branch.parts[at:], Brackets()))


EXPRESSIONS: Final[Mapping[str, Form]] = {
    "name": _glued,
    "signed": _glued,
    "conjunction": _joined,
    "disjunction": _joined,
    "total": _sum,
    "compare": _compared,
    "membership": _compared,
    "no_membership": _compared,
    "overlap": _compared,
    "like": _compared,
    "under": _compared,
    "is_type": _compared,
    "range": _range,
    "bracketed": _parenthesised,
    "list": _list,
    "call": called,
}
"""The forms of the grammar's rules for expressions."""
