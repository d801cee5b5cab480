"""What the staff write on a guest's record: details, notes, merges, a block, consent."""

from collections.abc import Callable
from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.operations.guest_book.consent import say_guests_consent
from models.operations.guest_book.merging import merge_record, unmerge_record
from models.operations.guest_book.records import (
    GuestAct,
    RecordChange,
    add_note,
    block,
    change_record,
    delete_note,
    lift_limit,
    unblock,
)
from models.queries.accounts.accounts import Caller
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import STAFF, WRITE, View, describe
from web.api.guest_book.search import record_response, shown
from web.http.access import staff_at_restaurant
from web.http.headers import if_revision
from web.schemas.guest_book import (
    GuestBlock,
    GuestNoteIn,
    GuestRecordOut,
    GuestRecordPatch,
    OtherGuest,
)
from web.schemas.requests import ConsentIn, Nothing, RequestModel

blueprint = APIBlueprint("guest_records", __name__, url_prefix="/api/v1", tag="Guest book")

_PLACE = "/restaurants/<slug:slug>/guests/<id:guest_id>"


def _verb(
    method: str, path: str, permission: Permission, takes: type[RequestModel]
) -> Callable[[View], View]:
    """Declare a view on one guest, for staff with that permission.

    The view gets `restaurant`, `caller`, `guest_id`, the ids in the path, and `body`.
    """
    described = describe(
        blueprint,
        {200: GuestRecordOut},
        problems=(*WRITE, *STAFF, 404, 412),
        headers=("If-Match",),
        security=("staff",),
    )

    def declare(view: View) -> View:
        taken = blueprint.input(takes, arg_name="body")(described(view))
        allowed = staff_at_restaurant(permission)(taken)
        blueprint.route(f"{_PLACE}{path}", methods=[method])(allowed)
        return view

    return declare


@_verb("PATCH", "", Permission.WRITE_GUESTS, GuestRecordPatch)
def patch_guest(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: GuestRecordPatch
) -> Response:
    """Change the name, allergies, tags, or whether the guest is a VIP."""
    change = RecordChange(body.name, body.allergies, body.tags, body.vip)
    return _acted(restaurant, caller, guest_id, partial(change_record, change=change))


@_verb("POST", "/notes", Permission.WRITE_GUESTS, GuestNoteIn)
def add_guest_note(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: GuestNoteIn
) -> Response:
    """Add a note to a guest, with its author. Repeating the same note adds nothing."""
    return _acted(restaurant, caller, guest_id, partial(add_note, text=body.text))


@_verb("DELETE", "/notes/<id:note_id>", Permission.WRITE_GUESTS, Nothing)
def delete_guest_note(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, note_id: int, body: Nothing
) -> Response:
    """Delete a note of a guest. Its text is gone; the history says who deleted it."""
    return _acted(restaurant, caller, guest_id, partial(delete_note, note_id=note_id))


@_verb("POST", "/merge", Permission.MERGE_GUESTS, OtherGuest)
def merge_guests(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: OtherGuest
) -> Response:
    """Merge another record of the same guest into this one; `unmerge` takes it back."""
    return _acted(restaurant, caller, guest_id, partial(merge_record, other_id=int(body.guest)))


@_verb("POST", "/unmerge", Permission.MERGE_GUESTS, OtherGuest)
def unmerge_guests(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: OtherGuest
) -> Response:
    """Take a merge back: the other record has its contacts, names, notes and history again."""
    return _acted(restaurant, caller, guest_id, partial(unmerge_record, other_id=int(body.guest)))


@_verb("POST", "/block", Permission.BLOCK_GUESTS, GuestBlock)
def block_guest(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: GuestBlock
) -> Response:
    """Block a guest from booking online: such a request gets the answer of a full restaurant.

    Reservations that the guest has stay, and the staff may book for the guest.
    """
    return _acted(restaurant, caller, guest_id, partial(block, reason=body.reason))


@_verb("POST", "/unblock", Permission.BLOCK_GUESTS, Nothing)
def unblock_guest(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: Nothing
) -> Response:
    """Let the guest book online again."""
    return _acted(restaurant, caller, guest_id, unblock)


@_verb("POST", "/lift-limit", Permission.BLOCK_GUESTS, Nothing)
def lift_guests_limit(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: Nothing
) -> Response:
    """Let the guest's no-shows so far not count towards the restaurant's `no_show_limit`."""
    return _acted(restaurant, caller, guest_id, lift_limit)


@_verb("POST", "/consent", Permission.WRITE_GUESTS, ConsentIn)
def set_guest_consent(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, body: ConsentIn
) -> Response:
    """Record the guest's consent to marketing, or its refusal, for every contact. Audited."""
    said = body.consent("staff", actor=caller.actor)
    return _acted(restaurant, caller, guest_id, partial(say_guests_consent, said=said))


def _acted(
    restaurant: RestaurantSpec, caller: Caller, guest_id: int, work: Callable[..., Any]
) -> Response:
    act = GuestAct(restaurant.id, guest_id, caller.actor, clock.now(), if_revision())

    def acted(session: Session) -> dict[str, Any]:
        work(session, act)
        return shown(session, restaurant, guest_id)

    return record_response(unit(acted))
