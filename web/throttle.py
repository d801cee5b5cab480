"""Failed sign-ins are counted by e-mail address and caller; too many have to wait."""

import hashlib
from typing import Final

from models.core import signals
from web.problems import TooManySignIns

FAILURES: Final = 10
WINDOW_SECONDS: Final = 15 * 60


def check_sign_in(email: str, address: str) -> None:
    """Raise TooManySignIns after 10 failures in 15 minutes. Redis gone: nobody is refused."""
    if int(signals.attempt("get", _key(email, address)) or 0) >= FAILURES:
        raise TooManySignIns("too many failed sign-ins; wait a quarter of an hour")


def note_failure(email: str, address: str) -> None:
    """Count a failed sign-in."""
    key = _key(email, address)
    if signals.attempt("incr", key) == 1:
        signals.attempt("expire", key, WINDOW_SECONDS)


def forget_failures(email: str, address: str) -> None:
    """A right password clears the count."""
    signals.attempt("delete", _key(email, address))


def _key(email: str, address: str) -> str:
    # hashed: Redis holds no contact data
    who = hashlib.sha256(f"{email.strip().lower()}\n{address}".encode()).hexdigest()[:32]
    return f"sign-in-failures:{who}"
