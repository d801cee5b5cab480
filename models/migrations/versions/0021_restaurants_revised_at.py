"""Add restaurants.revised_at."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the column."""
    op.add_column("restaurants", sa.Column("revised_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("restaurants", "revised_at")
