"""What was sent to learning platforms."""

import sqlalchemy as sa
from alembic import op
from hpcampus_grading.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sent_grades",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("course", sa.String(64), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("learner", sa.String(128), nullable=False),
        sa.Column("line_item", sa.Text, nullable=False),
        sa.Column(
            "submission_id", sa.String(32), sa.ForeignKey("submissions.id"), nullable=False, index=True
        ),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("max_score", sa.Double, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("sent_by", sa.String(128), nullable=False),
        sa.Column("sent_at", UtcDateTime, nullable=False),
    )
    op.create_index("sent_grades_of_a_learner", "sent_grades", ["course", "assignment", "learner"])


def downgrade() -> None:
    """Refuse: scores were sent, and they would be sent again."""
    raise RuntimeError("What was sent can't be forgotten. Restore a backup instead.")
