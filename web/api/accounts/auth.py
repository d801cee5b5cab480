"""Staff sign in, refresh, sign out, change their password, and read their account."""

import logging
import uuid

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import Invalid, SignInFailed
from models.operations.accounts.accounts import (
    close_own_sign_in,
    close_sign_in,
    open_sign_in,
    rotate_refresh,
    set_password,
)
from models.queries.accounts.accounts import Caller, CallerRole, open_sign_ins
from models.rules.permissions import PERMISSIONS
from web.api.endpoint import READ, WRITE, describe
from web.api.sign_in import check_first, check_password, check_sign_in, factor_is_required
from web.http.access import account, public
from web.http.devices import device_token
from web.http.hashing import hash_password
from web.http.json_body import json_response
from web.http.tokens import issue_tokens, read_refresh
from web.schemas.accounts import (
    AccountOut,
    PasswordChange,
    PasswordFirst,
    RefreshRequest,
    SignInRequest,
    SignInsOut,
    TokensOut,
)
from web.schemas.requests import Nothing

log = logging.getLogger(__name__)

blueprint = APIBlueprint("auth", __name__, url_prefix="/api/v1/auth", tag="Accounts")


@blueprint.post("/sign-in")
@public
@blueprint.input(SignInRequest, arg_name="body")
@describe(blueprint, {200: TokensOut}, problems=(*WRITE, 401))
def sign_in(body: SignInRequest) -> Response:
    """Sign in with e-mail address and password, and a code where the account has a second factor.

    Without the code: 401 `second-factor-needed`. An initial password only permits choosing another:
    401 `first-password`. Ten failures within 15 minutes (a setting) for one account from one
    network: 429. A device that sends the `device_token` of an earlier sign-in has its own count.
    """
    account_id = check_sign_in(body.email, body.password, body.code, body.device_token).account_id
    opened = unit(lambda session: open_sign_in(session, account_id, now=clock.now()))
    log.info("signed in", extra={"account_id": account_id, "sign_in_id": opened.sign_in_id})
    device = {"device_token": device_token(body.email, body.device_token)}
    return _no_store(json_response(issue_tokens(opened) | device))


@blueprint.post("/refresh")
@public
@blueprint.input(RefreshRequest, arg_name="body")
@describe(blueprint, {200: TokensOut}, problems=(*WRITE, 401))
def refresh(body: RefreshRequest) -> Response:
    """Exchange a refresh token for a new access token and the next refresh token.

    Reusing a refresh token ends its sign-in. So does a refresh by an account without a second
    factor where one is required.
    """
    sign_in_id, refresh_id, began = read_refresh(body.refresh_token)
    now, fresh = clock.now(), str(uuid.uuid4())
    opened = unit(
        lambda session: rotate_refresh(
            session,
            sign_in_id,
            refresh_id=refresh_id,
            fresh=fresh,
            began=began,
            now=now,
            needs_factor=factor_is_required(),
        )
    )
    if opened is None:
        log.warning("refresh refused", extra={"sign_in_id": sign_in_id})
        raise SignInFailed("this refresh token was used before, or its sign-in has ended")
    return _no_store(json_response(issue_tokens(opened)))


@blueprint.post("/sign-out")
@account
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {204: None}, problems=(*WRITE, 401), security=("staff",))
def sign_out(caller: Caller, body: Nothing) -> Response:
    """End this sign-in: its access and refresh tokens become invalid."""
    unit(lambda session: close_sign_in(session, caller.sign_in_id, now=clock.now()))
    return Response(status=204)


@blueprint.post("/password")
@account
@blueprint.input(PasswordChange, arg_name="body")
@describe(blueprint, {204: None}, problems=(*WRITE, 401), security=("staff",))
def change_password(caller: Caller, body: PasswordChange) -> Response:
    """Change the account's own password. Every sign-in of the account ends, this one too.

    A wrong `current` counts as a failed sign-in. 422 when the new one is too short, too long, or
    too easily guessed.
    """
    try:
        check_password(caller.email, body.current)
    except SignInFailed as wrong:
        raise Invalid.field("current", "is not the password of this account") from wrong
    restaurants = [name for own in caller.roles for name in (own.slug, own.name)]
    fresh = hash_password(body.password, about=(caller.email, caller.name, *restaurants))
    unit(lambda session: set_password(session, caller.email, password_hash=fresh, now=clock.now()))
    log.info("password changed", extra={"account_id": caller.account_id})
    return Response(status=204)


@blueprint.post("/password/first")
@public
@blueprint.input(PasswordFirst, arg_name="body")
@describe(blueprint, {204: None}, problems=(*WRITE, 401))
def choose_password(body: PasswordFirst) -> Response:
    """Replace the account's initial password; then sign in.

    422 when the new one is too short, too long, or too easily guessed.
    """
    known = check_password(body.email, body.current)
    check_first(known)
    fresh = hash_password(body.password, about=(known.email, known.name))
    unit(lambda session: set_password(session, known.email, password_hash=fresh, now=clock.now()))
    log.info("password chosen", extra={"account_id": known.account_id})
    return Response(status=204)


@blueprint.get("/sign-ins")
@account
@describe(blueprint, {200: SignInsOut}, problems=(*READ, 401), security=("staff",))
def list_sign_ins(caller: Caller) -> Response:
    """List the account's own valid sign-ins, newest first."""
    with reading() as session:
        found = open_sign_ins(session, caller.account_id, now=clock.now())
    lines = [
        {
            "id": str(each.id),
            "created_at": each.created_at.isoformat(timespec="seconds"),
            "expires_at": each.expires_at.isoformat(timespec="seconds"),
            "is_this": each.id == caller.sign_in_id,
        }
        for each in found
    ]
    return _no_store(json_response({"sign_ins": lines}))


@blueprint.post("/sign-ins/<id:sign_in_id>/end")
@account
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {204: None}, problems=(*WRITE, 401, 404), security=("staff",))
def end_sign_in(caller: Caller, sign_in_id: int, body: Nothing) -> Response:
    """End one of the account's own sign-ins: its tokens become invalid."""
    now, number = clock.now(), caller.account_id
    unit(lambda session: close_own_sign_in(session, number, sign_in_id, now=now))
    return Response(status=204)


@blueprint.get("/me")
@account
@describe(blueprint, {200: AccountOut}, problems=(*READ, 401), security=("staff",))
def me(caller: Caller) -> Response:
    """Return the signed-in account, and its permissions by restaurant."""
    return _no_store(
        json_response(
            {
                "id": str(caller.account_id),
                "email": caller.email,
                "name": caller.name,
                "restaurants": [_role(own) for own in caller.roles],
            }
        )
    )


def _role(own: CallerRole) -> dict[str, object]:
    permissions = sorted(permission.value for permission in PERMISSIONS[own.role])
    return {
        "slug": own.slug,
        "name": own.name,
        "role": own.role.value,
        "permissions": permissions,
    }


def _no_store(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
