"""Create party_details: what the stand knows of a party beyond its reservation."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0108"
down_revision = "0107"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "party_details",
        sa.Column("reservation_id", BigId, autoincrement=False, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("expected_at", UtcDateTime(), nullable=True),
        sa.Column("arrived_covers", sa.Integer(), nullable=True),
        sa.Column("vip", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("details_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("reservation_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("party_details")
