"""Create promotions: which server became the primary, and which is the newest."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0091"
down_revision = "0090"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "promotions",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("server", sa.String(255), nullable=False),
        sa.Column("promoted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("promotions")
