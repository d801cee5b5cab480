"""Add reservations.staff_note_sealed: what the staff keep for themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("staff_note_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "staff_note_sealed")
