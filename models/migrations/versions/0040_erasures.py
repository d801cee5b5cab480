"""Create erasures."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime, digest

revision = "0040"
down_revision = "0028"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "erasures",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("contact", digest(16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_erasures_contact", "erasures", ["contact", "restaurant_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("erasures")
