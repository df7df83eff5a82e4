"""Makes the first tables of the facts, and starts the first epoch of their revision."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "facts_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    number = op.create_table(
        "revision",
        sa.Column("singleton", sa.Integer, sa.CheckConstraint("singleton = 1"), primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(number, [{"singleton": 1, "epoch": secrets.token_hex(4), "n": 0}])
    op.create_table(
        "entity",
        sa.Column("type", text, primary_key=True),
        sa.Column("id", text, primary_key=True),
        sa.Column("attributes", document, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entity_parent",
        sa.Column("type", text, primary_key=True),
        sa.Column("id", text, primary_key=True),
        sa.Column("parent_type", text, primary_key=True),
        sa.Column("parent_id", text, primary_key=True),
        sa.ForeignKeyConstraint(["type", "id"], ["entity.type", "entity.id"], ondelete="CASCADE"),
        # An import may name a parent that stands further down the file.
        sa.ForeignKeyConstraint(
            ["parent_type", "parent_id"], ["entity.type", "entity.id"], deferrable=True, initially="DEFERRED"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("entity_parent_children", "entity_parent", ["parent_type", "parent_id"])
    op.create_table(
        "role_assignment",
        sa.Column("subject_type", text, primary_key=True),
        sa.Column("subject_id", text, primary_key=True),
        sa.Column("role", text, primary_key=True),
        sa.Column("place_type", text, primary_key=True),
        sa.Column("place_id", text, primary_key=True),
        sa.Column("expires_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("role_assignment_places", "role_assignment", ["place_type", "place_id"])
    op.create_table(
        "relation_link",
        sa.Column("resource_type", text, primary_key=True),
        sa.Column("resource_id", text, primary_key=True),
        sa.Column("relation", text, primary_key=True),
        sa.Column("subject_type", text, primary_key=True),
        sa.Column("subject_id", text, primary_key=True),
        sa.Column("expires_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("relation_link_subjects", "relation_link", ["subject_type", "subject_id"])
