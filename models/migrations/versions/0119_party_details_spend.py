"""Add what a party spent, in hundredths of the restaurant's currency."""

import sqlalchemy as sa
from alembic import op

revision = "0119"
down_revision = "0118"


def upgrade() -> None:
    """Add the column."""
    op.add_column("party_details", sa.Column("spend", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("party_details", "spend")
