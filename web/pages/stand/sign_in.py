"""/stand/{slug}/sign-in: the staff sign in with a browser, choose a language, and sign out."""

import hmac
import logging
from typing import Final

from apiflask import APIBlueprint
from flask import Response, request, url_for

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import FirstPassword, SecondFactorMissing, SignInFailed
from models.operations.accounts.accounts import close_sign_in, open_sign_in
from models.queries.accounts.accounts import Caller, Credentials, credentials
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import LANGUAGES
from web.api.sign_in import check_code, check_own_password, codes_of, factor_is_required
from web.http.access import public, staff_at_restaurant
from web.http.browser_session import (
    begin_session,
    check_origin,
    cookie_name,
    end_session,
    set_cookie,
    sign,
)
from web.http.devices import device_token
from web.http.problems import TooManyHashes, TooManySignIns
from web.http.rate_limits import DEVICE, forget_guesses, place_of
from web.offers import recent_restaurant
from web.pages.booking import see_other
from web.pages.stand.page import (
    LANGUAGE,
    THEME,
    THEMES,
    own_path,
    register_stand,
    render_stand,
)

log = logging.getLogger(__name__)

blueprint = APIBlueprint("stand_sign_in", __name__, enable_openapi=False)
register_stand(blueprint)

#: how long the code may be entered after the password
PROOF_SECONDS: Final = 300
DEVICE_DAYS: Final = 365
_CHOICE_DAYS: Final = 365
#: what the form sends again; never the password
_FIELDS: Final = ("email", "code", "proof", "keep", "next")


@blueprint.get("/stand/<slug:slug>/sign-in")
@public
def show(slug: str) -> Response:
    """Show the sign-in form."""
    restaurant = recent_restaurant(slug)
    return _form(restaurant, {"next": own_path(request.args.get("next", "")) or ""})


@blueprint.post("/stand/<slug:slug>/sign-in")
@public
def sign_in(slug: str) -> Response:
    """Sign in: the password first, then the code where the account has a second factor."""
    check_origin()
    restaurant = recent_restaurant(slug)
    form = {name: request.form.get(name, "").strip() for name in _FIELDS if name in request.form}
    form.setdefault("email", "")
    try:
        known = _checked(form)
    except FirstPassword:
        return _form(restaurant, form, status=401, wrong="first_password")
    except SecondFactorMissing:
        return _form(restaurant, form, status=401, wrong="factor_missing")
    except SignInFailed:
        return _form(restaurant, form, status=401, wrong="code" if _proved(form) else "password")
    except (TooManySignIns, TooManyHashes):
        return _form(restaurant, form, status=429, wrong="too_many")
    if known is None:
        return _form(restaurant, form | {"proof": _proof_of(form["email"])})
    return _signed_in(restaurant, known, form)


@blueprint.post("/stand/<slug:slug>/sign-out")
@staff_at_restaurant(Permission.READ_BOOK)
def sign_out(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """End this sign-in. The device stays remembered: that grants nothing."""
    unit(lambda session: close_sign_in(session, caller.sign_in_id, now=clock.now()))
    return end_session(see_other(url_for("stand_sign_in.show", slug=restaurant.slug)))


@blueprint.post("/stand/<slug:slug>/choices")
@public
def choose(slug: str) -> Response:
    """Remember the language and the theme in this browser."""
    check_origin()
    place = own_path(request.form.get("next", "")) or url_for("stand_list.show", slug=slug)
    answer = see_other(place)
    for name, allowed in ((LANGUAGE, LANGUAGES), (THEME, THEMES)):
        value = request.form.get(name, "")
        if value in allowed:
            set_cookie(answer, cookie_name(name), value, days=_CHOICE_DAYS)
    return answer


def _checked(form: dict[str, str]) -> Credentials | None:
    """Return the account; None if the password is right and a code is needed.

    Raises SignInFailed, its subclasses, TooManySignIns, TooManyHashes.
    """
    email = form["email"]
    if "proof" in form and form.get("code"):
        with reading() as session:
            known = credentials(session, email)
        if known is None or not _proved(form):
            raise SignInFailed("the password was entered too long ago")
        check_code(known, form["code"])
        return known
    device = request.cookies.get(cookie_name(DEVICE))
    known = check_own_password(email, request.form.get("password", ""), device)
    if known.has_second_factor:
        return None
    if factor_is_required():
        raise SecondFactorMissing("this installation requires a second factor")
    return known


def _signed_in(restaurant: RestaurantSpec, known: Credentials, form: dict[str, str]) -> Response:
    now, keep = clock.now(), form.get("keep") == "yes"
    device = request.cookies.get(cookie_name(DEVICE))
    if known.has_second_factor:
        forget_guesses(codes_of(known), "")
    forget_guesses(known.email, place_of(known.email, device))
    opened = unit(lambda session: open_sign_in(session, known.account_id, now=now))
    log.info("signed in", extra={"account_id": known.account_id, "sign_in_id": opened.sign_in_id})
    place = own_path(form.get("next", "")) or url_for("stand_list.show", slug=restaurant.slug)
    answer = begin_session(see_other(place), opened, keep=keep)
    if keep:
        token = device_token(known.email, device)
        set_cookie(answer, cookie_name(DEVICE), token, days=DEVICE_DAYS)
    return answer


def _proof_of(email: str) -> str:
    """Return the proof that the password of this account was right just now."""
    until = int(clock.now().timestamp()) + PROOF_SECONDS
    return f"{until}.{sign('password', f'{until} {email.lower()}')}"


def _proved(form: dict[str, str]) -> bool:
    until, _, signature = form.get("proof", "").partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 12):
        return False
    right = sign("password", f"{until} {form['email'].lower()}")
    is_ours = hmac.compare_digest(signature.encode(), right.encode())
    return is_ours and int(until) >= clock.now().timestamp()


def _form(
    restaurant: RestaurantSpec, form: dict[str, str], *, status: int = 200, wrong: str = ""
) -> Response:
    if wrong == "password":
        form.pop("proof", None)
    return render_stand("sign_in.html", restaurant, status=status, form=form, wrong=wrong)
