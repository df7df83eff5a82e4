"""Adds the columns of trace, peer and evidence, and the tables of missing inputs and of attributes to find by."""

import json

import sqlalchemy as sa
from alembic import op

revision = "log_0004"
down_revision = "log_0003"
branch_labels = None
depends_on = None

_PAGE = 1000
_COLUMNS = ("trace_id", "peer", "caller_evidence", "caller_issuer", "caller_credential", "principal_evidence")
_INDEXED = ("trace_id", "peer", "caller_credential")


def upgrade() -> None:
    """Makes them, and finds the missing inputs of the records that there are."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    key = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")
    for name in _COLUMNS:
        op.add_column("decision", sa.Column(name, text))
    for name in _INDEXED:
        is_told = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"decision_{name}s", "decision", [name, "id"], sqlite_where=is_told, postgresql_where=is_told)
    op.create_table(
        "decision_missing",
        sa.Column("path", text, primary_key=True),
        sa.Column("decision_id", key, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("decision_missing_decisions", "decision_missing", ["decision_id"])
    op.create_table(
        "decision_attribute",
        sa.Column("path", text, primary_key=True),
        sa.Column("value", text, primary_key=True),
        sa.Column("decision_id", key, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("decision_attribute_decisions", "decision_attribute", ["decision_id"])
    _find_missing(key)


def _find_missing(key: "sa.types.TypeEngine[str]") -> None:
    """Adds the rows of older records, a page at a time. In Python, for a body may hold what SQL's JSON does not."""
    connection = op.get_bind()
    decision = sa.table("decision", sa.column("id", key), sa.column("body", sa.Text))
    missing = sa.table("decision_missing", sa.column("path", sa.Text), sa.column("decision_id", key))
    lacking = sa.select(decision).where(decision.c.body.not_like('%"missing":[]%')).order_by(decision.c.id)
    after: str | None = None
    while True:
        query = lacking if after is None else lacking.where(decision.c.id > after)
        page = connection.execute(query.limit(_PAGE)).all()
        rows = [
            {"path": path, "decision_id": id_}
            for id_, body in page
            for path in dict.fromkeys(gap[0][:256].replace("\0", "\ufffd") for gap in json.loads(body)["missing"])
        ]
        if rows:
            connection.execute(missing.insert(), rows)
        if len(page) < _PAGE:
            return
        after = page[-1][0]
