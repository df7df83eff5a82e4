"""Makes the table of the policies that are tried out beside those in force."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0008"
down_revision = "facts_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; nothing is tried out."""
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "trial",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", name, sa.ForeignKey("bundle.digest"), nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
    )
