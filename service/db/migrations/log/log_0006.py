"""Makes the tables of what is taken out of the log: the notes that say so, and the holds that forbid it."""

import sqlalchemy as sa
from alembic import op

revision = "log_0006"
down_revision = "log_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables; the links get a place for the number of the note that covers each."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("chain_link", sa.Column("note", sa.BigInteger))
    op.create_table(
        "log_note",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Text, nullable=False),
    )
    op.create_table(
        "log_hold",
        sa.Column("name", text, primary_key=True),
        sa.Column("principal_type", text),
        sa.Column("principal_id", text),
        sa.Column("resource_type", text),
        sa.Column("resource_id", text),
        sa.Column("tenant_type", text),
        sa.Column("tenant_id", text),
        sa.Column("since", sa.BigInteger),
        sa.Column("until", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", text, nullable=False),
        sa.Column("placed_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
