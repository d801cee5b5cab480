"""Staff add and remove their account's second factor. Both require the password."""

import logging

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import Invalid
from models.operations.accounts import second_factors
from web.api.endpoint import WRITE, describe
from web.api.sign_in import check_code, check_own_password, guessed_code
from web.http.access import public
from web.http.json_body import json_response
from web.schemas.accounts import (
    CodeProof,
    PasswordProof,
    RecoveryCodesOut,
    SecondFactorOut,
)

log = logging.getLogger(__name__)

blueprint = APIBlueprint(
    "second_factor", __name__, url_prefix="/api/v1/auth/second-factor", tag="Accounts"
)


@blueprint.post("")
@public
@blueprint.input(PasswordProof, arg_name="body")
@describe(blueprint, {200: SecondFactorOut}, problems=(*WRITE, 401))
def begin(body: PasswordProof) -> Response:
    """Begin: return the secret for an authenticator app (TOTP), also as a URI for a QR code.

    No code is required until it is confirmed. Beginning again gives another secret. 409 while the
    account has a second factor.
    """
    known = check_own_password(body.email, body.password)
    number, now = known.account_id, clock.now()
    secret = unit(lambda session: second_factors.begin(session, number, now=now))
    uri = second_factors.uri_of(secret, email=known.email)
    return _no_store(json_response({"secret": secret, "uri": uri}))


@blueprint.post("/confirm")
@public
@blueprint.input(CodeProof, arg_name="body")
@describe(blueprint, {200: RecoveryCodesOut}, problems=(*WRITE, 401))
def confirm(body: CodeProof) -> Response:
    """Confirm with a code of the app: from now on each sign-in requires one.

    Returns ten recovery codes, only this once. Each replaces a code of the app, once. Every sign-in
    of the account ends, because it was made without the second factor.
    """
    known = check_own_password(body.email, body.password)
    number, now = known.account_id, clock.now()
    with guessed_code(known) as guess:
        given = unit(lambda session: second_factors.confirm(session, number, body.code, now=now))
        guess.is_right = given is not None
    if given is None:
        raise Invalid.field("code", "is wrong or was used before")
    log.info("second factor confirmed", extra={"account_id": number})
    return _no_store(json_response({"recovery_codes": given}))


@blueprint.post("/remove")
@public
@blueprint.input(CodeProof, arg_name="body")
@describe(blueprint, {204: None}, problems=(*WRITE, 401))
def remove(body: CodeProof) -> Response:
    """Remove the second factor, with a code of it or a recovery code.

    The password alone is enough again. Every sign-in of the account ends.
    """
    now = clock.now()
    known = check_own_password(body.email, body.password)
    check_code(known, body.code)
    unit(lambda session: second_factors.remove(session, known.account_id, now=now))
    log.info("second factor removed", extra={"account_id": known.account_id})
    return Response(status=204)


def _no_store(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
