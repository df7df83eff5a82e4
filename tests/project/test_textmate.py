"""Laws: the editors' grammar has the words of the parser's, and colours every one of them in every example."""

import json
import re
from pathlib import Path

import pytest

from editors.generate_textmate import FILE, SCOPES, text, words_by_scope
from policy_lang.source import SourceFile
from policy_lang.syntax.parser import language
from policy_lang.syntax.reading import READING, Reading
from policy_lang.syntax.unfinished import keywords
from tests.project.textmate import Grammar

ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted(
    path
    for folder in ("examples", "service/cli/starter", "policy_lang/codes")
    for path in (ROOT / folder).rglob("*.policy")
)
GRAMMAR = Grammar(json.loads(FILE.read_text()))
KINDS = {
    "STRING": "string.quoted",
    "INT": "constant.numeric.integer",
    "DECIMAL": "constant.numeric.decimal",
    "DURATION": "constant.numeric.duration",
    "TIMESTAMP": "constant.numeric.timestamp",
    "ADDRESS": "constant.numeric.address",
}


def tokens(source: str) -> list[tuple[str, int, int]]:
    """The parser's tokens: terminal, start, end."""
    READING.set(Reading(SourceFile("", source)))
    found = language().parse_interactive(source, start="file").exhaust_lexer()
    return [(token.type, token.start_pos or 0, token.end_pos or 0) for token in found]


def scope_of(line: str, word: str) -> str:
    """The innermost scope of a word's first character in a line."""
    return GRAMMAR.scopes(line)[line.index(word)].split()[-1]


def test_the_file_is_what_the_grammar_gives() -> None:
    assert FILE.read_text() == text(), "run `make grammar`"


def test_every_word_of_the_language_has_one_scope() -> None:
    listed = [word for words in words_by_scope().values() for word in words]
    assert sorted(listed) == sorted(keywords().values())
    assert len({word for words in SCOPES.values() for word in words}) == sum(map(len, SCOPES.values()))


def test_every_regular_expression_compiles() -> None:
    found = list(GRAMMAR.regexes())
    assert len(found) > 20
    for regex in found:
        re.compile(regex)


@pytest.mark.parametrize("path", POLICIES, ids=[str(path.relative_to(ROOT)) for path in POLICIES])
def test_every_word_and_value_of_an_example_is_coloured(path: Path) -> None:
    source = path.read_text()
    scopes, words = GRAMMAR.scopes(source), keywords()
    by_word = {word: scope for scope, found in words_by_scope().items() for word in found}
    plain = []
    for terminal, start, end in tokens(source):
        scope = by_word.get(words.get(terminal, ""), KINDS.get(terminal, ""))
        if not all(scope in scopes[at] for at in range(start, end)):
            plain.append(f"{source[start:end]} at {start}: {scopes[start]}")
    assert plain == []


@pytest.mark.parametrize(
    ("line", "word", "scope"),
    [
        ("rule x: deny read on A  # when", "when", "comment.line.number-sign.policy"),
        ('let x = resource.code == "when"', "when", "string.quoted.double.policy"),
        ('let x = resource.code == "w"', "code", "variable.other.member.policy"),
        ("context { code: string }", "code", "variable.other.member.policy"),
        ("rule code: deny read on A", "code", "entity.name.function.policy"),
        ("type Document in Folder {}", "Document", "entity.name.type.policy"),
        ('rule x: deny read on A reason "in {resource.region}"', "resource", "variable.other.policy"),
        (r'let x = "a\n"', r"\n", "constant.character.escape.policy"),
        (r'let x = "a\q"', r"\q", "invalid.illegal.escape.policy"),
        ("let x = hour(context.now, principal.zone)", "hour", "support.function.policy"),
        ("let x = context.ip in [2001:db8::/32]", "2001", "constant.numeric.address.policy"),
        ("let x = true and anyone", "and", "keyword.operator.word.policy"),
        ('let x = "open', "open", "string.quoted.double.policy"),
    ],
)
def test_what_a_line_holds_is_told_apart(line: str, word: str, scope: str) -> None:
    assert scope_of(line, word) == scope


def test_a_string_that_is_not_closed_ends_with_its_line() -> None:
    source = 'let x = "open\nlet y = true\n'
    assert GRAMMAR.scopes(source)[source.index("let y")] == "storage.type.policy"


def test_the_extension_names_files_that_are_there() -> None:
    folder = FILE.parent
    manifest = json.loads((folder / "package.json").read_text())
    (known,), (shown,) = manifest["contributes"]["languages"], manifest["contributes"]["grammars"]
    named = [manifest["main"], known["configuration"], shown["path"]]
    assert [(folder / name).is_file() for name in named] == [True, True, True]
    assert shown["scopeName"] == json.loads(FILE.read_text())["scopeName"]
    assert json.loads((folder / "language-configuration.json").read_text())["comments"] == {"lineComment": "#"}
