"""Makes the table of calls that were not authenticated, in sums."""

import sqlalchemy as sa
from alembic import op

revision = "log_0002"
down_revision = "log_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "unauthenticated",
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("replica", text, primary_key=True),
        sa.Column("reason", text, primary_key=True),
        sa.Column("network", text, primary_key=True),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
