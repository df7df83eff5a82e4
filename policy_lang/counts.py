"""Says numbers of things as English does."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `1,200 files`; the plural is the noun with an s unless it is given."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
