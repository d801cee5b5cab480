"""Every reservation has its sealed guest."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Allow no empty one."""
    with op.batch_alter_table("reservations") as table:
        table.alter_column("guest_sealed", existing_type=sa.LargeBinary(), nullable=False)


def downgrade() -> None:
    """Allow empty ones."""
    with op.batch_alter_table("reservations") as table:
        table.alter_column("guest_sealed", existing_type=sa.LargeBinary(), nullable=True)
