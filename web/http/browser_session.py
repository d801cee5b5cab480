"""The session of the host stand's pages: a signed cookie that names a sign-in.

The cookie is HttpOnly and SameSite=Strict, and works only as a cookie. It is accepted where an
access token is; a request that changes something also needs the page's own token, and must come
from the same origin. As for every token, the row of the sign-in decides whether it is valid.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from flask import Response, request

from models.core.errors import NotAllowed, SignInFailed
from models.core.secrets.signing import derive_key
from models.core.settings import settings
from models.operations.accounts.accounts import OpenedSignIn

#: the header in which a page sends its token with whatever changes something
PAGE_HEADER: Final = "Page-Token"
_DAY: Final = 86_400
_LONGEST: Final = 200
#: values of Sec-Fetch-Site: the same origin, or typed into the address bar
_OWN: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A sign-in as its cookie names it."""

    account_id: int
    sign_in_id: int
    began: datetime


def cookie_name(base: str = "stand") -> str:
    """Return a cookie's name. Over HTTPS no other host of the domain can set it (`__Host-`)."""
    return f"__Host-maitred_{base}" if _is_https() else f"maitred_{base}"


def has_session() -> bool:
    """Return whether this request relies on the cookie. A token in the header is read instead."""
    return "Authorization" not in request.headers and cookie_name() in request.cookies


def session_of_cookie() -> BrowserSession:
    """Return the session of this request's cookie. Raises SignInFailed for any other."""
    value = request.cookies.get(cookie_name(), "")[:_LONGEST]
    named, _, signature = value.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signed("session", named).encode()):
        raise SignInFailed("this browser is not signed in")
    account_id, sign_in_id, began = map(int, named.split("."))
    return BrowserSession(account_id, sign_in_id, datetime.fromtimestamp(began, UTC))


def check_origin() -> None:
    """Raise NotAllowed for a request that a page of another origin caused."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        is_own = site == "same-origin"
    else:  # browsers send it over HTTPS only
        is_own = urlsplit(request.headers.get("Origin", "")).netloc == request.host
    if not is_own:
        raise NotAllowed("this request came from another site")


def check_page() -> None:
    """Raise NotAllowed unless the page's own script or form made this request."""
    check_origin()
    sent = request.headers.get(PAGE_HEADER) or request.form.get("page_token", "")
    if not hmac.compare_digest(sent.encode(), page_token().encode()):
        raise NotAllowed("the page is older than this sign-in: reload it")


def check_reader() -> None:
    """Raise NotAllowed for a read that a page of another origin caused."""
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN:
        raise NotAllowed("this request came from another site")


def page_token() -> str:
    """Return the token that pages of this session send with their requests."""
    return _signed("page", request.cookies.get(cookie_name(), ""))


def begin_session(answer: Response, opened: OpenedSignIn, *, keep: bool) -> Response:
    """Set the cookie. `keep`: until the sign-in ends; else until the browser is closed."""
    named = f"{opened.account_id}.{opened.sign_in_id}.{int(opened.began.timestamp())}"
    days = settings().refresh_days if keep else None
    return set_cookie(answer, cookie_name(), f"{named}.{_signed('session', named)}", days=days)


def end_session(answer: Response) -> Response:
    """Delete the cookie."""
    return set_cookie(answer, cookie_name(), "", days=0)


def set_cookie(answer: Response, name: str, value: str, *, days: int | None) -> Response:
    """Set a cookie that no script reads and no other site sends. `days` None: for this session."""
    answer.set_cookie(
        name,
        value,
        max_age=None if days is None else days * _DAY,
        path="/",
        secure=_is_https(),
        httponly=True,
        samesite="Strict",
    )
    return answer


def sign(purpose: str, text: str) -> str:
    """Return the keyed signature of a short text for one purpose of the sign-in page."""
    return _signed(f"sign-in {purpose}", text)


def _is_https() -> bool:
    return settings().public_url.startswith("https:")


@lru_cache(maxsize=1)
def _key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred browser sessions")


def _signed(purpose: str, text: str) -> str:
    digest = hmac.new(_key(), f"{purpose}\n{text}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
