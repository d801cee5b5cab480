"""Seal the guests that are there already. Begun again, it goes on where it was."""

import sqlalchemy as sa
from alembic import op

from models.entities.sealed_guest import Guest, open_guest, seal_guest

revision = "0023"
down_revision = "0022"

_BATCH = 1_000
_ROWS = sa.table(
    "reservations",
    sa.column("id", sa.BigInteger()),
    sa.column("reference", sa.String()),
    sa.column("guest_sealed", sa.LargeBinary()),
    sa.column("guest_name", sa.String()),
    sa.column("guest_email", sa.String()),
    sa.column("guest_phone", sa.String()),
    sa.column("note", sa.Text()),
)
_CHANGE = sa.update(_ROWS).where(_ROWS.c.id == sa.bindparam("row"))


def upgrade() -> None:
    """Seal, a batch at a time."""
    bind = op.get_bind()
    todo = sa.select(_ROWS).where(_ROWS.c.guest_sealed.is_(None)).limit(_BATCH)
    while rows := bind.execute(todo).all():
        sealed = [
            {
                "row": row.id,
                "guest_sealed": seal_guest(
                    Guest(row.guest_name, row.guest_email, row.guest_phone, row.note),
                    reference=row.reference,
                ),
            }
            for row in rows
        ]
        bind.execute(_CHANGE.values(guest_sealed=sa.bindparam("guest_sealed")), sealed)


def downgrade() -> None:
    """Open them all again."""
    last = 0
    query = sa.select(_ROWS).where(_ROWS.c.guest_sealed.is_not(None)).order_by(_ROWS.c.id)
    while rows := op.get_bind().execute(query.where(_ROWS.c.id > last).limit(_BATCH)).all():
        guests = [(row.id, open_guest(row.guest_sealed, reference=row.reference)) for row in rows]
        op.get_bind().execute(
            _CHANGE.values(
                guest_name=sa.bindparam("name"),
                guest_email=sa.bindparam("email"),
                guest_phone=sa.bindparam("phone"),
                note=sa.bindparam("text"),
            ),
            [
                {
                    "row": number,
                    "name": guest.name,
                    "email": guest.email,
                    "phone": guest.phone,
                    "text": guest.note,
                }
                for number, guest in guests
            ],
        )
        last = rows[-1].id
