"""Staff sign in, refresh, sign out, change their password, and ask who they are."""

import logging

from apiflask import APIBlueprint
from flask import Response, request

from models.core import clock
from models.core.db import reading, unit
from models.core.errors import Invalid, SignInFailed
from models.core.tallies import nameless
from models.operations.accounts import (
    close_sign_in,
    hash_password,
    is_password,
    open_sign_in,
    rotate_refresh,
    set_password,
)
from models.queries.accounts import Caller, CallerRole, credentials
from models.rules.permissions import PERMISSIONS
from web.access import account, public
from web.api.endpoint import READ, WRITE, describe
from web.json_body import json_response
from web.limits import check_sign_in, forget_failures, note_failure
from web.schemas.answers import AccountOut, TokensOut
from web.schemas.requests import Nothing, PasswordChange, RefreshRequest, SignInRequest
from web.tokens import issue_tokens, read_refresh

log = logging.getLogger(__name__)

blueprint = APIBlueprint("auth", __name__, url_prefix="/api/v1/auth", tag="Accounts")


@blueprint.post("/sign-in")
@public
@blueprint.input(SignInRequest, arg_name="body")
@describe(blueprint, {200: TokensOut}, problems=(*WRITE, 401))
def sign_in(body: SignInRequest) -> Response:
    """Sign in with e-mail address and password.

    Ten failures within 15 minutes (the house's setting) for one address from one place: 429.
    """
    address = request.remote_addr or ""
    check_sign_in(body.email, address)
    with reading() as session:
        known = credentials(session, body.email)
    # Argon2 takes tens of milliseconds: outside any transaction, and the same for the unknown
    password_hash = None if known is None else known.password_hash
    if not is_password(body.password, password_hash) or known is None:
        note_failure(body.email, address)
        log.warning("sign-in failed", extra={"who": nameless(body.email)})
        raise SignInFailed("this e-mail address and password do not belong together")
    account_id = known.account_id
    opened = unit(lambda session: open_sign_in(session, account_id, now=clock.now()))
    forget_failures(body.email, address)
    log.info("signed in", extra={"account_id": account_id, "sign_in_id": opened.sign_in_id})
    return _no_store(json_response(issue_tokens(opened)))


@blueprint.post("/refresh")
@public
@blueprint.input(RefreshRequest, arg_name="body")
@describe(blueprint, {200: TokensOut}, problems=(*WRITE, 401))
def refresh(body: RefreshRequest) -> Response:
    """Spend a refresh token: a new access token and the next refresh token.

    A refresh token that was spent before ends the sign-in it belongs to.
    """
    sign_in_id, refresh_id = read_refresh(body.refresh_token)
    now = clock.now()
    opened = unit(
        lambda session: rotate_refresh(session, sign_in_id, refresh_id=refresh_id, now=now)
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
    """End this sign-in: its access and refresh tokens are worth nothing from now on."""
    unit(lambda session: close_sign_in(session, caller.sign_in_id, now=clock.now()))
    return Response(status=204)


@blueprint.post("/password")
@account
@blueprint.input(PasswordChange, arg_name="body")
@describe(blueprint, {204: None}, problems=(*WRITE, 401), security=("staff",))
def change_password(caller: Caller, body: PasswordChange) -> Response:
    """Change one's own password; every sign-in of the account ends, this one too.

    A wrong `current` counts as a failed sign-in. 422 when the new one is too short or too long.
    """
    address = request.remote_addr or ""
    check_sign_in(caller.email, address)
    with reading() as session:
        known = credentials(session, caller.email)
    if known is None or not is_password(body.current, known.password_hash):
        note_failure(caller.email, address)
        log.warning("sign-in failed", extra={"account_id": caller.account_id})
        raise Invalid.field("current", "is not the password of this account")
    fresh = hash_password(body.password)
    unit(lambda session: set_password(session, caller.email, password_hash=fresh, now=clock.now()))
    log.info("password changed", extra={"account_id": caller.account_id})
    return Response(status=204)


@blueprint.get("/me")
@account
@describe(blueprint, {200: AccountOut}, problems=(*READ, 401), security=("staff",))
def me(caller: Caller) -> Response:
    """Who is signed in, and what they may do where."""
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
