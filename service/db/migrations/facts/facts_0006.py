"""Turns the desk of policies to be checked into one for any kind of work; what lay there is asked again."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0006"
down_revision = "facts_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the new table in the place of the old one."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.drop_table("judgement")
    op.create_table(
        "errand",
        sa.Column("id", text, primary_key=True),
        sa.Column("replica", text, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.Text),
    )
    op.create_index("errand_replicas", "errand", ["replica", "kind", "asked_at"])
