"""The page of each diagnostic code: what to avoid, what to prefer, and why."""

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_NAME: Final = re.compile(r"[EW]\d{3}\.md")


@cache
def codes() -> tuple[str, ...]:
    """Every code that there is, sorted."""
    return tuple(sorted(page.name[:4] for page in _folder().iterdir() if _NAME.fullmatch(page.name)))


def _folder() -> Traversable:
    return files("policy_lang").joinpath("codes")


def page(code: str) -> str:
    """The page of a code, in Markdown; KeyError if there is none."""
    if code not in codes():
        raise KeyError(code)
    return _folder().joinpath(f"{code}.md").read_text(encoding="utf-8")


def title(code: str) -> str:
    """What a code says, in a line."""
    return page(code).partition("\n")[0].partition(": ")[2]
