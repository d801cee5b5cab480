"""Add reservations.phone_proved_at: since when whom we write to is known to have it."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0083"
down_revision = "0082"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("phone_proved_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "phone_proved_at")
