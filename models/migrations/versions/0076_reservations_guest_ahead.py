"""Add reservations.guest_ahead: the guest's own revision beside the row's."""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"


def upgrade() -> None:
    """Add it."""
    op.add_column(
        "reservations", sa.Column("guest_ahead", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "guest_ahead")
