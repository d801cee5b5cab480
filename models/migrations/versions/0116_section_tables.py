"""Create section_tables: the tables of each server, book by book."""

import sqlalchemy as sa
from alembic import op

from models.core.database.types import BigId

revision = "0116"
down_revision = "0115"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "section_tables",
        sa.Column("book_id", BigId, autoincrement=False, nullable=False),
        sa.Column("dining_table_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("restaurant_id", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "dining_table_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("section_tables")
