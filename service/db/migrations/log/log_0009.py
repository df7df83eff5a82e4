"""Adds the column that finds what candidate policies decided otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "log_0009"
down_revision = "log_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds it, with an index of the records that have it."""
    has_flip = sa.text("flip IS NOT NULL")
    op.add_column("decision", sa.Column("flip", sa.Text().with_variant(sa.Text(collation="C"), "postgresql")))
    op.create_index("decision_flips", "decision", ["id"], sqlite_where=has_flip, postgresql_where=has_flip)
