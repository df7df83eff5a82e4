"""Makes the first tables of the decision log."""

import sqlalchemy as sa
from alembic import op

revision = "log_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    key = sa.Uuid().with_variant(sa.Text(), "sqlite")
    op.create_table(
        "decision",
        sa.Column("id", key, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("request_id", text, nullable=False),
        sa.Column("caller_type", text, nullable=False),
        sa.Column("caller_id", text, nullable=False),
        sa.Column("principal_type", text, nullable=False),
        sa.Column("principal_id", text, nullable=False),
        sa.Column("action", text, nullable=False),
        sa.Column("resource_type", text, nullable=False),
        sa.Column("resource_id", text, nullable=False),
        sa.Column("tenant_type", text),
        sa.Column("tenant_id", text),
        sa.Column("effect", text, nullable=False),
        sa.Column("code", text, nullable=False),
        sa.Column("policy_digest", text, nullable=False),
        sa.Column("revision", text, nullable=False),
        sa.Column("duration_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("decision_times", "decision", ["time", "id"])
    op.create_index("decision_requests", "decision", ["request_id", "id"])
    op.create_index("decision_callers", "decision", ["caller_type", "caller_id", "id"])
    op.create_index("decision_principals", "decision", ["principal_type", "principal_id", "id"])
    op.create_index("decision_actions", "decision", ["action", "id"])
    op.create_index("decision_resources", "decision", ["resource_type", "resource_id", "id"])
    op.create_index("decision_tenants", "decision", ["tenant_type", "tenant_id", "id"])
    op.create_index("decision_effects", "decision", ["effect", "id"])
    op.create_index("decision_codes", "decision", ["code", "id"])
    op.create_index("decision_policies", "decision", ["policy_digest", "id"])
    op.create_table(
        "decision_rule",
        sa.Column("rule", text, primary_key=True),
        sa.Column("decision_id", key, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spool_position",
        sa.Column("segment", text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("moved_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
