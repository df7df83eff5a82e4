"""Texts that would do something if they ever reached SQL, COPY, a driver or JSON as anything but data."""

from policy_lang.forms import ID_LIMIT

HOSTILE = (
    "'; DROP TABLE entity; --", '" OR 1=1 --', "a\\", "\\N", "\\.", "\\x41", "%s", "%(refs)s", ":refs", "$1", "?",
    "a:b", "Type:x", ":", "a b", "´`", "{}", "[]", '["a","b"]', "null", "NULL", "%", "_", "*", "..", "ａ", "é",
    "e\u0301",
    "😀", "İ", "ß", "1e3", "0x1F", "-- x", "/* x */", ";", "=1+1", "$$", "E'\\''", "a" * ID_LIMIT,
)  # fmt: skip
"""Ids that mean something to SQL, to COPY, to a driver's placeholders, to JSON or to a collation."""
