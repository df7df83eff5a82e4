"""Makes the tables of pushed policies, of their activations and of the replicas that follow them."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0003"
down_revision = "facts_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "bundle",
        sa.Column("digest", text, primary_key=True),
        sa.Column("texts", sa.Text, nullable=False),
        sa.Column("pushed_by", sa.Text, nullable=False),
        sa.Column("pushed_at", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary),
    )
    op.create_index("bundle_times", "bundle", ["pushed_at", "digest"])
    op.create_table(
        "activation",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", text, sa.ForeignKey("bundle.digest"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
    )
    op.create_index("activation_states", "activation", ["state", "number"])
    op.create_table(
        "preparation",
        sa.Column(
            "activation", sa.BigInteger, sa.ForeignKey("activation.number"), primary_key=True, autoincrement=False
        ),
        sa.Column("replica", text, primary_key=True),
        sa.Column("why", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "replica",
        sa.Column("id", text, primary_key=True),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "judgement",
        sa.Column("id", text, primary_key=True),
        sa.Column("replica", text, nullable=False),
        sa.Column("texts", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.Text),
    )
    op.create_index("judgement_replicas", "judgement", ["replica", "asked_at"])
