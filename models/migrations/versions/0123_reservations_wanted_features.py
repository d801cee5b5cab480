"""Add reservations.wanted_features: the features of tables that its guest needs or wishes for."""

import sqlalchemy as sa
from alembic import op

revision = "0123"
down_revision = "0122"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("wanted_features", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "wanted_features")
