"""Add reservation_changes.answered_revision: which message is about which wish."""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"


def upgrade() -> None:
    """Add it."""
    op.add_column(
        "reservation_changes", sa.Column("answered_revision", sa.Integer(), nullable=True)
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservation_changes", "answered_revision")
