"""Add dining_tables.walk_in: tables for walk-ins only."""

import sqlalchemy as sa
from alembic import op

revision = "0105"
down_revision = "0104"


def upgrade() -> None:
    """Add it."""
    op.add_column(
        "dining_tables",
        sa.Column("walk_in", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("dining_tables", "walk_in")
