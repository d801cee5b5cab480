"""JSON Web Tokens: their claims, and reading them. A database row decides whether they count."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apiflask import APIFlask
from flask import g, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
    get_jwt,
    verify_jwt_in_request,
)
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError

from models.core.errors import SignInFailed
from models.core.settings import settings
from models.operations.accounts.accounts import OpenedSignIn
from web.http.around import READS
from web.http.browser_session import check_page, check_reader, has_session, session_of_cookie

#: Tolerated difference between the clocks of two hosts.
LEEWAY_SECONDS: Final = 20
_SIGN_IN = "sid"
_REFRESH = "rid"
_BEGAN = "began"


def register_tokens(app: APIFlask) -> None:
    """Set up flask-jwt-extended: HS256 with a derived key, tokens in headers only."""
    key = hmac.new(
        settings().secret("secret_key").encode(), b"access-tokens", hashlib.sha256
    ).hexdigest()
    app.config.update(
        JWT_SECRET_KEY=key,
        JWT_ALGORITHM="HS256",
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=settings().access_minutes),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(days=settings().refresh_days),
        JWT_ENCODE_ISSUER="maitred",
        JWT_DECODE_ISSUER="maitred",
        JWT_DECODE_LEEWAY=LEEWAY_SECONDS,
    )
    JWTManager(app)


def issue_tokens(opened: OpenedSignIn) -> dict[str, Any]:
    """Return the response body of a sign-in or a refresh."""
    who = str(opened.account_id)
    sign_in = {_SIGN_IN: opened.sign_in_id, _BEGAN: int(opened.began.timestamp())}
    return {
        "access_token": create_access_token(who, additional_claims=sign_in),
        "refresh_token": create_refresh_token(
            who, additional_claims={**sign_in, _REFRESH: opened.refresh_id}
        ),
        "expires_in": settings().access_minutes * 60,
        "token_type": "Bearer",  # nosec B105 - a word of OAuth
    }


def access_sign_in() -> tuple[int, datetime | None]:
    """Return the sign-in id and its beginning, of the access token or the browser's session.

    Raises SignInFailed, and NotAllowed for a forged request with the cookie.
    """
    if has_session():
        found = session_of_cookie()
        if request.method in READS:
            check_reader()
        else:
            check_page()
        return found.sign_in_id, found.began
    claims = _access_claims()
    return _number(claims), _began(claims)


def access_account() -> str:
    """Return the account id of the access token or the browser's session. Raises SignInFailed."""
    if has_session():
        return str(session_of_cookie().account_id)
    return str(_access_claims().get("sub"))


def _access_claims() -> dict[str, Any]:
    """Verify the token once per request: the limits need its claims first, then access control."""
    sent = request.headers.get("Authorization", "")
    read, claims = g.get("access_claims", ("", {}))
    if not sent or sent != read:
        try:
            verify_jwt_in_request()
        except (JWTExtendedException, PyJWTError) as wrong:
            raise SignInFailed("send a valid access token as Authorization: Bearer") from wrong
        claims = dict(get_jwt())
        g.access_claims = (sent, claims)
    return dict(claims)


def read_refresh(token: str) -> tuple[int, str, datetime | None]:
    """Return a refresh token's sign-in, refresh id and beginning. Raises SignInFailed."""
    try:
        claims = decode_token(token)
    except (JWTExtendedException, PyJWTError) as wrong:
        raise SignInFailed("this refresh token is not valid") from wrong
    if claims.get("type") != "refresh" or not isinstance(claims.get(_REFRESH), str):
        raise SignInFailed("this is not a refresh token")
    return _number(claims), claims[_REFRESH], _began(claims)


def _number(claims: dict[str, Any]) -> int:
    number = claims.get(_SIGN_IN)
    if not isinstance(number, int):
        raise SignInFailed("this token has no sign-in")
    return number


def _began(claims: dict[str, Any]) -> datetime | None:
    second = claims.get(_BEGAN)
    return datetime.fromtimestamp(second, UTC) if isinstance(second, int) else None
