"""Add reservations.approve_by: until when the staff have to approve it."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0117"
down_revision = "0116"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("approve_by", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "approve_by")
