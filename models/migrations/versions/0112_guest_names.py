"""Create guest_names: the index of guests' names."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, digest

revision = "0112"
down_revision = "0111"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "guest_names",
        sa.Column("restaurant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("word_key", digest(8), nullable=False),
        sa.Column("guest_id", BigId, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "word_key", "guest_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_guest_names_guest", "guest_names", ["guest_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("guest_names")
