"""One error class for each reason that a caller can act on. `code` is stable and public."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

_Value = str | int | date | None


class Sentence(str):
    """A sentence with a stable `code` and its `values`: a page can say it in another language."""

    code: str
    values: Mapping[str, str | int]


def sentence(code: str, text: str, **values: _Value) -> Sentence:
    """The English sentence `text` with its values. A code always has the same text.

    The host stand has a text for each code in each of its languages.
    """
    found = Sentence(text.format(**values))
    found.code = code
    found.values = {
        name: each if isinstance(each, int) else f"{each or ''}" for name, each in values.items()
    }
    return found


def in_state(code: str, state: str, words: str) -> Sentence:
    """The sentence that a reservation in that state does not allow something."""
    return sentence(code, f"a reservation that is {{state}} {words}", state=state)


def words_of(wrong: ValueError) -> str:
    """The sentence of a ValueError, with its code if it has one."""
    first = wrong.args[0] if wrong.args else ""
    return first if isinstance(first, Sentence) else str(wrong)


UNKNOWN_TABLE: Final = sentence("unknown_table", "not a table of this restaurant")


def unknown_table(label: str) -> Sentence:
    """The sentence that no table has that label."""
    words = "is not a table of this restaurant: {table}"
    return sentence("unknown_table_named", words, table=label)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A bad field: a JSON path such as `guest.email`, and the problem with it."""

    field: str
    message: str


class MaitredError(Exception):
    """Base class of all refusals. `fields` names the fields to correct, if any."""

    code = "error"

    def __init__(self, message: str, *, fields: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class SettingsInvalid(MaitredError):
    """The settings in the environment are wrong or incomplete."""

    code = "settings-invalid"


class KeyServiceUnavailable(SettingsInvalid):
    """The key service that MASTER_KEY names does not answer, or forbids the use of the key."""

    code = "key-service-unavailable"


class Invalid(MaitredError):
    """The request is understood but invalid; `fields` says which part."""

    code = "invalid"

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """An error about exactly one field, the common case."""
        return cls(message, fields=(FieldProblem(field, message),))


class NotFound(MaitredError):
    """Nothing has that name, or the caller may not know of it."""

    code = "not-found"


class NotAllowed(MaitredError):
    """The caller is known but lacks the permission."""

    code = "not-allowed"


class SignInFailed(MaitredError):
    """Wrong e-mail or password, or a token that is expired, revoked or forged."""

    code = "sign-in-failed"


class SecondFactorNeeded(SignInFailed):
    """The password is right; a code is required, too."""

    code = "second-factor-needed"


class SecondFactorMissing(SignInFailed):
    """The password is right, but a second factor is required here and the account has none."""

    code = "second-factor-missing"


class FirstPassword(SignInFailed):
    """The password is right, but was generated: it only permits choosing another one."""

    code = "first-password"


class StateConflict(MaitredError):
    """The row's state does not allow the move (for instance: cancel a finished reservation)."""

    code = "state-conflict"


@dataclass(frozen=True, slots=True)
class PartyInTheWay:
    """A party at tables that another is to have, and why it stays there.

    `why`: seated, arrived, locked, no_table (there is no other table for it), or comes (it has a
    table in the area that is to be taken whole).
    """

    reservation_id: int
    reference: str
    status: str
    party_size: int
    starts_at: datetime
    ends_at: datetime
    #: the labels of its tables
    tables: tuple[str, ...]
    why: str


class TooLarge(StateConflict):
    """The party is larger than the tables seat; it may be squeezed in with a reason."""

    code = "too-large"


class TableTaken(StateConflict):
    """Parties are in the way and cannot be moved; `parties` names each."""

    code = "table-taken"

    def __init__(self, message: str, *, parties: tuple[PartyInTheWay, ...] = ()) -> None:
        super().__init__(message)
        self.parties = parties


class RevisionConflict(MaitredError):
    """`If-Match` names a revision that is not the row's current one."""

    code = "revision-conflict"


class KeyReused(MaitredError):
    """The Idempotency-Key was used before with another body."""

    code = "idempotency-key-reused"


class KeyInFlight(MaitredError):
    """The first request with this Idempotency-Key is still running."""

    code = "idempotency-key-in-flight"


class NotSeated(MaitredError):
    """No table for a booking or change by staff; `reason` is the decision's reason."""

    code = "not-seated"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class AlreadyBooked(MaitredError):
    """The guest has a table near that time, as proved by `token`, its manage link.

    `is_same`: the request was for the same table again.
    """

    code = "already-booked"

    def __init__(self, reservation_id: int, token: str, *, is_same: bool) -> None:
        super().__init__("you already have a table near that time; change it, or cancel it first")
        self.reservation_id = reservation_id
        self.token = token
        self.is_same = is_same


class Busy(MaitredError):
    """The book stayed locked, or the database required a retry three times. Try again soon."""

    code = "busy"


class RestaurantUnreadable(MaitredError):
    """The stored data of a restaurant cannot be read by this release."""

    code = "restaurant-unreadable"

    def __init__(self, message: str, *, restaurant_id: int) -> None:
        super().__init__(message)
        self.restaurant_id = restaurant_id


class DecryptionFailed(MaitredError):
    """An encrypted value was changed or moved, or its key is not in the keyset."""

    code = "decryption-failed"


class FileInvalid(MaitredError):
    """A restaurant file is wrong; `fields` names each key."""

    code = "file-invalid"
