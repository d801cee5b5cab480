"""Create guests: the records of the guest book."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0110"
down_revision = "0109"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "guests",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(12), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("profile_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("vip", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("blocked_at", UtcDateTime(), nullable=True),
        sa.Column("merged_into", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_guests_merged_into", "guests", ["merged_into"])
    op.create_index("ix_guests_restaurant", "guests", ["restaurant_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("guests")
