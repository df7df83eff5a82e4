"""Generates policy text: derivations of the grammar itself, and layouts for them with comments anywhere."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Final

from lark import Lark
from lark.grammar import NonTerminal, Rule, Symbol, Terminal
from lark.lexer import PatternStr

_SAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "NAME": ("a", "b", "resource", "document_of_the_tenant", "x1", "_"),
    "STRING": ('""', '"x"', '"a # b, {c}"', '"\\"\\\\ \\u0041"', '"' + "long " * 12 + '"'),
    "INT": ("0", "7", "007", "123456789"),
    "DECIMAL": ("0.5", "12.25", "3.0000"),
    "DURATION": ("15m", "1d12h", "250ms"),
    "TIMESTAMP": ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00.5+02:00"),
    "ADDRESS": ("10.1.2.3", "10.0.0.0/8", "::1", "2001:db8::/32"),
    "COMPARE": ("==", "!=", "<=", ">="),
    "SIGN": ("+", "-"),
}
_SHORT: Final = 8
"""How deep a derivation goes before it takes the shortest way to its end."""
_PLAIN: Final = (" ", "  ", "\n", "\n    ", "\r\n", "\t", "\n\n", "\n \n\n")
_COMMENTED: Final = (
    " # here\n",
    "\n# own\n",
    "\n  # set in\n \t# too\n",
    "\n\n  # apart\n\n",
    "# a\n# b\n",
    " #\n",
    "\n# , ;\n\n\n# \t \n",
)


def words_of(random: Random) -> list[str]:
    """The words of a file: most of them parse, some repeat a clause that stands once."""
    words: list[str] = []
    stack: list[tuple[Symbol, int]] = [(NonTerminal("file"), 0)]
    while stack:
        symbol, depth = stack.pop()
        if isinstance(symbol, Terminal):
            words.append(_word(symbol.name, random))
            continue
        choices = _derivations()[symbol]
        if depth >= _SHORT:
            least = min(_size(rule) for rule in choices)
            choices = [rule for rule in choices if _size(rule) == least]
        stack.extend((part, depth + 1) for part in reversed(random.choice(choices).expansion))
    return words


def laid_out(words: Sequence[str], random: Random, comments: float = 0.0) -> str:
    """The words with space between them, and as many comments as that share of the places."""
    parts: list[str] = []
    for word in words:
        parts += (word, random.choice(_COMMENTED if random.random() < comments else _PLAIN))
    lead = random.choice(("", "\n", "# first\n", "\n\n# first\n\n")) if comments else ""
    return lead + "".join(parts)


def _word(terminal: str, random: Random) -> str:
    if terminal in _SAMPLES:
        return random.choice(_SAMPLES[terminal])
    pattern = _grammar().get_terminal(terminal).pattern
    if not isinstance(pattern, PatternStr):
        raise TypeError(f"no sample of {terminal}")
    return pattern.value


@cache
def _grammar() -> Lark:
    text = files("policy_lang.syntax").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", start="file", keep_all_tokens=True, maybe_placeholders=False)


@cache
def _derivations() -> dict[Symbol, list[Rule]]:
    found: dict[Symbol, list[Rule]] = {}
    for rule in _grammar().rules:
        found.setdefault(rule.origin, []).append(rule)
    return found


@cache
def _sizes() -> dict[Symbol, int]:
    """The least depth that each symbol's derivation needs."""
    sizes: dict[Symbol, int] = {}
    while len(sizes) < len(_derivations()):
        for symbol, rules in _derivations().items():
            known = [
                rule for rule in rules if all(isinstance(part, Terminal) or part in sizes for part in rule.expansion)
            ]
            if known and symbol not in sizes:
                sizes[symbol] = min(
                    1 + max((sizes.get(part, 0) for part in rule.expansion), default=0) for rule in known
                )
    return sizes


def _size(rule: Rule) -> int:
    return max((_sizes().get(part, 0) for part in rule.expansion), default=0)
