"""Stands for the application: makes its database `app.db` anew, or, given a statement, runs it there."""

import sqlite3
import sys
from pathlib import Path

HERE = Path(__file__).parent


def make() -> None:
    """Makes the tables, with the sample data."""
    (HERE / "app.db").unlink(missing_ok=True)
    with sqlite3.connect(HERE / "app.db") as database:
        for script in ("schema.sql", "data.sql"):
            database.executescript((HERE / script).read_text())
    database.close()
    print("made app.db")


def run(statement: str) -> None:
    """Runs one statement, as the application would."""
    with sqlite3.connect(HERE / "app.db") as database:
        changed = database.execute(statement).rowcount
    database.close()
    print(f"{changed} row{'' if changed == 1 else 's'} changed")


if __name__ == "__main__":
    run(sys.argv[1]) if len(sys.argv) > 1 else make()
