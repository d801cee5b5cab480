"""Create guest_notes: the staff's notes about guests."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime

revision = "0113"
down_revision = "0112"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "guest_notes",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("guest_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_guest_notes_guest", "guest_notes", ["guest_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("guest_notes")
