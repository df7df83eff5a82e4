"""What may be written at a place: words of the language, and names that fit there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from policy_lang.checking.templates import NameKind
from policy_lang.editing.candidates import Candidate, Candidates
from policy_lang.editing.names import Kind
from policy_lang.editing.place import Place, find_place, opposite, scope_at
from policy_lang.editing.project import Project
from policy_lang.source import Span
from policy_lang.syntax.ast import Name, Word
from policy_lang.syntax.unfinished import Mark


@dataclass(frozen=True, slots=True)
class Completion:
    """Where the word begins that is being written, and what it may be."""

    start: int
    candidates: tuple[Candidate, ...]


def complete(project: Project, path: str, offset: int) -> Completion | None:
    """What may stand at a place, each text once; None in comments, strings and unknown files."""
    file = project.file(path)
    place = None if file is None else find_place(file, offset)
    if file is None or place is None:
        return None
    tree = project.index.file(path)
    module = "" if tree is None else tree.module.text
    known = Candidates(project.index, scope_at(place, project.index, module))
    if place.chain:
        words = tuple(Word(text, Span(file, place.start, place.start)) for text in place.chain)
        found = known.behind(Name(words, words[0].span), is_rule=place.asks == "BY")
    else:
        found = _written(place, known)
    by_text: dict[tuple[str, Kind | None], Candidate] = {}
    for candidate in found:
        by_text.setdefault((candidate.text, candidate.kind), candidate)
    return Completion(place.start, tuple(by_text.values()))


def _written(place: Place, known: Candidates) -> Iterator[Candidate]:
    """The names, then the words, that the grammar takes at the place."""
    if place.asks == "REASON":
        yield from known.parameters(place.template)
        yield from known.paths()
    if place.unfinished is None:
        return
    if "NAME" in place.unfinished.accepted:
        if place.template and place.asks not in _NAMED_APART:
            yield from known.parameters(place.template)
        by_statement = _NAMES.get((place.statement, place.asks)) or _NAMES.get(("", place.asks))
        if by_statement is not None:
            yield from by_statement(place, known)
        elif "LPAR" in place.unfinished.accepted:
            yield from _operand(place, known)
        elif place.asks in _BEFORE_PATHS:
            yield from known.paths()
    yield from known.keywords(place.unfinished.keywords)


def _operand(place: Place, known: Candidates) -> Iterator[Candidate]:
    """A value or a condition; members where an enum stands opposite."""
    left = opposite(place)
    if left is not None:
        yield from known.members(known.scope.types_of(left))
    yield from known.operands()


def _subjects(_: Place, known: Candidates) -> Iterator[Candidate]:
    yield from known.relations()
    yield from known.types()


def _types(_: Place, known: Candidates) -> Iterable[Candidate]:
    return known.types()


def _types_with_actions(_: Place, known: Candidates) -> Iterable[Candidate]:
    return known.types_with_actions()


def _value_types(_: Place, known: Candidates) -> Iterator[Candidate]:
    yield from known.scalars()
    yield from known.types()


def _roles(_: Place, known: Candidates) -> Iterable[Candidate]:
    return known.roles()


def _roles_and_relations(_: Place, known: Candidates) -> Iterator[Candidate]:
    yield from known.roles()
    yield from known.all_relations()


def _entities(_: Place, known: Candidates) -> Iterator[Candidate]:
    yield from known.fixtures()
    yield from known.types()


def _rules(_: Place, known: Candidates) -> Iterable[Candidate]:
    return known.rules()


def _codes(_: Place, known: Candidates) -> Iterable[Candidate]:
    return known.codes()


def _obligations(_: Place, known: Candidates) -> Iterable[Candidate]:
    return known.obligations()


def _actions(place: Place, known: Candidates) -> Iterable[Candidate]:
    """Actions of the types behind `on`; of all types where none is named."""
    return known.actions(place.types or known.scope.resources)


def _granted(place: Place, known: Candidates) -> Iterable[Candidate]:
    return known.actions(_named(place.before("COLON")))


def _tested(place: Place, known: Candidates) -> Iterable[Candidate]:
    return known.actions(known.tested(place.parts) or known.scope.resources)


def _cell_names(place: Place, known: Candidates) -> Iterable[Candidate]:
    return known.cells(place.parts)


def _cell_values(place: Place, known: Candidates) -> Iterable[Candidate]:
    name = _named(place.before("COLON"))
    return known.values(place.parts, name[0] if name else "")


def _in_set(place: Place, known: Candidates) -> Iterator[Candidate]:
    """What a set of a template's parameter holds; in its body, where `<` compares, an operand."""
    yield from _operand(place, known) if place.template else _value_types(place, known)


