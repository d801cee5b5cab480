"""Add dining_tables.features: what it offers, such as step-free."""

import sqlalchemy as sa
from alembic import op

revision = "0122"
down_revision = "0121"


def upgrade() -> None:
    """Add it."""
    op.add_column("dining_tables", sa.Column("features", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("dining_tables", "features")
