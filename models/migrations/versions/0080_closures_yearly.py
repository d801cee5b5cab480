"""Add closures.yearly: that day of every year."""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"


def upgrade() -> None:
    """Add it."""
    op.add_column(
        "closures", sa.Column("yearly", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("closures", "yearly")
