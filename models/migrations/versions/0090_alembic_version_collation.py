"""Name the collation of alembic_version: a server's own default may be unknown to the next one."""

from alembic import context, op

revision = "0090"
down_revision = "0089"


def upgrade() -> None:
    """Give it the collation of all other tables; SQLite has none."""
    if context.get_context().dialect.name != "sqlite":
        op.execute(
            "ALTER TABLE alembic_version CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )


def downgrade() -> None:
    """What any code reads alike stays."""
