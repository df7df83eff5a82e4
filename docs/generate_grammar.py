"""Writes docs/grammar.md: the grammar of the policy language as EBNF, from the file that the parser is made of."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
GRAMMAR: Final = ROOT / "policy_lang" / "syntax" / "grammar.lark"
PAGE: Final = ROOT / "docs" / "grammar.md"

_RECOVERY: Final = "rest"
"""What the parser goes on with behind a fault; it is part of no correct file."""
_RULE = re.compile(r"^\??([a-z_]+):\s*(.*)$")
_TERMINAL = re.compile(r"^([A-Z0-9_]+)(?:\.\d+)?:\s*(.*)$")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/|[A-Za-z_0-9]+|\S')
_HEAD: Final = """\
# The grammar

Made by `make grammar` from `policy_lang/syntax/grammar.lark`, the file that the parser is made of. `x?` is x or
nothing, `x*` any number of x, `x+` at least one; what stands in quotes stands so in the text, and names in capitals are
the tokens at the end. Blanks, line ends and comments, from `#` to the end of a line, may stand between any two tokens.
What the grammar allows, the checker may still refuse: [language.md](language.md) says what things mean.
"""


def page() -> str:
    """The whole page."""
    sections, terminals = _read(GRAMMAR.read_text())
    words = {name: text for name, text in terminals.items() if "/" not in text and not re.search(r"[A-Z]{2}", text)}
    tokens = {name: text for name, text in terminals.items() if name not in words}
    parts = [_HEAD]
    for title, rules in sections.items():
        if rules:
            lines = "\n".join(_shown(name, text, words) for name, text in rules.items())
            parts.append(f"## {title}\n\n```text\n{lines}\n```\n")
    shown = "\n".join(f"{name} ::= {text}" for name, text in tokens.items())
    parts.append(f"## Tokens\n\nRegular expressions, as Python reads them.\n\n```text\n{shown}\n```\n")
    return "\n".join(parts)


def _read(grammar: str) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The rules by the comment that they stand below, and the terminals, each as the text behind its name."""
    sections: dict[str, dict[str, str]] = {"Files": {}}
    terminals: dict[str, str] = {}
    for line in _joined(grammar):
        if line.startswith("// "):
            sections.setdefault(line.removeprefix("// ").partition(":")[0], {})
        elif (rule := _RULE.match(line)) and rule[1] != _RECOVERY:
            sections[list(sections)[-1]][rule[1]] = rule[2]
        elif terminal := _TERMINAL.match(line):
            terminals[terminal[1]] = terminal[2]
    return sections, terminals


def _joined(grammar: str) -> Iterator[str]:
    """Its lines, those that go on with what the line before began joined to it; the comments at its head left out."""
    whole = re.sub(r"\n[ \t]+", " ", grammar)
    _, _, body = whole.partition("\n\n")
    return (line.strip() for line in body.splitlines() if line.strip())


def _shown(name: str, text: str, words: Mapping[str, str]) -> str:
    choices = "".join(f"\n    | {choice}" for choice in _choices(_plain(text, words)))
    return f"{name} ::={choices.replace(chr(10) + '    |', '', 1)}"


def _plain(text: str, words: Mapping[str, str]) -> str:
    """Without the names of alternatives, with words for their tokens, and `( )?` for brackets."""
    text = re.sub(r"\s*->\s*[a-z_]+", "", text)
    shown: list[str] = []
    for token in _TOKEN.findall(text):
        word = words.get(token)
        shown.append({"[": "(", "]": ")?"}.get(token, token) if word is None else f"({word})" if "|" in word else word)
    joined = " ".join(shown)
    joined = re.sub(r"\( (\S+) \)\?", r"\1?", joined)
    joined = re.sub(r" ([?*+])(?= |$|\))", r"\1", joined)
    return joined.replace("( ", "(").replace(" )", ")")


def _choices(text: str) -> list[str]:
    """Its alternatives, if there are several and they are long."""
    parts, depth, start = [], 0, 0
    for match in _TOKEN.finditer(text):
        sign = match[0]
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return parts if len(text) > 100 else [" | ".join(parts)]


if __name__ == "__main__":
    PAGE.write_text(page())
