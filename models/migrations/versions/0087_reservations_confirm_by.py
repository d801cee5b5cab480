"""Add reservations.confirm_by: until when its guest has to confirm it by the link."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0087"
down_revision = "0086"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("confirm_by", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "confirm_by")
