"""Create door_entries: the parties on the list at the door."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0093"
down_revision = "0092"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "door_entries",
        sa.Column("reservation_id", BigId, autoincrement=False, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.Column("by_guest", sa.Boolean(), nullable=False),
        sa.Column("place_at", UtcDateTime(), nullable=False),
        sa.Column("quoted_low", sa.Integer(), nullable=True),
        sa.Column("quoted_high", sa.Integer(), nullable=True),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.Column("ready_until", UtcDateTime(), nullable=True),
        sa.Column("ready_tables", sa.JSON(), nullable=True),
        sa.Column("ready_revision", sa.Integer(), nullable=True),
        sa.Column("missed_at", UtcDateTime(), nullable=True),
        sa.Column("served_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("reservation_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("door_entries")
