"""Guests of one restaurant, for its staff: find, export, erase; audit and consents."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.accounts.audit import note
from models.operations.guests.consents import say_consent
from models.operations.guests.privacy import erase_guest, give_out
from models.queries.accounts.accounts import Caller
from models.queries.accounts.audit import audit_of
from models.queries.guests.consents import ConsentView, consents_of_reservation
from models.queries.guests.search import FoundGuest, FoundReservation, find_guest
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.shapes import local_text
from web.api.stand.book_facts import message_facts
from web.http.access import Visitor, guest_or_staff, staff_at_restaurant
from web.http.json_body import json_response
from web.nudging import nudge_after_move
from web.schemas.guests import (
    AuditOut,
    AuditQuery,
    ConsentsOut,
    ErasedOut,
    FoundGuestOut,
    GuestErasure,
    GuestExportOut,
    GuestQuery,
)
from web.schemas.requests import ConsentIn

blueprint = APIBlueprint("guests", __name__, url_prefix="/api/v1", tag="Guests")

_SECURITY = ("staff",)
_AUDIT_SHOWN = 100


@blueprint.post("/restaurants/<slug:slug>/guests/find")
@staff_at_restaurant(Permission.FIND_GUESTS)
@blueprint.input(GuestQuery, arg_name="body")
@describe(blueprint, {200: FoundGuestOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def find(restaurant: RestaurantSpec, caller: Caller, body: GuestQuery) -> Response:
    """Find a guest's reservations here, and the state of their messages. Audited."""
    contact, now = body.contact(restaurant), clock.now()

    def work(session: Session) -> dict[str, Any]:
        found = find_guest(session, restaurant.id, contact)
        about = [each.row.reference for each in found.reservations]
        note(session, restaurant.id, actor=caller.actor, action="guest.found", about=about, now=now)
        return _found_facts(restaurant, found)

    return _private(json_response(unit(work)))


@blueprint.post("/restaurants/<slug:slug>/guests/export")
@staff_at_restaurant(Permission.EXPORT_GUESTS)
@blueprint.input(GuestQuery, arg_name="body")
@describe(blueprint, {200: GuestExportOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def export(restaurant: RestaurantSpec, caller: Caller, body: GuestQuery) -> Response:
    """Export everything stored about a guest here, as a file. Audited."""
    contact, now = body.contact(restaurant), clock.now()

    found = unit(
        lambda session: give_out(
            session, contact, restaurant_id=restaurant.id, now=now, actor=caller.actor
        )
    )
    answer = _private(json_response(found))
    answer.headers["Content-Disposition"] = 'attachment; filename="guest.json"'
    return answer


@blueprint.post("/restaurants/<slug:slug>/guests/erase")
@staff_at_restaurant(Permission.ERASE_GUESTS)
@blueprint.input(GuestErasure, arg_name="body")
@describe(blueprint, {200: ErasedOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def erase(restaurant: RestaurantSpec, caller: Caller, body: GuestErasure) -> Response:
    """Erase a guest here: the identity is removed, statistics stay. Audited; idempotent.

    409 names the reservations that have not ended. With `cancel` those are cancelled first, without
    notifying the guest. A seated party still causes a 409 until it has left.
    """
    contact, now = body.contact(restaurant), clock.now()

    done = unit(
        lambda session: erase_guest(
            session,
            contact,
            restaurant_id=restaurant.id,
            cancel=body.cancel,
            now=now,
            actor=caller.actor,
        )
    )
    if done.cancelled:
        nudge_after_move(restaurant.id)
    facts = {
        "reservations": len(done.references),
        "references": list(done.references),
        "cancelled": done.cancelled,
        "messages": done.messages,
        "consents": done.consents,
    }
    return _private(json_response(facts))


@blueprint.get("/restaurants/<slug:slug>/audit")
@staff_at_restaurant(Permission.READ_AUDIT)
@blueprint.input(AuditQuery, location="query", arg_name="query")
@describe(blueprint, {200: AuditOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY)
def get_audit(restaurant: RestaurantSpec, caller: Caller, query: AuditQuery) -> Response:
    """List who found, exported, erased or changed what; newest first."""
    with reading() as session:
        entries = [
            {
                "id": str(row.id),
                "at": local_text(restaurant, row.at),
                "actor": row.actor,
                "action": row.action,
                "about": row.about,
            }
            for row in audit_of(session, restaurant.id, before=query.before, limit=_AUDIT_SHOWN)
        ]
    return _private(json_response({"entries": entries}))


@blueprint.get("/reservations/<id:reservation_id>/consent")
@guest_or_staff(Permission.READ_BOOK)
@describe(
    blueprint,
    {200: ConsentsOut},
    problems=(*READ, *STAFF, 404),
    security=("guest", "staff"),
)
def get_consent(reservation_id: int, visitor: Visitor) -> Response:
    """Return the current consents of a reservation's guest."""
    with reading() as session:
        restaurant, consents = consents_of_reservation(
            session, reservation_id, for_guest=not visitor.by_staff
        )
    return _private(json_response(_consents(restaurant, consents)))


@blueprint.post("/reservations/<id:reservation_id>/consent")
@guest_or_staff(Permission.WRITE_RESERVATIONS)
@blueprint.input(ConsentIn, arg_name="body")
@describe(
    blueprint,
    {200: ConsentsOut},
    problems=(*WRITE, *STAFF, 404),
    security=("guest", "staff"),
)
def set_consent(reservation_id: int, visitor: Visitor, body: ConsentIn) -> Response:
    """Give or withdraw consent to marketing, for the contacts of the reservation.

    A guest's answer takes effect for contacts that have opened the link of a message, and is
    pending for others. Earlier answers are retained; repeating the same one adds nothing. Messages
    about the reservation itself need no consent.
    """
    consent = body.consent("staff" if visitor.by_staff else "manage", actor=visitor.actor)
    now = clock.now()
    unit(lambda session: say_consent(session, reservation_id, consent, now=now))
    with reading() as session:
        restaurant, consents = consents_of_reservation(
            session, reservation_id, for_guest=not visitor.by_staff
        )
    return _private(json_response(_consents(restaurant, consents)))


def _found_facts(restaurant: RestaurantSpec, found: FoundGuest) -> dict[str, Any]:
    return {
        "reservations": [_reservation(restaurant, each) for each in found.reservations],
        **_consents(restaurant, found.consents),
        "more": found.more,
    }


def _reservation(restaurant: RestaurantSpec, found: FoundReservation) -> dict[str, Any]:
    row, guest = found.row, found.guest
    who = guest and {
        "name": guest.name,
        "email": guest.email,
        "phone": guest.phone,
        "locale": row.guest_locale,
    }
    return {
        "id": str(row.id),
        "reference": row.reference,
        "status": row.status,
        "revision": row.revision,
        "party_size": row.party_size,
        "start": local_text(restaurant, row.starts_at),
        "end": local_text(restaurant, row.ends_at),
        "guest": who,
        "note": guest.note if guest else "",
        "staff_note": found.staff_note,
        "source": row.source,
        "created_at": local_text(restaurant, row.created_at),
        "messages": [message_facts(restaurant, each) for each in found.messages],
    }


def _consents(restaurant: RestaurantSpec, consents: list[ConsentView]) -> dict[str, Any]:
    return {
        "consents": [
            {
                "channel": view.channel,
                "purpose": view.purpose,
                "given": view.given,
                "at": local_text(restaurant, view.at),
                "source": view.source,
                "wording": view.wording,
            }
            for view in consents
        ]
    }


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
