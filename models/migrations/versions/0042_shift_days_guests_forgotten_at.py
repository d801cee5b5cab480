"""Add shift_days.guests_forgotten_at."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Add the column."""
    op.add_column("shift_days", sa.Column("guests_forgotten_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("shift_days", "guests_forgotten_at")
