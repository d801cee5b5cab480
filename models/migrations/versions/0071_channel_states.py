"""Create channel_states: which channels are down, since when and why."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "channel_states",
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("down_since", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(255), nullable=True),
        sa.Column("probe_at", UtcDateTime(), nullable=True),
        sa.Column("suspects", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("channel"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("channel_states")
