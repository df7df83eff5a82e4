"""Makes the index of the records on PostgreSQL whose ids name another time than their own."""

from alembic import op

revision = "log_0007"
down_revision = "log_0006"
branch_labels = None
depends_on = None

_IS_STRAY = (
    "(abs(time - CAST(CAST('x0000' || left(replace(CAST(id AS text), '-', ''), 12) AS bit(64)) AS bigint)) > 60000)"
)


def upgrade() -> None:
    """Makes the index."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE INDEX decision_strays ON decision (time) WHERE {_IS_STRAY}")
