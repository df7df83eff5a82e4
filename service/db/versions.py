"""The versions of the tables that this code knows, and where a database says its own."""

from pathlib import Path
from typing import Final, Literal

Kind = Literal["facts", "log"]
"""What a database holds: each kind has its own migrations and its own version table, so both may share a database."""

SCRIPTS: Final = Path(__file__).parent / "migrations"
"""The folder of migrations, one below it for each kind."""


def version_table(kind: Kind) -> str:
    """The table that holds the version of that kind."""
    return f"magistrate_{kind}_version"


def versions(kind: Kind) -> list[str]:
    """All versions that this code knows, the oldest first: the names of the scripts."""
    return sorted(script.stem for script in (SCRIPTS / kind).glob("*.py"))
