"""The second factor: codes of an app (TOTP, RFC 6238), and recovery codes on paper."""

import base64
import hmac
import secrets
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from models.core.errors import NotFound, StateConflict
from models.core.secrets.encryption import key_of, keyring, seal, unseal
from models.core.secrets.signing import recovery_key
from models.entities.accounts import Account, RecoveryCode, SecondFactor
from models.operations.accounts.accounts import end_sign_ins

#: Codes for an account whose app was lost, shown once.
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_STEP_SECONDS: Final = 30
#: The steps that a clock may be off; the current one is the likeliest.
_STEPS: Final = (0, -1, 1)
_ISSUER: Final = "Maitred"


def begin(session: Session, account_id: int, *, now: datetime) -> str:
    """Store and return a new secret (base32, 160 bits), which takes effect once it is confirmed.

    Raises StateConflict while the account has a confirmed one.
    """
    session.get(Account, account_id, with_for_update=True)  # serializes concurrent calls
    row = _row(session, account_id)
    if row is not None and row.confirmed_at is not None:
        raise StateConflict("this account has a second factor: remove it first")
    secret = pyotp.random_base32()
    if row is None:
        row = SecondFactor(account_id=account_id, last_step=0)
        session.add(row)
    row.secret_sealed, row.created_at = _sealed(secret, account_id), now
    return secret


def uri_of(secret: str, *, email: str) -> str:
    """Return the URI that an app reads, as a QR code or typed in."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)


def confirm(session: Session, account_id: int, code: str, *, now: datetime) -> list[str] | None:
    """Activate the second factor; return the recovery codes, which are never shown again.

    The account's sign-ins end, since they were made without it. None if the code is wrong. Raises
    StateConflict if no factor was begun, or it is active already.
    """
    row = _row(session, account_id)
    if row is None or row.confirmed_at is not None:
        raise StateConflict(
            "no second factor was set up"
            if row is None
            else "the second factor is already confirmed"
        )
    if not _spend_step(row, code, now=now):
        return None
    row.confirmed_at = now
    end_sign_ins(session, account_id, now=now)
    fresh = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    session.add_all(
        RecoveryCode(account_id=account_id, code=_recovery_key(account_id, each)) for each in fresh
    )
    return fresh


def spend(session: Session, account_id: int, code: str, *, now: datetime) -> bool:
    """Spend a code once; return whether it is right. A recovery code works like one of the app."""
    row = _row(session, account_id)
    if row is None or row.confirmed_at is None:
        return False
    if _spend_step(row, code, now=now):
        return True
    gone = session.execute(
        delete(RecoveryCode).where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.code == _recovery_key(account_id, code),
        )
    )
    return isinstance(gone, CursorResult) and gone.rowcount == 1


def remove(session: Session, account_id: int, *, now: datetime) -> None:
    """Remove the second factor; the account's sign-ins end. Safe to repeat."""
    end_sign_ins(session, account_id, now=now)
    for entity in (RecoveryCode, SecondFactor):
        session.execute(delete(entity).where(entity.account_id == account_id))


def remove_of(session: Session, email: str, *, now: datetime) -> None:
    """Remove the second factor of the account with this e-mail address. Raises NotFound."""
    found = select(Account.id).where(Account.email == email.strip().lower())
    account_id = session.scalar(found)
    if account_id is None:
        raise NotFound("there is no such account")
    remove(session, account_id, now=now)


def reseal_factors(session: Session) -> int:
    """Re-encrypt secrets of other keys with the primary key; return how many.

    Raises DecryptionFailed.
    """
    primary, count = keyring().primary, 0
    for row in session.scalars(select(SecondFactor).with_for_update()):
        if key_of(row.secret_sealed) != primary:
            row.secret_sealed = _sealed(_secret(row), row.account_id)
            count += 1
    return count


def _row(session: Session, account_id: int) -> SecondFactor | None:
    """Return the row, locked, so that a code counts once even if it is sent twice concurrently."""
    return session.get(SecondFactor, account_id, with_for_update=True)


def _spend_step(row: SecondFactor, code: str, *, now: datetime) -> bool:
    given = "".join(code.split())
    current, app = int(now.timestamp()) // _STEP_SECONDS, pyotp.TOTP(_secret(row))
    for step in (current + off for off in _STEPS):
        is_right = hmac.compare_digest(app.generate_otp(step).encode(), given.encode())
        if is_right and step > row.last_step:
            row.last_step = step
            return True
    return False


def _secret(row: SecondFactor) -> str:
    return unseal(row.secret_sealed, about=_about(row.account_id)).decode()


def _sealed(secret: str, account_id: int) -> bytes:
    return seal(secret.encode(), about=_about(account_id))


def _about(account_id: int) -> str:
    return f"second factor of account {account_id}"


def _new_recovery_code() -> str:
    """Return 80 bits in four groups that can be read aloud."""
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_key(account_id: int, code: str) -> bytes:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return recovery_key(f"{account_id} {plain}")
