"""The forms of statements: a rule stands on one line, or each of its clauses does."""

from collections.abc import Mapping
from typing import Final

from policy_lang.formatting.document import Document, Group, Indent, Line, Space
from policy_lang.formatting.expressions import called, ends_hugged
from policy_lang.formatting.pieces import Brackets, Form, Pieces
from policy_lang.syntax.concrete import Branch, Leaf

_BLOCK: Final = Brackets(padding=" ")
_HEAD: Final = frozenset({"rule_head", "template_head", "effect", "rule_actions", "rule_types"})
_ANSWERS: Final = frozenset({"reason", "code", "hide", "oblige"})
"""The clauses that say what the caller is told; with one of them a rule never stands on one line."""


def _file(pieces: Pieces, branch: Branch) -> Document:
    """The module, a blank line, the statements."""
    module, *statements = branch.parts
    below = (Line("", is_apart=True), pieces.paragraphs(statements)) if statements else ()
    return (pieces.document(module), below, pieces.end_of_file())


def _listed(pieces: Pieces, branch: Branch) -> Document:
    """`a, b`."""
    return pieces.listed(branch, branch.parts)


def _block(pieces: Pieces, branch: Branch) -> Document:
    """A head, and a list in braces."""
    return _with_braces(pieces, branch, _BLOCK)


def _role(pieces: Pieces, branch: Branch) -> Document:
    """`role editor on Tenant { Document: read; Folder: read }`."""
    return _with_braces(pieces, branch, Brackets(separator=";", padding=" "))


def _test(pieces: Pieces, branch: Branch) -> Document:
    """The items of a test, and of a matrix, stand on a line each."""
    return _with_braces(pieces, branch, Brackets(separator="", ends_with_separator=False, is_broken=True))


def _with_braces(pieces: Pieces, branch: Branch, style: Brackets) -> Document:
    at = next(at for at, part in enumerate(branch.parts) if isinstance(part, Leaf) and part.text == "{")
    head = (pieces.spaced(branch.parts[:at]), Space()) if at else ()
    return (head, pieces.bracketed(branch.parts[at:], style))


def _defined(pieces: Pieces, branch: Branch) -> Document:
    """`let name = expression`: what does not fit begins on the next line."""
    *head, body = branch.parts
    if ends_hugged(body):
        return pieces.spaced(branch.parts)
    return pieces.group(branch, (pieces.spaced(head), Indent((Line(" "), pieces.document(body)))))


def _rule(pieces: Pieces, branch: Branch) -> Document:
    """`to` stands with the head where it comes first and fits, the other clauses on lines of their own."""
    head = [part for part in branch.parts if isinstance(part, Leaf) or part.kind in _HEAD]
    clauses = [part for part in branch.parts if isinstance(part, Branch) and part.kind not in _HEAD]
    first: Document = pieces.spaced(head)
    if clauses and clauses[0].kind == "to":
        to = clauses.pop(0)
        first = Group((first, Indent((Line(" "), pieces.document(to)))), pieces.is_commented(head[0], to))
    is_broken = pieces.is_commented(branch, branch) or any(clause.kind in _ANSWERS for clause in clauses)
    rest = Indent(tuple((Line(" "), pieces.document(clause)) for clause in clauses))
    return Group((first, rest), is_broken)


def _template_head(pieces: Pieces, branch: Branch) -> Document:
    """`template own(level: int):`."""
    keyword, name, *brackets, colon = branch.parts
    return (pieces.spaced((keyword, name)), pieces.bracketed(brackets, Brackets()), pieces.document(colon))


def _to(pieces: Pieces, branch: Branch) -> Document:
    """`to owner, User`."""
    keyword, *subjects = branch.parts
    return (pieces.document(keyword), Space(), pieces.listed(branch, subjects))


def _condition(pieces: Pieces, branch: Branch) -> Document:
    """`when …`, `unless …`."""
    clause = pieces.spaced(branch.parts)
    return clause if ends_hugged(branch.parts[-1]) else Indent(clause)


def _entities(pieces: Pieces, branch: Branch) -> Document:
    """`principals alice, bob`."""
    keyword, *entities = branch.parts
    return (pieces.document(keyword), Space(), pieces.listed(branch, entities))


def _matrix_expect(pieces: Pieces, branch: Branch) -> Document:
    """`expect allow read on plan to alice by owner`: what does not fit begins its lines with `on`, `to` and clauses."""
    keyword, effect, actions, on, resources, to, principals, *clauses = branch.parts
    pairs = ((on, resources), (to, principals))
    rest = [(Line(" "), pieces.spaced(pair)) for pair in pairs]
    rest += [(Line(" "), pieces.document(clause)) for clause in clauses]
    return pieces.group(branch, (pieces.spaced((keyword, effect, actions)), Indent(tuple(rest))))


def _expect(pieces: Pieces, branch: Branch) -> Document:
    """`expect deny read by a, b code C`."""
    keyword, effect, action, *clauses = branch.parts
    rest = tuple((Line(" "), pieces.document(clause)) for clause in clauses)
    return pieces.group(branch, (pieces.spaced((keyword, effect, action)), Indent(rest)))


STATEMENTS: Final[Mapping[str, Form]] = {
    "file": _file,
    "type": _block,
    "context": _block,
    "actions": _block,
    "row": _block,
    "record_type": _block,
    "role": _role,
    "test": _test,
    "matrix": _test,
    "matrix_principals": _entities,
    "matrix_resources": _entities,
    "matrix_expect": _matrix_expect,
    "some": _listed,
    "set_type": lambda pieces, branch: pieces.glued(branch.parts),
    "enum_type": called,
    "oblige": called,
    "words": _listed,
    "names": _listed,
    "computed_relation": _defined,
    "let": _defined,
    "rule": _rule,
    "template": _rule,
    "template_head": _template_head,
    "use": called,
    "to": _to,
    "condition": _condition,
    "expect": _expect,
}
"""The forms of the grammar's rules for statements."""
