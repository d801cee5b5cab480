"""Create combination_tables."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "combination_tables",
        sa.Column("combination_id", sa.Integer(), nullable=False),
        sa.Column("dining_table_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["combination_id"],
            ["combinations.id"],
        ),
        sa.ForeignKeyConstraint(
            ["dining_table_id"],
            ["dining_tables.id"],
        ),
        sa.PrimaryKeyConstraint("combination_id", "dining_table_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("combination_tables")
