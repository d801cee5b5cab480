"""Create processes: who is there, by which clock and which zone data."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0085"
down_revision = "0084"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "processes",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("clock_ms", sa.Integer(), nullable=True),
        sa.Column("zone_data", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("processes")