def _used_template(place: Place) -> str:
    """The template of a use, as its name is written before the arguments."""
    name = place.before("LPAR")
    return name.text if isinstance(name, Name | Mark) else ""


def _after_colon_of_use(place: Place, known: Candidates) -> Iterator[Candidate]:
    """A template behind the id; behind a parameter's name its argument."""
    template, parameter = _used_template(place), _named(place.before("COLON"))
    if not template:
        yield from known.templates()
    elif parameter:
        yield from known.arguments(template, parameter[0])


def _parameters(place: Place, known: Candidates) -> Iterable[Candidate]:
    return known.parameters(_used_template(place))


def _in_template(place: Place, known: Candidates) -> Iterator[Candidate]:
    """What a parameter may take, in the head; a value behind the name of an obligation's parameter."""
    if place.template:
        yield from _operand(place, known)
        return
    yield from (Candidate(kind.value, Kind.SCALAR) for kind in NameKind)
    yield from _value_types(place, known)


def _named(part: object) -> tuple[str, ...]:
    """The one name that a part is."""
    return (part.text,) if isinstance(part, Mark) and part.terminal == "NAME" else ()


_NAMED_APART: Final = frozenset({"CODE", "OBLIGE"})
"""What asks for a name in a template that no parameter stands for."""
_BEFORE_PATHS: Final = frozenset({"IN", "OVER", "OF", "HAS"})
_Names = Callable[[Place, Candidates], Iterable[Candidate]]
_NAMES: Final[Mapping[tuple[str, str], _Names]] = {
    ("type", "IN"): _types,
    **dict.fromkeys(((kind, asks) for kind in ("type", "context") for asks in ("COLON", "LESS", "VBAR")), _value_types),
    ("actions", "ACTIONS"): _types,
    ("group", "ON"): _types_with_actions,
    ("group", "EQUAL"): _actions,
    ("role", "ON"): _types,
    ("role", "INCLUDES"): _roles,
    ("role", "LBRACE"): _types_with_actions,
    ("role", "SEMICOLON"): _types_with_actions,
    ("role", "COLON"): _granted,
    ("relation", "ON"): _types,
    ("relation", "COLON"): _types,
    **dict.fromkeys(((kind, asks) for kind in ("rule", "template") for asks in ("ALLOW", "DENY")), _actions),
    **dict.fromkeys((("rule", "ON"), ("template", "ON")), _types_with_actions),
    **dict.fromkeys((("rule", "TO"), ("template", "TO")), _subjects),
    ("template", "COLON"): _in_template,
    ("template", "VBAR"): _value_types,
    ("template", "LESS"): _in_set,
    ("use", "COLON"): _after_colon_of_use,
    ("use", "LSQB"): _after_colon_of_use,
    ("use", "LPAR"): _parameters,
    ("", "CODE"): _codes,
    ("", "OBLIGE"): _obligations,
    ("", "BY"): _rules,
    ("", "IS"): _types,
    ("", "ROLE"): _roles,
    ("fixture", "EQUAL"): _types,
    **dict.fromkeys((("fixture", "LBRACE"), ("test", "LBRACE")), _cell_names),
    **dict.fromkeys(((kind, asks) for kind in ("fixture", "test") for asks in ("COLON", "LSQB")), _cell_values),
    **dict.fromkeys(
        (
            ("test", asks)
            for asks in ("GIVEN", "PRINCIPAL", "RESOURCE", "PRINCIPALS", "RESOURCES", "IN", "OF", "ON", "TO")
        ),
        _entities,
    ),
    ("test", "IS"): _roles_and_relations,
    **dict.fromkeys((("test", "ALLOW"), ("test", "DENY"), ("test", "ACTIONS")), _tested),
}
"""The statement (none: any) and the token that asks for a name → the names."""
