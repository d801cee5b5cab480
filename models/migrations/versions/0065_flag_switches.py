"""Create flag_switches."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0065"
down_revision = "0047"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "flag_switches",
        sa.Column("flag", sa.String(length=40), nullable=False),
        sa.Column("restaurant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("is_killed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("flag", "restaurant_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("flag_switches")
