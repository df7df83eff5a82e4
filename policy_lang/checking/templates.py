"""Resolves templates: rules with typed parameters, before anything is put in their places.

A parameter is a value of some type, or it stands for types, actions or a role where a rule names these. It may not have
a name that means something in the rule already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy_lang.checking.entity_types import refuse_reserved, resolve_type
from policy_lang.checking.symbols import Declared, Faults, Symbols, statements_of
from policy_lang.functions import FUNCTIONS
from policy_lang.syntax.ast import Word
from policy_lang.syntax.statements import File, PlainType, Template, TemplateParameter
from policy_lang.types import Type


class NameKind(Enum):
    """What a parameter stands for that is no value."""

    TYPES = "types"
    ACTIONS = "actions"
    ROLE = "role"


ParameterKind = NameKind | Type

_WORDS: Final[Mapping[str, NameKind]] = {kind.value: kind for kind in NameKind}


@dataclass(frozen=True, slots=True)
class Signature:
    """A template, the module whose names it may use, and what each of its parameters takes."""

    module: str
    template: Template
    parameters: Mapping[str, ParameterKind]


def signatures(files: Iterable[File], symbols: Symbols, faults: Faults) -> Mapping[str, Signature]:
    """Every template by its full name; of two with one name the first."""
    found: dict[str, Signature] = {}
    for each in statements_of(files, Template):
        signature = Signature(each.module, each.statement, parameters_of(each, symbols, faults))
        found.setdefault(f"{each.module}.{each.statement.name.text}", signature)
    return found


def parameters_of(found: Declared[Template], symbols: Symbols, faults: Faults) -> Mapping[str, ParameterKind]:
    """What each parameter of a template takes, by name."""
    parameters: dict[str, ParameterKind] = {}
    for parameter in found.statement.parameters:
        kind = _kind(parameter, symbols, faults)
        if parameter.name.text in parameters:
            faults.refuse("E210", f"parameter `{parameter.name.text}` stands here twice", parameter.name.span)
        elif not refuse_reserved(parameter.name, faults):
            _refuse_shadowing(parameter.name, kind, (found.module, symbols), faults)
        parameters[parameter.name.text] = kind
    return parameters


def _kind(parameter: TemplateParameter, symbols: Symbols, faults: Faults) -> ParameterKind:
    written, types = parameter.type, symbols.schema.types
    if isinstance(written, PlainType) and len(written.names) == 1 and written.names[0].text in _WORDS:
        word = written.names[0]
        if word.text in types:
            faults.refuse("E211", f"`{word.text}` is a type and a kind of parameter", word.span, "rename the type")
        return _WORDS[word.text]
    return resolve_type(written, types, faults)


def _refuse_shadowing(name: Word, kind: ParameterKind, scope: tuple[str, Symbols], faults: Faults) -> None:
    """A parameter hides no name: whoever reads the rule takes it for that."""
    module, symbols = scope
    meaning = symbols.kinds.get(f"{module}.{name.text}")
    if name.text in symbols.schema.types:
        meaning = "type"
    elif name.text in FUNCTIONS:
        meaning = "function"
    elif name.text in symbols.members:
        meaning = "enum member"
    elif kind is NameKind.ACTIONS and any(
        name.text in names for named in (symbols.schema.actions, symbols.groups) for names in named.values()
    ):
        meaning = "name for actions"
    if meaning is not None:
        faults.refuse("E211", f"`{name.text}` is a {meaning} already", name.span, "choose another name")
