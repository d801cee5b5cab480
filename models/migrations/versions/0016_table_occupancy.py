"""Create table_occupancy."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "table_occupancy",
        sa.Column("dining_table_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("quarter_hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reservation_id", BigId, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dining_table_id", "quarter_hour"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_table_occupancy_restaurant", "table_occupancy", ["restaurant_id", "quarter_hour"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("table_occupancy")
