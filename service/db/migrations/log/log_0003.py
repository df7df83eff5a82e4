"""Makes the tables of the hash chains, and counts the records from before, which stay outside them."""

import sqlalchemy as sa
from alembic import op

revision = "log_0003"
down_revision = "log_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    key = sa.Uuid().with_variant(sa.Text(), "sqlite")
    op.create_index("decision_rule_decisions", "decision_rule", ["decision_id"])
    op.create_table(
        "chain_link",
        sa.Column("replica", text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("decision_id", key, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("record_hash", sa.LargeBinary, nullable=False),
        sa.Column("chain_hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("chain_link_decisions", "chain_link", ["decision_id"], unique=True)
    op.create_table(
        "chain_head",
        sa.Column("replica", text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chain_origin",
        sa.Column("records", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_id", key),
    )
    op.execute(
        "INSERT INTO chain_origin (records, last_id)"
        " SELECT (SELECT count(*) FROM decision), (SELECT id FROM decision ORDER BY id DESC LIMIT 1)"
    )
    op.create_table(
        "checkpoint",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Text, nullable=False),
    )
