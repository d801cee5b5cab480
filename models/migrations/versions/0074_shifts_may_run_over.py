"""Add shifts.may_run_over: until now the last turns did."""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    """Add it."""
    op.add_column(
        "shifts",
        sa.Column("may_run_over", sa.Boolean(), nullable=False, server_default=sa.true()),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("shifts", "may_run_over")
