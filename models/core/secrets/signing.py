"""Signed manage tokens, and keyed hashes of contact data."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from itsdangerous import BadSignature, Signer

from models.core.errors import SignInFailed
from models.core.settings import settings

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
REFERENCE_LENGTH = 8
#: 45 bits, which can be guessed only over the network, at `LIMIT_MANAGE`
PROOF_LENGTH = 9
#: Bytes of the random secret in a reservation's token; and of its signature, 128 bits.
LINK_SECRET_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ManageToken:
    """The content of a token: a reservation, and the secret that its row must have.

    `secret` is None if the token was made before rows had one.
    """

    reservation_id: int
    secret: bytes | None = field(repr=False)


@lru_cache(maxsize=1)
def _signer() -> Signer:
    return Signer(settings().secret("secret_key"), salt="manage", digest_method=hashlib.sha256)


@lru_cache(maxsize=1)
def _contact_key() -> bytes:
    return hmac.new(
        settings().secret("secret_key").encode(), b"contact-index", hashlib.sha256
    ).digest()


@lru_cache(maxsize=8)
def _name_key(place: str) -> bytes:
    return derive_key(settings().secret("secret_key"), f"maitred names in {place}")


@lru_cache(maxsize=1)
def _confirmation_key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred contact proofs")


@lru_cache(maxsize=1)
def _search_key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred guest search")


@lru_cache(maxsize=1)
def _body_key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred request bodies")


@lru_cache(maxsize=1)
def _recovery_key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred recovery codes")


@lru_cache(maxsize=1)
def _link_key() -> bytes:
    return derive_key(settings().secret("secret_key"), "maitred manage links")


def new_link_secret() -> bytes:
    """A secret for a reservation's token. Replacing it makes all earlier tokens void."""
    return secrets.token_bytes(LINK_SECRET_BYTES)


def manage_token(reservation_id: int, secret: bytes | None) -> str:
    """The token for a reservation with this secret (`models.rules.reservations.links`).

    Signed, so that read access to the database yields no token. None: a row from before there were
    secrets.
    """
    if secret is None:
        return _signer().sign(str(reservation_id)).decode()
    said = f"{reservation_id}.{_text(secret)}"
    return f"{said}.{_signature(said)}"


def read_manage_token(token: str) -> ManageToken:
    """The content of a token; whether it is still valid depends on the row.

    Raises SignInFailed if it is forged or damaged, without a database query.
    """
    said, _, signature = token.rpartition(".")
    number, _, secret = said.partition(".")
    try:
        if not secret:
            return ManageToken(int(_signer().unsign(token)), None)
        if hmac.compare_digest(_signature(said).encode(), signature.encode()):
            return ManageToken(int(number), base64.urlsafe_b64decode(secret + "=="))
    except (BadSignature, ValueError) as forged:
        raise SignInFailed("this link is not valid") from forged
    raise SignInFailed("this link is not valid")


def _signature(said: str) -> str:
    return _text(hmac.new(_link_key(), said.encode(), hashlib.sha256).digest()[:_SIGNATURE_BYTES])


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def confirmation_code(reservation_id: int, contact: str) -> str:
    """The code in a message's link, which the person who requested the table was not given."""
    said = f"{reservation_id}\n{contact}".encode()
    proof = hmac.new(_confirmation_key(), said, hashlib.sha256).digest()
    return "".join(_ALPHABET[byte & 31] for byte in proof[:PROOF_LENGTH])


def derive_key(secret: str, purpose: str) -> bytes:
    """Derive a 32-byte key from a secret, a different one per purpose (HKDF-SHA256, RFC 5869)."""
    extracted = hmac.new(b"\0" * 32, secret.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, purpose.encode() + b"\1", hashlib.sha256).digest()


def contact_key(contact: str | None) -> bytes | None:
    """A keyed hash of a normalised e-mail or phone number: finds a guest, reveals nothing."""
    if not contact:
        return None
    # in one call: a check of the database does this twice for every guest
    return hmac.digest(_contact_key(), contact.strip().lower().encode(), "sha256")[:16]


def search_key(restaurant_id: int, kind: str, text: str) -> bytes:
    """A keyed hash by which a guest book is searched: `kind` is `name` or `digits`.

    A different one at each restaurant, so that two guest books cannot be compared.
    """
    said = f"{restaurant_id}\n{kind}\n{text}".encode()
    return hmac.digest(_search_key(), said, "sha256")[:8]


def nameless(text: str, *, place: str) -> str:
    """An anonymous name, a different one in each place (`redis`, `logs`).

    So a name from one place cannot be found in another, nor in the database.
    """
    return hmac.new(_name_key(place), text.strip().lower().encode(), hashlib.sha256).hexdigest()[
        :32
    ]


def body_key(body: bytes) -> bytes:
    """A keyed hash of a request's body: a plain hash could be guessed from names and addresses."""
    return hmac.new(_body_key(), body, hashlib.sha256).digest()


def recovery_key(text: str) -> bytes:
    """A keyed hash of a recovery code and its account."""
    return hmac.new(_recovery_key(), text.encode(), hashlib.sha256).digest()


def new_reference() -> str:
    """Eight characters that a guest can read out: no 0, O, 1 or I."""
    # 32 letters: five bits of each byte, so all letters are equally likely
    return "".join(_ALPHABET[byte & 31] for byte in secrets.token_bytes(REFERENCE_LENGTH))
