"""Add shift_days.messages_forgotten_at."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Add the column."""
    op.add_column("shift_days", sa.Column("messages_forgotten_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("shift_days", "messages_forgotten_at")
