"""Create reservation_changes."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "reservation_changes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("reservation_id", BigId, nullable=False),
        sa.Column("book_id", BigId, nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=True),
        sa.Column("by_staff", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("alternatives", sa.JSON(), nullable=True),
        sa.Column("awaited", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["area_id"],
            ["areas.id"],
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservations.id"],
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_reservation_changes_reservation", "reservation_changes", ["reservation_id"])
    op.create_index(
        "ix_reservation_changes_status", "reservation_changes", ["status", "restaurant_id"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("reservation_changes")
