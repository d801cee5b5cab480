"""Add reservations.email_proved_at: since when whom we write to is known to have it."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0082"
down_revision = "0081"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("email_proved_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "email_proved_at")
