"""Add reservations.guest_sealed, empty as yet."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column."""
    op.add_column("reservations", sa.Column("guest_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "guest_sealed")
