"""Says a rule's reason, with the values that it quotes.

What is quoted came from outside: no character of it breaks the line, hides or turns text around, and it has a limit.
"""

from typing import Final

from policy_lang.facts import Readable
from policy_lang.forms import write_given
from policy_lang.judging.expressions import evaluate, type_of
from policy_lang.limits import QUOTE_LIMIT
from policy_lang.typed import Expression, Rule
from policy_lang.types import SetType, Type
from policy_lang.values import Gap, Ref, Value

UNKNOWN: Final = "(unknown)"
"""What stands for a value that is not there, for whatever reason."""
NONE: Final = "(none)"
"""What stands for the elements of a set without any."""
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def said(rule: Rule, facts: Readable) -> str:
    """The reason of a rule for these facts; empty where it has none."""
    return "".join(part if isinstance(part, str) else _quoted(part, facts) for part in rule.reason_parts)


def _quoted(expression: Expression, facts: Readable) -> str:
    cell = evaluate(expression, facts).cell
    if isinstance(cell, Gap):
        return UNKNOWN
    text = "".join(map(_shown, _text(type_of(expression), cell)))
    return text if len(text) <= QUOTE_LIMIT else f"{text[: QUOTE_LIMIT - 1]}…"


def _text(type_: Type, value: Value) -> str:
    if isinstance(type_, SetType) and isinstance(value, frozenset):
        return ", ".join(sorted(_text(type_.element, item) for item in value)) or NONE
    if isinstance(value, Ref):
        return f'{value.type} "{value.id}"'
    written = write_given(type_, value)
    return str(written).lower() if isinstance(written, bool) else str(written)


def _shown(char: str) -> str:
    """A character that stays on its line and is seen."""
    if char.isprintable():
        return char
    return " " if char.isspace() else _REPLACEMENT
