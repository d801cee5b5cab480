"""Index reservations.approve_by: the clock asks for those whose time is over."""

from alembic import op

revision = "0118"
down_revision = "0117"


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_reservations_approve_by", "reservations", ["approve_by"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_reservations_approve_by", "reservations")
