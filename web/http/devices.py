"""Tokens of devices that have signed in before. Each device has its own counters, so that nobody
else can lock it out.

Others on the address of a restaurant's host stand (its guests' Wi-Fi) may guess passwords and
use up the limits of that address. A device that has signed in successfully sends its token with
the next sign-in. The token grants nothing else: the password is still required, and the device's
own guesses are counted.
"""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Final

from models.core.secrets.signing import derive_key
from models.core.settings import settings

_NAME_BYTES: Final = 12
_SIGNATURE_BYTES: Final = 16
#: maximum length of a token: a name and its signature
LONGEST: Final = 64


@lru_cache(maxsize=1)
def _key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred devices")


def device_token(email: str, known: str | None) -> str:
    """Return the device's token for this account: `known` if it is valid, else a new one."""
    if device_of(email, known):
        return str(known)
    name = _text(secrets.token_bytes(_NAME_BYTES))
    return f"{name}.{_signature(email, name)}"


def device_of(email: str, token: object) -> str | None:
    """Return the device's name if the token was issued for this account, else None."""
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        return None
    name, _, signature = token.partition(".")
    return name if hmac.compare_digest(signature, _signature(email, name)) else None


def _signature(email: str, name: str) -> str:
    signed = f"{name}\n{email.strip().lower()}".encode()
    return _text(hmac.new(_key(), signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES])


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
