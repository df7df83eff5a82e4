"""Writes the TextMate grammar of the policy language, its words taken from where the parser and the checker have them.

TextMate colours line by line with regular expressions and knows no context, so that a word of the language is coloured
as one wherever it is not plainly a name: behind a dot, or before a colon.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from policy_lang.checking.entity_types import BUILT_IN
from policy_lang.functions import FUNCTIONS
from policy_lang.syntax.unfinished import keywords

FILE: Final = Path(__file__).parent / "vscode" / "policy.tmLanguage.json"

OTHER: Final = "keyword.other.policy"
SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "storage.type.policy": (
        "module", "type", "context", "actions", "group", "role", "relation", "let", "rule", "fixture", "test", "matrix",
        "template", "use",
    ),
    "storage.modifier.policy": ("tenant", "listable", "sensitive", "shadow", "new"),
    "support.type.policy": ("set", "enum"),
    "variable.language.policy": ("principal", "resource"),
    "keyword.control.policy": ("allow", "deny", "when", "unless", "expect", "given"),
    "keyword.operator.word.policy": (
        "and", "or", "not", "in", "any", "all", "like", "under", "is", "has", "over", "of",
    ),
    "constant.language.policy": ("true", "false", "anyone", "granted"),
}  # fmt: skip
"""Scope → words; a word of the language that stands here nowhere has the scope OTHER."""

_NAME: Final = "[A-Za-z_][A-Za-z0-9_]*"
_HEX: Final = "[0-9A-Fa-f]{1,4}"


def words_by_scope() -> dict[str, list[str]]:
    """Every word of the language under its scope."""
    scopes = {word: scope for scope, words in SCOPES.items() for word in words}
    found: dict[str, list[str]] = {}
    for word in sorted(keywords().values()):
        found.setdefault(scopes.get(word, OTHER), []).append(word)
    return found


def grammar() -> dict[str, object]:
    """The whole grammar."""
    words = [_match(scope, _words(found)) for scope, found in words_by_scope().items()]
    return {
        "name": "Magistrate policy",
        "scopeName": "source.policy",
        "fileTypes": ["policy"],
        "patterns": [
            _include("comment"),
            _include("reason"),
            _include("string"),
            _include("constant"),
            _include("name"),
            _include("word"),
            _include("operator"),
        ],
        "repository": {
            "comment": _match("comment.line.number-sign.policy", "#.*$"),
            "reason": {
                "begin": r'\b(reason)\s+(")',
                "end": '"|$',
                "beginCaptures": {"1": {"name": OTHER}, "2": {"name": "string.quoted.double.policy"}},
                "contentName": "string.quoted.double.policy",
                "patterns": [
                    _match("constant.character.escape.policy", r"\{\{|\}\}"),
                    _match("meta.interpolation.policy variable.other.policy", r"\{[^{}\"]*\}"),
                    _include("escape"),
                ],
            },
            "string": {
                "name": "string.quoted.double.policy",
                "begin": '"',
                "end": '"|$',
                "patterns": [_include("escape")],
            },
            "escape": {
                "patterns": [
                    _match("constant.character.escape.policy", r'\\(?:["\\/nt]|u[0-9A-Fa-f]{4})'),
                    _match("invalid.illegal.escape.policy", r"\\."),
                ]
            },
            "constant": {"patterns": list(_constants())},
            "name": {"patterns": list(_names())},
            "word": {"patterns": words},
            "operator": {
                "patterns": [
                    _match("keyword.operator.comparison.policy", "==|!=|<=|>=|<|>"),
                    _match("keyword.operator.policy", r"\?\?|\?|\.\.|[-+=|]"),
                    _match("punctuation.separator.policy", "[.,:;]"),
                    _match("punctuation.section.policy", r"[\[\](){}]"),
                ]
            },
        },
    }


def _constants() -> Iterable[dict[str, object]]:
    time = r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?"
    yield _match("constant.numeric.timestamp.policy", time)
    ipv4 = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,3})?"
    yield _match("constant.numeric.address.policy", ipv4)
    full = rf"{_HEX}(?::{_HEX}){{7}}"
    short = rf"(?:{_HEX}(?::{_HEX})*)?::(?:{_HEX}(?::{_HEX})*)?(?::?[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}})?"
    yield _match("constant.numeric.address.policy", rf"(?<![\w:.])(?:{full}|{short})(?:/[0-9]{{1,3}})?(?![\w:])")
    yield _match("constant.numeric.duration.policy", r"\b(?:[0-9]+(?:ms|[dhms]))+\b")
    yield _match("constant.numeric.decimal.policy", r"\b[0-9]+\.[0-9]+\b")
    yield _match("constant.numeric.integer.policy", r"\b[0-9]+\b")


def _names() -> Iterable[dict[str, object]]:
    """Names that are plainly names, whatever word they are spelt like."""
    yield {
        "match": rf"(?<!\.)(\.)(?!\.)\s*({_NAME})",
        "captures": _captures("punctuation.separator", "variable.other.member"),
    }
    yield {
        "match": rf"\b(rule)\s+({_NAME})\s*(:)",
        "captures": _captures("storage.type", "entity.name.function", "punctuation.separator"),
    }
    yield {"match": rf"\b(type)\s+({_NAME})", "captures": _captures("storage.type", "entity.name.type")}
    yield _match("support.function.policy", rf"{_words(sorted(FUNCTIONS))}(?=\s*\()")
    yield _match("support.type.policy", rf"(?<=[:<|]){_words(sorted(BUILT_IN))}|(?<=[:<|] ){_words(sorted(BUILT_IN))}")
    yield _match("variable.other.member.policy", rf"\b{_NAME}(?=\s*:(?!:))")
    yield _match("entity.name.type.policy", r"\b[A-Z][A-Za-z0-9_]*[a-z][A-Za-z0-9_]*\b")


def _captures(*scopes: str) -> dict[str, object]:
    return {str(number): {"name": f"{scope}.policy"} for number, scope in enumerate(scopes, start=1)}


def _words(words: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _match(scope: str, pattern: str) -> dict[str, object]:
    return {"name": scope, "match": pattern}


def _include(name: str) -> dict[str, object]:
    return {"include": f"#{name}"}


def text() -> str:
    """The grammar as it stands in its file."""
    return json.dumps(grammar(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
