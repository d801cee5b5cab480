"""Add reservations.told_offset: the wall time that a guest was told, beside the instant."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("told_offset", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "told_offset")
