"""Errors that exist only over HTTP, and the table of statuses by error."""

from dataclasses import dataclass, replace
from typing import Final

from models.core.errors import (
    AlreadyBooked,
    Busy,
    FileInvalid,
    Invalid,
    KeyInFlight,
    KeyReused,
    MaitredError,
    NotAllowed,
    NotFound,
    NotSeated,
    RestaurantUnreadable,
    RevisionConflict,
    SignInFailed,
    StateConflict,
    TableTaken,
    TooLarge,
)


class BadRequest(Invalid):
    """The request cannot be read: broken JSON, a malformed header."""

    code = "bad-request"


class NotJson(MaitredError):
    """A body in another format than JSON."""

    code = "unsupported-media-type"


class TooManyRequests(MaitredError):
    """The caller exceeded a rate limit. `retry_after`: seconds until the count restarts."""

    code = "too-many-requests"

    def __init__(self, retry_after: int, message: str = "") -> None:
        again = f"too many requests; try again in {retry_after} seconds"
        super().__init__(message or again)
        self.retry_after = retry_after


class TooManyChanges(TooManyRequests):
    """Too many changes of one reservation: each one sends a message to the guest."""

    code = "too-many-changes"

    def __init__(self, retry_after: int) -> None:
        minutes = -(-retry_after // 60)
        super().__init__(
            retry_after,
            "too many changes of this reservation; this one was not made. "
            f"Please call the restaurant, or try again in {minutes} min",
        )


class TooManySignIns(TooManyRequests):
    """Too many failed sign-ins for this e-mail address from one network or device."""

    code = "too-many-sign-ins"


class Unavailable(MaitredError):
    """The database does not answer; try again.

    After a write, the answer adds `outcome: unknown` (web/http/errors.py).
    """

    code = "unavailable"


class TooManyStreams(Unavailable):
    """No thread is available for another stream."""

    code = "too-many-streams"


class TooManyHashes(Unavailable):
    """The process is hashing as many passwords as HASHES_MAX allows for its memory."""

    code = "too-many-hashes"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A status, the title that goes with it, and seconds for Retry-After."""

    status: int
    title: str
    retry_after: int | None = None


#: The first class in an error's MRO that is listed here decides.
PROBLEMS: Final[dict[type[MaitredError], ProblemKind]] = {
    BadRequest: ProblemKind(400, "Bad request"),
    SignInFailed: ProblemKind(401, "Not signed in"),
    NotAllowed: ProblemKind(403, "Not allowed"),
    NotFound: ProblemKind(404, "Not found"),
    TableTaken: ProblemKind(409, "The table is taken"),
    TooLarge: ProblemKind(409, "The party is too large for the table"),
    StateConflict: ProblemKind(409, "Not possible in this state"),
    KeyInFlight: ProblemKind(409, "Still running", retry_after=1),
    NotSeated: ProblemKind(409, "Cannot be seated"),
    AlreadyBooked: ProblemKind(409, "Already reserved"),
    Busy: ProblemKind(409, "Busy", retry_after=1),
    RevisionConflict: ProblemKind(412, "Changed in the meantime"),
    NotJson: ProblemKind(415, "Unsupported media type"),
    Invalid: ProblemKind(422, "Not valid"),
    FileInvalid: ProblemKind(422, "Not valid"),
    KeyReused: ProblemKind(422, "Idempotency-Key used before"),
    TooManySignIns: ProblemKind(429, "Too many sign-ins"),
    TooManyChanges: ProblemKind(429, "Too many changes"),
    TooManyRequests: ProblemKind(429, "Too many requests"),
    TooManyStreams: ProblemKind(503, "Too many streams", retry_after=5),
    TooManyHashes: ProblemKind(503, "Too many password checks", retry_after=1),
    Unavailable: ProblemKind(503, "Unavailable", retry_after=2),
    RestaurantUnreadable: ProblemKind(503, "Unavailable", retry_after=60),
    MaitredError: ProblemKind(500, "Internal error"),
}

#: Codes for the errors of Werkzeug and Flask.
HTTP_CODES: Final[dict[int, str]] = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "request-timeout",
    411: "length-required",
    413: "body-too-large",
    414: "uri-too-long",
    415: "unsupported-media-type",
    416: "range-not-satisfiable",
    431: "headers-too-large",
}


def kind_of(error: MaitredError) -> ProblemKind:
    """Return the status and title of an error, and its Retry-After."""
    kind = next(PROBLEMS[step] for step in type(error).__mro__ if step in PROBLEMS)
    if isinstance(error, TooManyRequests):
        return replace(kind, retry_after=error.retry_after)
    return kind
