"""Makes the table of roles that are held in an emergency."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0009"
down_revision = "facts_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; nobody holds any."""
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "break_glass",
        sa.Column("id", name, primary_key=True),
        sa.Column("subject_type", name, nullable=False),
        sa.Column("subject_id", name, nullable=False),
        sa.Column("role", name, nullable=False),
        sa.Column("place_type", name, nullable=False),
        sa.Column("place_id", name, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("given_by", sa.Text, nullable=False),
        sa.Column("given_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_by", sa.Text),
        sqlite_with_rowid=False,
    )
    not_ended = sa.text("ended_at IS NULL")
    for end in ("subject", "place"):
        op.create_index(
            f"break_glass_{end}s",
            "break_glass",
            [f"{end}_type", f"{end}_id"],
            sqlite_where=not_ended,
            postgresql_where=not_ended,
        )
    op.create_index("break_glass_ends", "break_glass", ["expires_at"])
