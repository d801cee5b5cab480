"""Add dining_tables.plan: where the floor plan draws the table."""

import sqlalchemy as sa
from alembic import op

revision = "0120"
down_revision = "0119"


def upgrade() -> None:
    """Add it."""
    op.add_column("dining_tables", sa.Column("plan", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("dining_tables", "plan")
