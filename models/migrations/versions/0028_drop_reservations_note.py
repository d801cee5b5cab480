"""Drop reservations.note: it is in guest_sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("reservations", "note")


def downgrade() -> None:
    """Add it, empty until 0023 opens the guests again."""
    op.add_column("reservations", sa.Column("note", sa.Text(), nullable=True))
