"""Add reservations.link_secret: no reservation of before has one."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import digest

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("link_secret", digest(8), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "link_secret")
