"""Create assignments."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "assignments",
        sa.Column("reservation_id", BigId, nullable=False),
        sa.Column("dining_table_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dining_table_id"],
            ["dining_tables.id"],
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservations.id"],
        ),
        sa.PrimaryKeyConstraint("reservation_id", "dining_table_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_assignments_table", "assignments", ["dining_table_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("assignments")
