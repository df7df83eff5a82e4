"""Makes the table of what each revision changed, which caches follow."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0002"
down_revision = "facts_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; revisions from before it have no rows, so that a reader of one empties its cache."""
    op.create_table(
        "change",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("change_times", "change", ["at"])
