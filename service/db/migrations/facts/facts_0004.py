"""Makes the table of revoked tokens and principals."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0004"
down_revision = "facts_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "revocation",
        sa.Column("kind", text, primary_key=True),
        sa.Column("space", text, primary_key=True),
        sa.Column("name", text, primary_key=True),
        sa.Column("issued_until", sa.BigInteger),
        sa.Column("kept_until", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("revocation_ends", "revocation", ["kept_until"])
