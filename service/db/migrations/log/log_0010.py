"""Adds the column that finds what was allowed by an emergency grant alone."""

import sqlalchemy as sa
from alembic import op

revision = "log_0010"
down_revision = "log_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds it, with an index of the records that have it; of those that there are, none was."""
    is_told = sa.text("break_glass IS NOT NULL")
    op.add_column("decision", sa.Column("break_glass", sa.Text().with_variant(sa.Text(collation="C"), "postgresql")))
    op.create_index(
        "decision_break_glass", "decision", ["break_glass", "id"], sqlite_where=is_told, postgresql_where=is_told
    )
