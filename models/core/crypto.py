"""Signed manage tokens, and keyed hashes of contact data."""

import hashlib
import hmac
import secrets
from functools import lru_cache

from itsdangerous import BadSignature, Signer

from models.core.errors import SignInFailed
from models.core.settings import settings

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
REFERENCE_LENGTH = 8


@lru_cache(maxsize=1)
def _signer() -> Signer:
    return Signer(settings().secret_key, salt="manage", digest_method=hashlib.sha256)


@lru_cache(maxsize=1)
def _contact_key() -> bytes:
    return hmac.new(settings().secret_key.encode(), b"contact-index", hashlib.sha256).digest()


@lru_cache(maxsize=1)
def _body_key() -> bytes:
    return derive_key(settings().secret_key, "maitred request bodies")


@lru_cache(maxsize=1)
def _recovery_key() -> bytes:
    return derive_key(settings().secret_key, "maitred recovery codes")


def manage_token(reservation_id: int) -> str:
    """The token that opens exactly this reservation. It does not expire."""
    return _signer().sign(str(reservation_id)).decode()


def read_manage_token(token: str) -> int:
    """The reservation a token opens. Raises SignInFailed when it is forged or damaged."""
    try:
        return int(_signer().unsign(token))
    except (BadSignature, ValueError) as forged:
        raise SignInFailed("this link is not valid") from forged


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes of key out of a secret, another for each purpose (HKDF-SHA256, RFC 5869)."""
    extracted = hmac.new(b"\0" * 32, secret.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, purpose.encode() + b"\1", hashlib.sha256).digest()


def contact_key(contact: str | None) -> bytes | None:
    """A keyed hash of a normalised e-mail or phone number: finds a guest, tells nothing."""
    if not contact:
        return None
    return hmac.new(_contact_key(), contact.strip().lower().encode(), hashlib.sha256).digest()[:16]


def body_key(body: bytes) -> bytes:
    """A keyed hash of a request's body: a plain one could be tried with names and addresses."""
    return hmac.new(_body_key(), body, hashlib.sha256).digest()


def recovery_key(text: str) -> bytes:
    """A keyed hash of a recovery code and whose it is."""
    return hmac.new(_recovery_key(), text.encode(), hashlib.sha256).digest()


def new_reference() -> str:
    """Eight characters that a guest can read out: no 0, O, 1 or I."""
    # 32 letters: five bits of each byte, so every letter is as likely as any other
    return "".join(_ALPHABET[byte & 31] for byte in secrets.token_bytes(REFERENCE_LENGTH))
