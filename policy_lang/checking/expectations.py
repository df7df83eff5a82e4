"""Reads what a test expects of an answer: the effect, exactly the rules that decided, the code, the obligations."""

from collections.abc import Iterable

from policy_lang.checking.symbols import Faults, Symbols, full_name
from policy_lang.decision import Effect
from policy_lang.diagnostics import did_you_mean
from policy_lang.source import Span
from policy_lang.syntax.ast import Name, Word
from policy_lang.syntax.cases import Answer
from policy_lang.typed import Expectation


class ExpectationReader:
    """Reads the expectations of the tests of one module."""

    def __init__(self, symbols: Symbols, faults: Faults, module: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._module = module

    def read(self, action: str, answer: Answer) -> Expectation:
        """What is expected for an action; rules that there are not are a fault."""
        return Expectation(
            effect=Effect.ALLOW if answer.is_allow else Effect.DENY,
            action=action,
            by=None if answer.by is None else frozenset(self._rule_ids(answer.by)),
            code=None if answer.code is None else answer.code.text,
            obliges=None if answer.obliges is None else frozenset(map(_text, answer.obliges)),
            span=answer.span,
        )

    def _rule_ids(self, names: Iterable[Name]) -> Iterable[str]:
        for name in names:
            full = full_name(name, self._module)
            if full not in self._symbols.rules:
                known = [rule.removeprefix(f"{self._module}.") for rule in self._symbols.rules]
                self._faults.refuse("E207", f"unknown rule `{name.text}`", name.span, did_you_mean(name.text, known))
            yield full


def unlisted(action: str, span: Span) -> Expectation:
    """What a matrix expects where it says nothing: a deny, for whatever reason."""
    return Expectation(Effect.DENY, action, by=None, code=None, obliges=None, span=span, is_listed=False)


def _text(word: Word) -> str:
    return word.text
