"""Adds the column that finds what was decided and not enforced."""

import sqlalchemy as sa
from alembic import op

revision = "log_0008"
down_revision = "log_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds it, with an index of what it finds; the records that there are were all enforced."""
    is_told = sa.text("unenforced IS NOT NULL")
    op.add_column("decision", sa.Column("unenforced", sa.BigInteger))
    op.create_index(
        "decision_unenforceds", "decision", ["unenforced", "id"], sqlite_where=is_told, postgresql_where=is_told
    )
