"""Create book_limits: online booking that a host stopped or limited, and books closed tonight."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0106"
down_revision = "0105"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "book_limits",
        sa.Column("book_id", BigId, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("from_quarter", sa.Integer(), nullable=False),
        sa.Column("covers", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(120), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "kind"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("book_limits")
