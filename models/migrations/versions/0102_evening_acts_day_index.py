"""Index evening_acts by day."""

from alembic import op

revision = "0102"
down_revision = "0101"


def upgrade() -> None:
    """Create it."""
    op.create_index("ix_evening_acts_day", "evening_acts", ["restaurant_id", "service_date"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_evening_acts_day", "evening_acts")
