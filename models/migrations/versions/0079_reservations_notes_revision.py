"""Add reservations.notes_revision: NULL where there was one note for guest and staff."""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("notes_revision", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "notes_revision")
