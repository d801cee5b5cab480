"""Access control. Each endpoint has exactly one of these decorators; a test walks the routes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import NotFound, SecondFactorMissing
from models.core.observe import logs
from models.core.settings import settings
from models.entities.reservations import Reservation
from models.queries.accounts.accounts import Caller, caller
from models.queries.floor.load import restaurant_by_slug
from models.queries.reservations.links import opened_by
from models.rules.permissions import Permission
from web.http.rate_limits import count_account
from web.http.tokens import access_sign_in

View = TypeVar("View", bound=Callable[..., Any])

GUEST: Final = "guest"
NEEDS_FACTOR: Final = (
    "this installation requires a second factor: begin at POST /api/v1/auth/second-factor, "
    "then sign in"
)
NO_RESTAURANT: Final = "there is no such restaurant"
NO_RESERVATION: Final = "there is no such reservation"


@dataclass(frozen=True, slots=True)
class Access:
    """What an endpoint requires. `kind`: public, guest-or-staff, staff, account."""

    kind: str
    permission: Permission | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """The guest of a reservation (by manage token), or staff of its restaurant."""

    caller: Caller | None

    @property
    def by_staff(self) -> bool:
        """Whether the visitor is staff."""
        return self.caller is not None

    @property
    def actor(self) -> str:
        """The actor's name in the history."""
        return GUEST if self.caller is None else self.caller.actor


def public(view: View) -> View:
    """Require nothing."""
    return _mark(view, Access("public"))


def account(view: Callable[..., Any]) -> Callable[..., Any]:
    """Require a signed-in account. The view gets `caller`."""

    @wraps(view)
    def checked(**given: Any) -> Any:
        with reading() as session:
            found = signed_in(session)
        return view(caller=found, **given)

    return _mark(checked, Access("account"))


def staff_at_restaurant(
    permission: Permission,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Require staff of restaurant `slug` with the permission.

    The view gets `restaurant` and `caller`.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(slug: str, **given: Any) -> Any:
            with reading() as session:
                found = signed_in(session)
                restaurant = restaurant_by_slug(session, slug)
            found.check(restaurant.id, permission, missing=NO_RESTAURANT)
            return view(restaurant=restaurant, caller=found, **given)

        return _mark(checked, Access("staff", permission))

    return decorate


def staff_of_reservation(
    permission: Permission,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Require staff of its restaurant. The view gets `reservation_id` and `caller`."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(reservation_id: int, **given: Any) -> Any:
            found = _staff_of(reservation_id, permission)
            return view(reservation_id=reservation_id, caller=found, **given)

        return _mark(checked, Access("staff", permission))

    return decorate


def guest_or_staff(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Require the reservation's guest, by Manage-Token, or staff with the permission.

    The view gets `reservation_id` and `visitor`.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(reservation_id: int, **given: Any) -> Any:
            token = request.headers.get("Manage-Token")
            if token is None:
                visitor = Visitor(_staff_of(reservation_id, permission))
            else:
                _check_guest(token, reservation_id)
                visitor = Visitor(None)
            return view(reservation_id=reservation_id, visitor=visitor, **given)

        return _mark(checked, Access("guest-or-staff", permission))

    return decorate


def signed_in(session: Session) -> Caller:
    """Return the access token's account, in one query.

    Raises SignInFailed, SecondFactorMissing and TooManyRequests.
    """
    number, began = access_sign_in()
    found = caller(session, number, began=began, now=clock.now())
    logs.bind(account_id=found.account_id)
    if settings().second_factor == "required" and not found.has_second_factor:
        raise SecondFactorMissing(NEEDS_FACTOR)
    count_account(found.account_id)
    return found


def _check_guest(token: str, reservation_id: int) -> None:
    """Raise SignInFailed for an invalid token, NotFound for one of another reservation."""
    with reading() as session:
        if opened_by(session, token, now=clock.now()) != reservation_id:
            raise NotFound(NO_RESERVATION)


def _staff_of(reservation_id: int, permission: Permission) -> Caller:
    with reading() as session:
        found = signed_in(session)
        restaurant_id = session.scalar(
            select(Reservation.restaurant_id).where(Reservation.id == reservation_id)
        )
    if restaurant_id is None:
        raise NotFound(NO_RESERVATION)
    found.check(restaurant_id, permission, missing=NO_RESERVATION)
    return found


def _mark(view: View, access: Access) -> View:
    vars(view)["access"] = access
    return view
