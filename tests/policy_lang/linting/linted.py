"""Lints a text beside declarations of its own, and says what was found in the text alone."""

from policy_lang.diagnostics import Diagnostic
from policy_lang.linting.linter import check
from tests.policy_lang.source_text import DECLARATIONS

ISOLATION = "rule isolation: deny any on Document, Folder unless principal.tenant == resource.tenant\n"


def lints(text: str) -> tuple[Diagnostic, ...]:
    """What is found in this text of module `m`."""
    texts = {"declarations.policy": DECLARATIONS + ISOLATION, "text.policy": f"module m\n{text}"}
    return tuple(found for found in check(texts).diagnostics if found.span.file.path == "text.policy")


def said(text: str) -> list[str]:
    """The findings as `code: message`."""
    return [f"{found.code}: {found.message}" for found in lints(text)]


def when(condition: str) -> list[str]:
    """The findings in a condition, without what follows from it for the rule."""
    found = said(f"rule r: deny read on Document when {condition}")
    return [each for each in found if not each.startswith("W201")]
