"""How large policies may be, so that every rule costs little and every load ends (language.md, Statements)."""

from typing import Final

FILE_LIMIT: Final = 1_000_000
"""Code points in a file."""
BUNDLE_LIMIT: Final = 20_000_000
"""Code points in all files of a bundle."""
NESTING_LIMIT: Final = 40
"""Expressions within expressions, before and after expansion."""
RECORD_NESTING_LIMIT: Final = 4
"""Records within records."""
LIST_LIMIT: Final = 1000
"""Items in a written list."""
NODE_LIMIT: Final = 1000
"""Nodes in a rule, after expansion."""
RULE_LIMIT: Final = 20_000
"""Rules in a bundle."""
FAULT_LIMIT: Final = 200
"""Faults of names and types that are noted in a bundle before the rest of it is left unread."""
COMPARED_LIMIT: Final = 200
"""Names that an unknown one is compared with."""
COMPARED_LENGTH: Final = 256
"""Code points of an unknown name that is compared with known ones."""
STAR_LIMIT: Final = 8
"""Stars in a pattern of `like`."""
STEP_LIMIT: Final = 3
"""Steps through references in a path."""
MATRIX_LIMIT: Final = 10_000
"""Cells in the matrix of a test: principals times resources times actions."""
QUOTES_LIMIT: Final = 8
"""Values that a reason quotes."""
QUOTE_LIMIT: Final = 200
"""Code points of a value that a reason shows."""
