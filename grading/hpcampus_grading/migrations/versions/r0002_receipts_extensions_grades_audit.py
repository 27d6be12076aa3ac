"""Signed receipts, individual extensions, recorded grades, and the audit log."""

import sqlalchemy as sa
from alembic import op
from hpcampus_grading.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = depends_on = None


def upgrade() -> None:
    """Add them; what is there stays as it is."""
    for column in (
        sa.Column("sent_at", UtcDateTime),
        sa.Column("due", UtcDateTime),
        sa.Column("percent_off", sa.Double),
        sa.Column("key", sa.String(64)),
        sa.Column("audit_hash", sa.String(64)),
        sa.Column("signed_with", sa.String(16)),
        sa.Column("signature", sa.String(128)),
    ):
        op.add_column("submissions", column)
    op.create_index(
        "one_submission_a_key", "submissions", ["course", "assignment", "learner", "key"], unique=True
    )
    _extensions()
    _grades()
    _audit()


def _extensions() -> None:
    op.create_table(
        "extensions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("course", sa.String(64), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("learner", sa.String(128), nullable=False),
        sa.Column("due", UtcDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("granted_by", sa.String(128), nullable=False),
        sa.Column("granted_at", UtcDateTime, nullable=False),
    )
    op.create_index("extensions_of_an_assignment", "extensions", ["course", "assignment", "learner"])


def _grades() -> None:
    op.create_table(
        "grades",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "submission_id", sa.String(32), sa.ForeignKey("submissions.id"), nullable=False, index=True
        ),
        sa.Column("grade", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("course", sa.String(64), nullable=False, index=True),
        sa.Column("body", sa.Text),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Refuse: receipts were given and grades were changed, and this would forget it."""
    raise RuntimeError("The audit log can't be taken back. Restore a backup instead.")
