"""Create blocked_tables: the tables that are blocked, and when."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId

revision = "0098"
down_revision = "0097"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "blocked_tables",
        sa.Column("dining_table_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block_id", BigId, autoincrement=False, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("first_quarter", sa.Integer(), nullable=False),
        sa.Column("last_quarter", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dining_table_id", "block_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("blocked_tables")
