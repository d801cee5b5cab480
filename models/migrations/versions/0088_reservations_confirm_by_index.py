"""Index reservations.confirm_by: the clock asks for those whose time is over."""

from alembic import op

revision = "0088"
down_revision = "0087"


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_reservations_confirm_by", "reservations", ["confirm_by"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_reservations_confirm_by", "reservations")
