"""Signs of tampering in submissions, and what people decided about them."""

import sqlalchemy as sa
from alembic import op
from hpcampus_grading.tables import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = depends_on = None


def upgrade() -> None:
    """Add the table; what is there stays as it is."""
    op.create_table(
        "integrity_flags",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "submission_id", sa.String(32), sa.ForeignKey("submissions.id"), nullable=False, index=True
        ),
        sa.Column("notebook", sa.String(128), nullable=False),
        sa.Column("cell", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("raised_at", UtcDateTime, nullable=False),
        sa.Column("verdict", sa.String(16)),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.String(128)),
        sa.Column("decided_at", UtcDateTime),
        sa.UniqueConstraint("submission_id", "notebook", "cell", "kind"),
    )


def downgrade() -> None:
    """Refuse: people decided about them."""
    raise RuntimeError("Signs of tampering can't be forgotten. Restore a backup instead.")
