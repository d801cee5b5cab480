"""Add when the staff lifted the limit of no-shows for a guest."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0115"
down_revision = "0114"


def upgrade() -> None:
    """Add the column."""
    op.add_column("guests", sa.Column("limit_lifted_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("guests", "limit_lifted_at")
