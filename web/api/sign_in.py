"""Authentication of an account: by password, and by a code if it has a second factor.

Failed passwords are counted by account and network (or device that signed in before). Failed
codes are counted by account from anywhere, because a code has only six digits. Beyond
LIMIT_FAILURES every answer is 429.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import FirstPassword, SecondFactorMissing, SecondFactorNeeded, SignInFailed
from models.core.secrets.signing import nameless
from models.core.settings import settings
from models.operations.accounts.second_factors import spend
from models.queries.accounts.accounts import Credentials, credentials
from web.http.hashing import is_password
from web.http.problems import TooManyHashes
from web.http.rate_limits import forget_guesses, give_back, place_of, take_guess

log = logging.getLogger(__name__)

#: Codes are counted regardless of the address.
_ANYWHERE = ""


def check_password(email: str, password: str, device: str | None = None) -> Credentials:
    """Return the account with this e-mail address and password.

    Raises SignInFailed, TooManySignIns, TooManyHashes. `device`: the device token that was sent.
    """
    place = place_of(email, device)
    take_guess(email, place)
    with reading() as session:
        known = credentials(session, email)
    # Argon2 takes tens of milliseconds: outside any transaction, and also for unknown accounts
    try:
        is_right = is_password(password, None if known is None else known.password_hash)
    except TooManyHashes:
        give_back(email, place)
        raise
    if not is_right or known is None:
        log.warning("sign-in failed", extra={"who": nameless(email, place="logs")})
        raise SignInFailed("wrong e-mail address or password")
    give_back(email, place)
    return known


def check_own_password(email: str, password: str, device: str | None = None) -> Credentials:
    """Do the same, but refuse an initial password: it must not set up a second factor.

    Raises FirstPassword as well.
    """
    known = check_password(email, password, device)
    if known.first_until is not None:
        _refuse_first(known)
    return known


def check_code(known: Credentials, code: str | None) -> None:
    """Check and spend a second-factor code. Raises SecondFactorNeeded, SignInFailed."""
    if not code:
        raise SecondFactorNeeded("a code of the second factor is required: `code`")
    now = clock.now()
    with guessed_code(known) as guess:
        guess.is_right = unit(lambda session: spend(session, known.account_id, code, now=now))
    if not guess.is_right:
        raise SignInFailed("the code is wrong or was used before")


@dataclass(slots=True)
class Guess:
    """Whether a code was right. Until that is known it counts as wrong."""

    is_right: bool = False


@contextmanager
def guessed_code(known: Credentials) -> Iterator[Guess]:
    """Count a code from any address, unless it turns out right. Raises TooManySignIns."""
    take_guess(codes_of(known), _ANYWHERE)
    guess = Guess()
    yield guess
    if guess.is_right:
        give_back(codes_of(known), _ANYWHERE)
    else:
        log.warning("second factor refused", extra={"account_id": known.account_id})


def factor_is_required() -> bool:
    """Return whether every account must have a second factor."""
    return settings().second_factor == "required"


def check_sign_in(
    email: str, password: str, code: str | None, device: str | None = None
) -> Credentials:
    """Check everything that a sign-in requires.

    Raises SignInFailed, its subclasses, TooManySignIns and TooManyHashes.
    """
    known = check_own_password(email, password, device)
    if known.has_second_factor:
        check_code(known, code)
        forget_guesses(codes_of(known), _ANYWHERE)
    elif factor_is_required():
        raise SecondFactorMissing(
            "this installation requires a second factor: begin at POST /api/v1/auth/second-factor"
        )
    forget_guesses(email, place_of(email, device))
    return known


def check_first(known: Credentials) -> None:
    """Raise SignInFailed when this is not an initial password, or it has expired."""
    if known.first_until is None:
        raise SignInFailed("this is not an initial password: sign in, then change it")
    if known.first_until <= clock.now():
        raise SignInFailed("the initial password has expired: ask for a new one")


def _refuse_first(known: Credentials) -> None:
    check_first(known)
    raise FirstPassword(
        "this is an initial password: choose another at POST /api/v1/auth/password/first"
    )


def codes_of(known: Credentials) -> str:
    """Return the name under which wrong codes of this account are counted."""
    return f"codes of account {known.account_id}"
