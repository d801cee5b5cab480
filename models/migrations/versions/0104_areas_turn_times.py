"""Add areas.turn_times: the turn times of an area."""

import sqlalchemy as sa
from alembic import op

revision = "0104"
down_revision = "0103"


def upgrade() -> None:
    """Add it."""
    op.add_column("areas", sa.Column("turn_times", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("areas", "turn_times")
