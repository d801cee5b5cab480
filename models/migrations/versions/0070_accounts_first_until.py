"""Add accounts.first_until: no password of before was made up."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import UtcDateTime

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    """Add it."""
    op.add_column("accounts", sa.Column("first_until", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("accounts", "first_until")
