"""Create files."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import digest

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "files",
        sa.Column("restaurant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", digest(32), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("restaurant_id", "sha256"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("files")
