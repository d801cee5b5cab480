"""Devices that have signed in before: each has its own counters, so that nobody can lock it out.

Who shares an address with a restaurant's stand (its guests' Wi-Fi) may guess passwords and use up
what that address is allowed. A device that signed in successfully shows that with its next sign-in.
It gets nothing else by it: the password is asked for as ever, and its own guesses are counted.
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
#: a name and its signature
LONGEST: Final = 64


@lru_cache(maxsize=1)
def _key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred devices")


def device_token(email: str, known: str | None) -> str:
    """What this device shows at its next sign-in to this account: `known` if it is one."""
    if device_of(email, known):
        return str(known)
    name = _text(secrets.token_bytes(_NAME_BYTES))
    return f"{name}.{_signature(email, name)}"


def device_of(email: str, token: object) -> str | None:
    """The device's name, if it has signed in to this account before. Forged ones have none."""
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        return None
    name, _, signature = token.partition(".")
    return name if hmac.compare_digest(signature, _signature(email, name)) else None


def _signature(email: str, name: str) -> str:
    said = f"{name}\n{email.strip().lower()}".encode()
    return _text(hmac.new(_key(), said, hashlib.sha256).digest()[:_SIGNATURE_BYTES])


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
