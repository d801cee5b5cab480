"""Add reservations.tables_locked: the host locked the party to its tables."""

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0106"


def upgrade() -> None:
    """Add it."""
    op.add_column(
        "reservations",
        sa.Column("tables_locked", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("reservations", "tables_locked")
