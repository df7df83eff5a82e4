"""Makes the tables of API keys and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0005"
down_revision = "facts_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "api_key",
        sa.Column("id", text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("principal_type", text, nullable=False),
        sa.Column("principal_id", text, nullable=False),
        sa.Column("owner_type", text, nullable=False),
        sa.Column("owner_id", text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("per_minute", sa.BigInteger),
        sa.Column("burst", sa.BigInteger),
        sa.Column("pepper", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.Column("former_pepper", sa.Text),
        sa.Column("former_mac", sa.LargeBinary),
        sa.Column("former_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("rotated_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("revoked_by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("api_key_ends", "api_key", ["expires_at"])
    op.create_table(
        "session",
        sa.Column("id", text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("principal_type", text, nullable=False),
        sa.Column("principal_id", text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("idle_ms", sa.BigInteger, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("renewed_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("revoked_by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("session_principals", "session", ["principal_type", "principal_id"])
    op.create_index("session_ends", "session", ["ends_at"])
