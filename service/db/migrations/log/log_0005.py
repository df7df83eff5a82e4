"""Partitions the records by their ids on PostgreSQL; those that there are become the first partition."""

import time

from alembic import op

from service.db.log_partitioning import partition

revision = "log_0005"
down_revision = "log_0004"
branch_labels = None
depends_on = None

_KEYS = {
    "decision": "id",
    "decision_rule": "decision_id",
    "decision_missing": "decision_id",
    "decision_attribute": "decision_id",
}


def upgrade() -> None:
    """Partitions the tables, which are otherwise as they were."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        partition(connection, _KEYS, now=time.time_ns() // 1_000_000)
