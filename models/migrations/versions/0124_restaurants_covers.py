"""Add restaurants.covers: the most covers in the restaurant, of a restaurant without tables."""

import sqlalchemy as sa
from alembic import op

revision = "0124"
down_revision = "0123"


def upgrade() -> None:
    """Add it."""
    op.add_column("restaurants", sa.Column("covers", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("restaurants", "covers")
