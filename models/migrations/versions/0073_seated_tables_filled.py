"""Write down who sits where already. Of two parties at one table, the one that came last."""

from alembic import op

revision = "0073"
down_revision = "0072"


def upgrade() -> None:
    """Fill it; begun again, with what is lacking."""
    op.execute(
        "INSERT INTO seated_tables (dining_table_id, reservation_id, restaurant_id) "
        "SELECT given.dining_table_id, MAX(party.id), MAX(party.restaurant_id) "
        "FROM reservations AS party "
        "JOIN assignments AS given ON given.reservation_id = party.id "
        "WHERE party.status = 'seated' AND NOT EXISTS (SELECT 1 FROM seated_tables AS known "
        "WHERE known.dining_table_id = given.dining_table_id) GROUP BY given.dining_table_id"
    )


def downgrade() -> None:
    """Empty it."""
    op.execute("DELETE FROM seated_tables")
