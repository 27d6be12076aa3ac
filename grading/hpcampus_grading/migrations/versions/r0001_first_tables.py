"""Releases, submissions and feedback."""

import sqlalchemy as sa
from alembic import op
from hpcampus_grading.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = depends_on = None


def upgrade() -> None:
    """Make the tables; a database from before there were migrations has them already."""
    if sa.inspect(op.get_bind()).has_table("submissions"):
        return
    op.create_table(
        "releases",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("course", sa.String(64), nullable=False, index=True),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("source_sha256", sa.String(64)),
        sa.Column("released_by", sa.String(128), nullable=False),
        sa.Column("released_at", UtcDateTime, nullable=False),
        sa.Column("withdrawn_at", UtcDateTime),
        *_archived(),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("course", sa.String(64), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("learner", sa.String(128), nullable=False, index=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("late_seconds", sa.Integer),
        *_archived(),
        sa.UniqueConstraint("course", "assignment", "learner", "attempt"),
    )
    op.create_table(
        "feedback",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column(
            "submission_id", sa.String(32), sa.ForeignKey("submissions.id"), nullable=False, index=True
        ),
        sa.Column("released_by", sa.String(128), nullable=False),
        sa.Column("released_at", UtcDateTime, nullable=False),
        *_archived(),
    )


def _archived() -> list[sa.Column[object]]:
    return [
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
    ]


def downgrade() -> None:
    """Refuse: submissions are never removed."""
    raise RuntimeError("There is nothing before the first tables. Restore a backup instead.")
