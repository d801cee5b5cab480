"""Add reservations.turn_minutes: the length of its turn that the staff chose."""

import sqlalchemy as sa
from alembic import op

revision = "0121"
down_revision = "0120"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("turn_minutes", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "turn_minutes")
