"""What the guest book knows of the guests of a day, for who may find guests."""

from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.book.shapes import BookView
from models.queries.guest_book.parties import KnownGuest, guests_of_parties
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import ENDED
from models.rules.restaurant.restaurant import RestaurantSpec


def known_guests(
    restaurant: RestaurantSpec, caller: Caller, view: BookView
) -> dict[int, KnownGuest]:
    """Return what the guest book knows of the guests of the parties that are here or to come.

    One query; none for an account that may not find guests.
    """
    if not caller.has(restaurant.id, Permission.FIND_GUESTS):
        return {}
    shown = [row.id for row in view.reservations if row.status not in ENDED]
    with reading() as session:
        return guests_of_parties(session, shown)
