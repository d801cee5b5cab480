"""Add reservations.tables_chosen: whether the staff chose the tables, or the decision did."""

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"


def upgrade() -> None:
    """Add it."""
    op.add_column("reservations", sa.Column("tables_chosen", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "tables_chosen")
