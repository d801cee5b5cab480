"""Add messages.recipient_sealed: a contact that the reservation has no more, told once."""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"


def upgrade() -> None:
    """Add it."""
    op.add_column("messages", sa.Column("recipient_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("messages", "recipient_sealed")
