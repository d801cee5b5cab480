"""One change of a reservation, whatever it names: the API's PATCH and the manage page."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.core.errors import Invalid
from models.operations.books import lock_reservation
from models.operations.changes import change_reservation, edit_details
from models.queries.floor import house_by_id
from models.rules.requests import GuestDetails
from web.access import Visitor
from web.schemas.fields import to_e164
from web.schemas.requests import GuestPatch, ReservationPatch


def apply_patch(
    session: Session,
    reservation_id: int,
    *,
    patch: ReservationPatch,
    visitor: Visitor,
    if_revision: int | None,
    awaited: bool,
    now: datetime,
) -> int | None:
    """Write the details and the wish; the wish's id, or None when nothing has to be decided.

    In one transaction, so that `if_revision` holds for both. Raises Invalid, StateConflict,
    RevisionConflict, NotFound.
    """
    if patch.staff_note is not None and not visitor.by_staff:
        raise Invalid.field("staff_note", "is for the staff alone")
    change_id = None
    wish = patch.table_change
    if wish is not None:
        change_id = change_reservation(
            session,
            reservation_id,
            change=wish,
            now=now,
            actor=visitor.actor,
            by_staff=visitor.by_staff,
            if_revision=if_revision,
            awaited=awaited,
        )
    if any(each is not None for each in (patch.note, patch.staff_note, patch.guest)):
        edit_details(
            session,
            reservation_id,
            note=patch.note,
            staff_note=patch.staff_note,
            guest=_edited_guest(session, reservation_id, patch.guest, visitor),
            now=now,
            actor=visitor.actor,
            if_revision=if_revision,
        )
    return change_id


def _edited_guest(
    session: Session, reservation_id: int, patch: GuestPatch | None, visitor: Visitor
) -> GuestDetails | None:
    """The guest as written down, with what the patch names laid over."""
    if patch is None:
        return None
    row = lock_reservation(session, reservation_id)
    known, given = row.guest, patch.model_dump(exclude_unset=True)
    if given.get("phone") is not None:
        given["phone"] = to_e164(given["phone"], house_by_id(session, row.restaurant_id).phone)
    edited = GuestDetails(
        name=given.get("name", known.name),
        email=given.get("email", known.email),
        phone=given.get("phone", known.phone),
        locale=given.get("locale", row.guest_locale),
    )
    if not visitor.by_staff and not (edited.email or edited.phone):
        raise Invalid.field("guest", "needs an email or a phone")
    return edited
