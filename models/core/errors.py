"""One error class for each reason a caller can act on. `code` is stable and public."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One bad field: a JSON path such as `guest.email`, and what is wrong with it."""

    field: str
    message: str


class MaitredError(Exception):
    """The base of every refusal. `fields` names what to correct, where there is such a thing."""

    code = "error"

    def __init__(self, message: str, *, fields: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class SettingsInvalid(MaitredError):
    """The environment does not describe a house that can open."""

    code = "settings-invalid"


class KeyServiceAway(SettingsInvalid):
    """The key service that MASTER_KEY names does not answer, or lets nobody use the key."""

    code = "key-service-away"


class Invalid(MaitredError):
    """The request is understood and cannot be right; `fields` says which part."""

    code = "invalid"

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """The common case: exactly one field is wrong."""
        return cls(message, fields=(FieldProblem(field, message),))


class NotFound(MaitredError):
    """Nothing of that name, or nothing the caller may know of."""

    code = "not-found"


class NotAllowed(MaitredError):
    """Known caller, missing permission."""

    code = "not-allowed"


class SignInFailed(MaitredError):
    """Wrong e-mail or password, or a token that is expired, revoked or forged."""

    code = "sign-in-failed"


class SecondFactorNeeded(SignInFailed):
    """The password is right, and a code is asked for too."""

    code = "second-factor-needed"


class SecondFactorMissing(SignInFailed):
    """The password is right, and this house lets nobody in without a second factor."""

    code = "second-factor-missing"


class FirstPassword(SignInFailed):
    """The password is right, and was made up: it is good for choosing another, and no more."""

    code = "first-password"


class StateConflict(MaitredError):
    """The row's state does not allow the move (for instance: cancel a finished reservation)."""

    code = "state-conflict"


class RevisionConflict(MaitredError):
    """`If-Match` names a revision that is no longer the row's."""

    code = "revision-conflict"


class KeyReused(MaitredError):
    """The Idempotency-Key came before with another body."""

    code = "idempotency-key-reused"


class KeyInFlight(MaitredError):
    """The first request of this Idempotency-Key is still running."""

    code = "idempotency-key-in-flight"


class NotSeated(MaitredError):
    """A staff booking that cannot be seated; `reason` is the decision's own."""

    code = "not-seated"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class AlreadyBooked(MaitredError):
    """The guest has a table near that time, and proved to be its guest by `token`, its link.

    `is_same`: it is the very table that was asked for again.
    """

    code = "already-booked"

    def __init__(self, reservation_id: int, token: str, *, is_same: bool) -> None:
        super().__init__("you have a table near that time already; change it, or cancel it first")
        self.reservation_id = reservation_id
        self.token = token
        self.is_same = is_same


class Busy(MaitredError):
    """The book stayed locked or the database asked for a retry three times. Try again soon."""

    code = "busy"


class RestaurantUnreadable(MaitredError):
    """What the database holds of one restaurant makes no sense to this release."""

    code = "house-unreadable"

    def __init__(self, message: str, *, restaurant_id: int) -> None:
        super().__init__(message)
        self.restaurant_id = restaurant_id


class SealBroken(MaitredError):
    """A sealed value was changed or moved, or the key that sealed it is not in the keyset."""

    code = "seal-broken"


class FileInvalid(MaitredError):
    """A restaurant file is wrong; `fields` names each key."""

    code = "file-invalid"
