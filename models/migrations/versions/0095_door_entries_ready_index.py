"""Index door_entries.ready_until: the clock asks for the parties that did not come in time."""

from alembic import op

revision = "0095"
down_revision = "0094"


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_door_entries_ready", "door_entries", ["ready_until"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_door_entries_ready", "door_entries")
