"""Who proves to be an account: by its password, and by a code where it has a second factor.

Failures are counted by account and address, and those of codes by account from anywhere: a code
has six digits. Beyond the house's limit every answer is 429.
"""

import logging

from flask import request

from models.core import clock
from models.core.db import reading, unit
from models.core.errors import FirstPassword, SecondFactorMissing, SecondFactorNeeded, SignInFailed
from models.core.settings import settings
from models.core.tallies import nameless
from models.operations.second_factors import spend
from models.queries.accounts import Credentials, credentials
from web.hashing import is_password
from web.limits import check_sign_in, forget_failures, note_failure

log = logging.getLogger(__name__)

#: Codes are counted whatever address they come from.
_ANYWHERE = ""


def prove_password(email: str, password: str) -> Credentials:
    """The account of this address and password. Raises SignInFailed, TooManySignIns."""
    address = request.remote_addr or ""
    check_sign_in(email, address)
    with reading() as session:
        known = credentials(session, email)
    # Argon2 takes tens of milliseconds: outside any transaction, and the same for the unknown
    password_hash = None if known is None else known.password_hash
    if not is_password(password, password_hash) or known is None:
        note_failure(email, address)
        log.warning("sign-in failed", extra={"who": nameless(email)})
        raise SignInFailed("this e-mail address and password do not belong together")
    return known


def prove_own_password(email: str, password: str) -> Credentials:
    """The same, by a password that its owner chose: one that was made up gives no second factor.

    Raises FirstPassword, too.
    """
    known = prove_password(email, password)
    if known.first_until is not None:
        _refuse_first(known)
    return known


def prove_code(known: Credentials, code: str | None) -> None:
    """A code of the account's second factor, used up. Raises SecondFactorNeeded, SignInFailed."""
    if not code:
        raise SecondFactorNeeded("send a code of your second factor, too: `code`")
    check_sign_in(codes_of(known), _ANYWHERE)
    now = clock.now()
    if not unit(lambda session: spend(session, known.account_id, code, now=now)):
        note_code(known)
        raise SignInFailed("this code is not right, or was used before")


def note_code(known: Credentials) -> None:
    """Count a wrong code."""
    note_failure(codes_of(known), _ANYWHERE)
    log.warning("second factor refused", extra={"account_id": known.account_id})


def factor_is_required() -> bool:
    """Whether nobody is let in without a second factor."""
    return settings().second_factor == "required"


def prove_all(email: str, password: str, code: str | None) -> Credentials:
    """All that a sign-in takes. Raises SignInFailed and what is made of it, TooManySignIns."""
    known = prove_own_password(email, password)
    if known.has_second_factor:
        prove_code(known, code)
        forget_failures(codes_of(known), _ANYWHERE)
    elif factor_is_required():
        raise SecondFactorMissing(
            "this house wants a second factor: begin at POST /api/v1/auth/second-factor"
        )
    forget_failures(email, request.remote_addr or "")
    return known


def check_first(known: Credentials) -> None:
    """Raise SignInFailed when this is no password that was made up, or its time is over."""
    if known.first_until is None:
        raise SignInFailed("this password was not made up: change it when you are signed in")
    if known.first_until <= clock.now():
        raise SignInFailed("the time to choose another password is over: ask for a new one")


def _refuse_first(known: Credentials) -> None:
    check_first(known)
    raise FirstPassword(
        "this password was made up for you: choose another at POST /api/v1/auth/password/first"
    )


def codes_of(known: Credentials) -> str:
    """The name under which wrong codes of this account are counted."""
    return f"codes of account {known.account_id}"
