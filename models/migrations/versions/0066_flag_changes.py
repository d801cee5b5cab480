"""Create flag_changes."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "flag_changes",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("flag", sa.String(length=40), nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("is_killed", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_flag_changes_flag", "flag_changes", ["flag", "restaurant_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("flag_changes")
