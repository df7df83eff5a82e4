"""Says what letters look like that are not what they look like.

`LOOKALIKES` is our own table: letters of the Greek, Cyrillic and Armenian blocks of Unicode whose usual shape is that
of an ASCII letter. Letters that are a variant of an ASCII letter (wide, mathematical, …) Unicode itself folds (NFKC).
"""

import unicodedata
from functools import cache
from typing import Final

_CYRILLIC: Final = dict(zip("аеорсухіјѕһԁԛԝӏАВЕКМНОРСТУХІЈЅ", "aeopcyxijshdqwlABEKMHOPCTYXIJS", strict=True))
_GREEK: Final = dict(zip("ονιαρΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ovıapABEZHIKMNOPTYX".replace("ı", "i"), strict=True))
_ARMENIAN: Final = dict(zip("օսհՕՍ", "ouhOU", strict=True))
LOOKALIKES: Final = _CYRILLIC | _GREEK | _ARMENIAN
"""A letter → the ASCII letter that it looks like."""

_LIKE_LATIN: Final = frozenset({"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"})
"""Scripts some of whose letters look Latin; mixed with others in a word, as Japanese does, Latin letters are seen."""


@cache
def script(letter: str) -> str:
    """The script of a letter, by the first word of its name; a variant of an ASCII letter has its own, `VARIANT`."""
    if not letter.isascii() and unicodedata.normalize("NFKC", letter).isascii():
        return "VARIANT"
    return unicodedata.name(letter, "").partition(" ")[0]


def is_mixed(word: str) -> bool:
    """Whether a word has Latin letters and others that may be taken for them."""
    scripts = {script(letter) for letter in word if letter.isalpha()}
    return "VARIANT" in scripts or ("LATIN" in scripts and not scripts.isdisjoint(_LIKE_LATIN))


def skeleton(text: str) -> str:
    """What a text looks like: equal for texts that a reader cannot tell apart."""
    return "".join(LOOKALIKES.get(char, char) for char in unicodedata.normalize("NFKC", text))
