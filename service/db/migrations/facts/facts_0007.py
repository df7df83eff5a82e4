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
