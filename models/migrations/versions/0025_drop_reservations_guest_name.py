"""Drop reservations.guest_name: it is in guest_sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("reservations", "guest_name")


def downgrade() -> None:
    """Add it, empty until 0023 opens the guests again."""
    op.add_column("reservations", sa.Column("guest_name", sa.String(length=120), nullable=True))
