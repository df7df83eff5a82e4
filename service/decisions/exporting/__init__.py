"""Exports of the log as JSON lines, which whoever has the public key verifies without the database."""
