"""Add reservations.forgotten_at."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Add the column."""
    op.add_column("reservations", sa.Column("forgotten_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "forgotten_at")
