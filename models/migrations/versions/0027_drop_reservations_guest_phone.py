"""Drop reservations.guest_phone: it is in guest_sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("reservations", "guest_phone")


def downgrade() -> None:
    """Add it, empty until 0023 opens the guests again."""
    op.add_column("reservations", sa.Column("guest_phone", sa.String(length=20), nullable=True))
