"""Create reservations."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, UtcDateTime, digest

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "reservations",
        sa.Column("id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("book_id", BigId, nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=True),
        sa.Column("waitlist", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("pacing_forced", sa.Boolean(), nullable=False),
        sa.Column("guest_name", sa.String(length=120), nullable=False),
        sa.Column("guest_email", sa.String(length=254), nullable=True),
        sa.Column("guest_phone", sa.String(length=20), nullable=True),
        sa.Column("guest_locale", sa.String(length=16), nullable=False),
        sa.Column("email_key", digest(16), nullable=True),
        sa.Column("phone_key", digest(16), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("alternatives", sa.JSON(), nullable=True),
        sa.Column("awaited", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("arrived_at", UtcDateTime(), nullable=True),
        sa.Column("seated_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("terms", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_reservations_book", "reservations", ["book_id", "status"])
    op.create_index("ix_reservations_email_key", "reservations", ["email_key"])
    op.create_index("ix_reservations_phone_key", "reservations", ["phone_key"])
    op.create_index(
        "ix_reservations_status",
        "reservations",
        ["status", "starts_at", "restaurant_id", "book_id"],
    )
    op.create_index("uq_reservations_reference", "reservations", ["reference"], unique=True)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("reservations")
