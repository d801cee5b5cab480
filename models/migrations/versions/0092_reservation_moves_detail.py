"""Add reservation_moves.detail: what a verb of the stand did, beyond the two states."""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0091"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservation_moves", sa.Column("detail", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservation_moves", "detail")
