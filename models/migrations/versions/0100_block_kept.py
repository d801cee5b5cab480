"""Create block_kept: parties that keep a table which was blocked under them."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId

revision = "0100"
down_revision = "0099"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "block_kept",
        sa.Column("block_id", BigId, autoincrement=False, nullable=False),
        sa.Column("reservation_id", BigId, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("block_id", "reservation_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("block_kept")
