"""Says in plain words what is wrong with text that the grammar does not know."""

from collections.abc import Mapping
from typing import Final

from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from policy_lang.diagnostics import Diagnostic
from policy_lang.source import SourceFile, Span

_PLAIN: Final[Mapping[str, str]] = {
    "NAME": "a name",
    "STRING": "a string",
    "INT": "a number",
    "DECIMAL": "a decimal",
    "DURATION": "a duration",
    "TIMESTAMP": "a time",
    "ADDRESS": "an address",
    "SIGN": "`+` or `-`",
    "COMPARE": "a comparison",
    "LESS": "`<`",
    "GREATER": "`>`",
    "OPTIONAL": "`?`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "SEMICOLON": "`;`",
    "DOT": "`.`",
    "EQUAL": "`=`",
    "VBAR": "`|`",
    "$END": "the end of the file",
}
_VALUE: Final = frozenset(
    {"NAME", "STRING", "INT", "DECIMAL", "DURATION", "TIMESTAMP", "ADDRESS", "TRUE", "FALSE", "LSQB", "LPAR"}
)
_CONDITION: Final = frozenset({"NOT", "HAS", "ROLE"})
_STATEMENT: Final = frozenset({"TYPE", "ACTIONS", "GROUP", "RELATION", "LET", "FIXTURE", "TEST", "RULE"})
_STATEMENT_ALSO: Final = frozenset({"TENANT", "PRINCIPAL", "CONTEXT", "ROLE", "SHADOW", "TEMPLATE", "USE", "$END"})
_OPERATOR: Final = frozenset(
    {"COMPARE", "LESS", "GREATER", "IN", "ANY", "ALL", "LIKE", "UNDER", "IS", "SIGN", "NOT", "AND", "OR", "OF"}
)
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "like", "is", "under"})
_SHOWN: Final = 6


def explain(error: UnexpectedInput, file: SourceFile) -> Diagnostic:
    """The finding for a fault of the parser; the code says which kind of fault."""
    match error:
        case UnexpectedCharacters():
            return _explain_character(error, file)
        case UnexpectedToken():
            return _explain_token(error, file)
        case _:
            at = len(file.text)
            return Diagnostic("E101", "the text ends too soon", Span(file, at, at))


def _explain_character(error: UnexpectedCharacters, file: SourceFile) -> Diagnostic:
    start = error.pos_in_stream or 0
    char = file.text[start]
    if char == '"':
        line_end = file.text.find("\n", start)
        end = line_end if line_end >= 0 else len(file.text)
        if file.text.find('"', start + 1, end) < 0:
            return Diagnostic("E102", "a string that is not closed", Span(file, start, end), 'close it with `"`')
    expected = _in_words(frozenset(error.allowed or ()))
    span = Span(file, start, start + 1)
    if char == "'":
        return Diagnostic("E100", "unexpected `'`", span, 'strings stand in `"`')
    if char.isalpha() and not char.isascii():
        return Diagnostic("E100", f"unexpected `{char}`", span, "names are ASCII")
    if char == "=" and "COMPARE" in (error.allowed or ()):
        return Diagnostic("E100", "unexpected `=`", span, "equality is written `==`")
    shown = f"`{char}`" if char.isprintable() else f"character U+{ord(char):04X}"
    return Diagnostic("E100", f"unexpected {shown}", span, f"expected {expected}" if expected else "")


def _explain_token(error: UnexpectedToken, file: SourceFile) -> Diagnostic:
    accepted = frozenset(error.accepts or error.expected or ())
    text, start = str(error.token), error.token.start_pos or 0
    if error.token.type == "$END":
        end = len(file.text.rstrip())
        return Diagnostic(
            "E101", "the file ends too soon", Span(file, max(0, end - 1), end), f"expected {_in_words(accepted)}"
        )
    span = Span(file, start, error.token.end_pos or start + 1)
    if text in {"and", "or"} and accepted & {"AND", "OR"}:
        return Diagnostic(
            "E106", "`and` beside `or` needs parentheses", span, "write `(a and b) or c`, or `a and (b or c)`"
        )
    if text in _COMPARISONS and "AND" in accepted:
        return Diagnostic("E107", "comparisons do not chain", span, "write `a < b and b < c`")
    if text == "=" and "COMPARE" in accepted:
        return Diagnostic("E101", "unexpected `=`", span, "equality is written `==`")
    if accepted == {"MODULE"}:
        return Diagnostic("E105", "a file begins with its module", span, "write `module` and a name first")
    if text.startswith('"'):
        text = "a string" if len(text) > 20 else text
    return Diagnostic("E101", f"unexpected `{text}`", span, f"expected {_in_words(accepted)}")


def _in_words(accepted: frozenset[str]) -> str:
    rest, words = set(accepted), []
    if rest >= _STATEMENT:
        rest -= _STATEMENT | _STATEMENT_ALSO
        words.append("the next statement")
    if len(rest & _VALUE) > 3:
        words.insert(0, "a condition" if rest >= _CONDITION else "a value")
        rest -= _VALUE | _CONDITION | {"SIGN", "ANYONE"} if rest >= _CONDITION else _VALUE | {"SIGN"}
    if len(rest & _OPERATOR) > 3:
        words.insert(0, "an operator")
        rest -= _OPERATOR
    words = sorted(_PLAIN.get(name, f"`{name.lower()}`") for name in rest if not name.startswith("__")) + words
    if len(words) > _SHOWN:
        words = [*words[:_SHOWN], "…"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1] if words else ""
