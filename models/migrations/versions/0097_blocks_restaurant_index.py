"""Index blocks by restaurant: those of a day are read for its book."""

from alembic import op

revision = "0097"
down_revision = "0096"


def upgrade() -> None:
    """Create it."""
    op.create_index("ix_blocks_restaurant", "blocks", ["restaurant_id", "last_quarter"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_blocks_restaurant", "blocks")
