"""Reads the SQL that makes the roles of the decision log on PostgreSQL and grants them what they need."""

from importlib.resources import files


def log_grants() -> str:
    """Statements for the owner of the tables, which may be run again at any time."""
    return files(__package__).joinpath("log_grants.sql").read_text()
