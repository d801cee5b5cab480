"""Drop reservations.guest_email: it is in guest_sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("reservations", "guest_email")


def downgrade() -> None:
    """Add it, empty until 0023 opens the guests again."""
    op.add_column("reservations", sa.Column("guest_email", sa.String(length=254), nullable=True))
