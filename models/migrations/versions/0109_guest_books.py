"""Create guest_books: the lock of each restaurant's guest book."""

import sqlalchemy as sa
from alembic import op

revision = "0109"
down_revision = "0108"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "guest_books",
        sa.Column("restaurant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("guest_books")
