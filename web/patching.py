"""Apply a patch to a reservation, for the API's PATCH and for the manage page."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from models.core.errors import Invalid
from models.operations.deciding.books import lock_reservation
from models.operations.reservations.changes import edit_details, request_change
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.party_details import edit_party
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableChange
from web.http.access import Visitor
from web.schemas.fields import to_e164
from web.schemas.patches import GuestPatch, ReservationPatch

#: the fields that a guest may not send
_STAFFS: Final = frozenset({"staff_note", "details", "notify", "turn_minutes", "needs", "wishes"})


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
    """Write the details and the change request.

    Returns the id of the change request, or None when nothing has to be decided. A change by staff
    is decided within this call. Everything is one transaction, so that `if_revision` holds for
    both parts. Raises Invalid, StateConflict, RevisionConflict, NotFound, NotSeated.
    """
    for name in _STAFFS & patch.model_fields_set:
        if not visitor.by_staff:
            raise Invalid.field(name, "is for staff only")
    change_id = None
    row = lock_reservation(session, reservation_id) if patch.table_change else None
    before = row and row.revision + row.guest_ahead
    if row is not None:
        change_id = _change(session, row.id, patch, visitor, if_revision, awaited, now)
        session.refresh(row)
        if row.revision + row.guest_ahead != before:
            if_revision = None  # already checked; this request has raised the revision since
    common: dict[str, Any] = {"now": now, "actor": visitor.actor}
    changes = patch.details.changes if patch.details else {}
    if changes and edit_party(
        session, reservation_id, changes=changes, if_revision=if_revision, **common
    ):
        if_revision = None
    if any(each is not None for each in (patch.note, patch.staff_note, patch.guest)):
        edit_details(
            session,
            reservation_id,
            note=patch.note,
            staff_note=patch.staff_note,
            guest=_edited_guest(session, reservation_id, patch.guest, visitor),
            by_staff=visitor.by_staff,
            if_revision=if_revision,
            **common,
        )
    return change_id


def _change(
    session: Session,
    reservation_id: int,
    patch: ReservationPatch,
    visitor: Visitor,
    if_revision: int | None,
    awaited: bool,
    now: datetime,
) -> int | None:
    change = patch.table_change or TableChange()
    common: dict[str, Any] = {"now": now, "actor": visitor.actor, "if_revision": if_revision}
    if not visitor.by_staff:
        return request_change(session, reservation_id, change=change, awaited=awaited, **common)
    change_by_staff(
        session, reservation_id, change=change, notify=patch.notify is not False, **common
    )
    return None


def _edited_guest(
    session: Session, reservation_id: int, patch: GuestPatch | None, visitor: Visitor
) -> GuestDetails | None:
    """Return the stored guest details, overlaid with the fields that the patch names."""
    if patch is None:
        return None
    row = lock_reservation(session, reservation_id)
    known, given = row.guest, patch.model_dump(exclude_unset=True)
    if given.get("phone") is not None:
        given["phone"] = to_e164(given["phone"], restaurant_by_id(session, row.restaurant_id).phone)
    edited = GuestDetails(
        name=given.get("name", known.name),
        email=given.get("email", known.email),
        phone=given.get("phone", known.phone),
        locale=given.get("locale", row.guest_locale),
    )
    if not visitor.by_staff and not (edited.email or edited.phone):
        raise Invalid.field("guest", "needs an email or a phone")
    return edited
