"""Makes attributes searchable on PostgreSQL, and has changes say in whose tenants they are."""

import sqlalchemy as sa
from alembic import op

revision = "facts_0007"
down_revision = "facts_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the index; changes from before the column are of no known tenant, which only global readers see."""
    op.add_column("change", sa.Column("tenants", sa.Text))
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "entity_attributes",
            "entity",
            ["attributes"],
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
        )
        # How rare a value is, the planner estimates by the documents in its histogram: among a hundred of them one of a
        # thousand either is not, or looks ten times as common as it is, and the page is read in the order of the ids.
        op.execute("ALTER TABLE entity ALTER COLUMN attributes SET STATISTICS 1000")
