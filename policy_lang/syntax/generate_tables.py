"""Writes the tables of the parser beside its grammar, from which Lark otherwise makes them anew in every process."""

import io
from pathlib import Path
from typing import Final

from policy_lang.syntax.parser import built, key_of

_FOLDER: Final = Path(__file__).parent


def tables(grammar: str) -> bytes:
    """The tables of that grammar behind its key."""
    saved = io.BytesIO()
    built(grammar).save(saved)
    return key_of(grammar) + saved.getvalue()


if __name__ == "__main__":
    (_FOLDER / "grammar.tables").write_bytes(tables((_FOLDER / "grammar.lark").read_text(encoding="utf-8")))
