"""Matches text against a `like` pattern: `*` stands for any text, all else for itself."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern, in time linear in the text for each star."""
    first, *middle, last = pattern.split("*") if "*" in pattern else (pattern, "")
    if "*" not in pattern:
        return text == pattern
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
