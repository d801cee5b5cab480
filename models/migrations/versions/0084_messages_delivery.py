"""Add messages.delivery: the provider's last word on a text."""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"


def upgrade() -> None:
    """Add it."""
    op.add_column("messages", sa.Column("delivery", sa.String(16), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("messages", "delivery")
