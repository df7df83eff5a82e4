"""The examples of the codes' pages, and what they come to (`python -m tests.golden.codes.pages` writes it anew)."""

import re
from pathlib import Path

import pytest

from policy_lang.diagnostics import Diagnostic
from policy_lang.linting.linter import check
from policy_lang.pages import codes, page

FOLDER = Path(__file__).parent
DECLARATIONS = (Path(__file__).parents[3] / "policy_lang/codes/declarations.policy").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^## (Avoid|Prefer)\n\n```policy\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "example.policy"
SHOWN_WITH = {
    "E401": ("policy_lang.syntax.parser.FILE_LIMIT", 120),
    "E403": ("policy_lang.syntax.expression_builder.LIST_LIMIT", 3),
    "E405": ("policy_lang.checking.resolve.RULE_LIMIT", 2),
    "E408": ("policy_lang.checking.matrix_check.MATRIX_LIMIT", 2),
}
"""The codes whose example would be too long to read: the limit that it is shown with, as its page says."""


def examples(code: str) -> dict[str, str]:
    """`Avoid` and `Prefer` → the policy text under it."""
    return dict(EXAMPLE.findall(page(code)))


def found(code: str, heading: str) -> list[Diagnostic]:
    """What is found in an example of a page."""
    text = examples(code)[heading]
    whole = text.startswith("module") and code != "E105"
    is_bare = whole or (code, heading) == ("E105", "Avoid")
    texts = {} if whole else {"declarations.policy": DECLARATIONS}
    texts[NAME] = text if is_bare else f"module docs\n{text.removeprefix('module docs')}"
    with pytest.MonkeyPatch.context() as limits:
        if code in SHOWN_WITH:
            limits.setattr(*SHOWN_WITH[code])
        return [each for each in check(texts).diagnostics if each.span.file.path == NAME]


def rendered(code: str) -> str:
    """What an author is told who wrote what the page says to avoid."""
    return "\n\n".join(each.render() for each in found(code, "Avoid") if each.code == code) + "\n"


if __name__ == "__main__":
    for each in codes():
        (FOLDER / f"{each}.expected").write_text(rendered(each), encoding="utf-8")
