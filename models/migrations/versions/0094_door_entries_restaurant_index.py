"""Index door_entries by restaurant: the list of an evening is read from there."""

from alembic import op

revision = "0094"
down_revision = "0093"


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_door_entries_restaurant", "door_entries", ["restaurant_id", "joined_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_door_entries_restaurant", "door_entries")
