"""Says in plain words what is wrong with text that the grammar does not know."""

from collections.abc import Mapping
from typing import Final

from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from policy_lang.diagnostics import Diagnostic, nearest_of
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
_SIGNS: Final[Mapping[str, str]] = {
    **dict.fromkeys("'`‘’“”„", 'strings stand in `"`'),
    **dict.fromkeys(("//", "/*"), "a comment begins with `#`"),
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "*": "write `any` for all of them, or `anyone`",
}
"""What other languages write in signs → what to write here."""
_WORDS: Final[Mapping[str, str]] = {"if": "when", "where": "when", "permit": "allow", "forbid": "deny"}
"""What other languages write in words → the word for it here."""
_SHOWN: Final = 12


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
    sign = file.text[start : start + 2]
    if sign not in _SIGNS:
        sign = char
    span = Span(file, start, start + len(sign))
    if sign in _SIGNS:
        return Diagnostic("E100", f"unexpected `{sign}`", span, _SIGNS[sign])
    if char.isalpha() and not char.isascii():
        return Diagnostic("E100", f"unexpected `{char}`", span, "names are ASCII")
    if char == "=" and "COMPARE" in (error.allowed or ()):
        return Diagnostic("E100", "unexpected `=`", span, "equality is written `==`")
    shown = f"`{char}`" if char.isprintable() else f"character U+{ord(char):04X}"
    return Diagnostic("E100", f"unexpected {shown}", span, _expected(frozenset(error.allowed or ())))


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
    meant = _meant(text, accepted)
    help_ = _SIGNS.get(file.text[start : start + 2]) or (f"did you mean `{meant}`?" if meant else _expected(accepted))
    if text.startswith('"'):
        text = "a string" if len(text) > 20 else text
    return Diagnostic("E101", f"unexpected `{text}`", span, help_)


def _meant(text: str, accepted: frozenset[str]) -> str:
    """The word that was meant, of those that may stand here: another language's word for it, or a slip of the pen."""
    words = {name.lower() for name in accepted if name not in _PLAIN and not name.startswith("__")}
    if not text.isidentifier():
        return ""
    return _WORDS[text] if _WORDS.get(text) in words else nearest_of(text.lower(), words)


def _expected(accepted: frozenset[str]) -> str:
    words = _in_words(accepted)
    return f"expected {words}" if words else ""


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
