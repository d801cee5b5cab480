"""Create guest_events: the history of guest records."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0114"
down_revision = "0113"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "guest_events",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("guest_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_guest_events_guest", "guest_events", ["guest_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("guest_events")
