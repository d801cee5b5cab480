"""Add restaurants.day_rules: pacing of single dates, and areas closed for some days."""

import sqlalchemy as sa
from alembic import op

revision = "0103"
down_revision = "0102"


def upgrade() -> None:
    """Add it."""
    op.add_column("restaurants", sa.Column("day_rules", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("restaurants", "day_rules")
