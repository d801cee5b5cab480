"""Create seated_tables."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId

revision = "0072"
down_revision = "0071"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "seated_tables",
        sa.Column("dining_table_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reservation_id", BigId, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dining_table_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_seated_tables_restaurant", "seated_tables", ["restaurant_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("seated_tables")
