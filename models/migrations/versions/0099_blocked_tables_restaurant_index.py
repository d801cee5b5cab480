"""Index blocked_tables by restaurant: every decision reads those of its hours."""

from alembic import op

revision = "0099"
down_revision = "0098"


def upgrade() -> None:
    """Create it."""
    op.create_index(
        "ix_blocked_tables_restaurant", "blocked_tables", ["restaurant_id", "last_quarter"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_blocked_tables_restaurant", "blocked_tables")
