"""Create guest_contacts: which contact belongs to which guest."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId, digest

revision = "0111"
down_revision = "0110"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "guest_contacts",
        sa.Column("contact", digest(16), nullable=False),
        sa.Column("restaurant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("guest_id", BigId, nullable=False),
        sa.Column("filed_id", BigId, nullable=False),
        sa.Column("digits_key", digest(8), nullable=True),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("contact", "restaurant_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_guest_contacts_digits", "guest_contacts", ["restaurant_id", "digits_key"])
    op.create_index("ix_guest_contacts_guest", "guest_contacts", ["guest_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("guest_contacts")
