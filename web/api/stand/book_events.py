"""Changes of the book as server-sent events for the host stand (text/event-stream)."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from time import monotonic, sleep
from typing import Final

import orjson
from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.core.database.transactions import reading
from models.core.redis import signals
from models.core.settings import settings
from models.queries.accounts.accounts import Caller
from models.queries.book.revision import book_revision
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, describe
from web.http.access import staff_at_restaurant
from web.http.problems import TooManyStreams
from web.metrics import requests as metrics
from web.schemas.requests import BookQuery

blueprint = APIBlueprint("book_events", __name__, url_prefix="/api/v1", tag="The host stand")

#: Seconds between two checks for a change: of Redis, and of the database without Redis.
POLL_SECONDS: Final = 0.5
POLL_SECONDS_ALONE: Final = 2.0
#: The same while a change is being committed, which takes a moment.
POLL_SECONDS_CHANGING: Final = 0.05
#: A comment is sent after so long a silence, so that a closed connection gives its place back: a
#: stand that changes its view needs it.
SILENCE_SECONDS: Final = 1.0
#: Delay before a browser reconnects when a stream has ended, in milliseconds.
AGAIN_MS: Final = 500
#: A revision is a sum of numbers of at most 64 bits. An id with more digits is not ours.
REVISION_DIGITS: Final = 18
#: Books whose revision is remembered.
_BOOKS_MAX: Final = 1000
#: Minimum of streams per account, however few there are in all.
LEAST_EACH: Final = 2


@blueprint.get("/restaurants/<slug:slug>/book/events")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(BookQuery, location="query", arg_name="query")
@describe(
    blueprint,
    {200: None},
    problems=(*READ, *STAFF, 404, 422),
    headers=("Last-Event-ID",),
    security=("staff",),
    events="book",
)
def get_book_events(restaurant: RestaurantSpec, caller: Caller, query: BookQuery) -> Response:
    """Report changes of a day's book: an event `book` with its date and revision.

    The event's id is the revision. The first event is sent immediately, unless `Last-Event-ID`
    names it. The stream ends after `STREAM_SECONDS`, and the client reconnects: so stands move to
    each new release, and no stand misses a change. 503 when this process has its maximum of
    streams, or this account has its share: read the book every few seconds instead.
    """
    known = _last_seen(request.headers.get("Last-Event-ID", ""))
    g.stream = _Stream(caller.account_id, restaurant.id, query.date, known)
    answer = Response(g.stream, mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"  # nginx must not buffer events
    return answer


@blueprint.teardown_request
def close_unanswered(error: BaseException | None) -> None:
    """Close the stream if an error replaced the response: the server will not close it."""
    stream = g.pop("stream", None)
    if error is not None and stream is not None:
        stream.close()


def _last_seen(given: str) -> int | None:
    """Return the caller's last revision, or None if the text cannot be one."""
    is_number = given.isascii() and given.isdigit() and len(given) <= REVISION_DIGITS
    return int(given) if is_number else None


class StreamSlots:
    """The streams of this process: a maximum in all, and a quarter of it per account."""

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._each = max(self._total // 4, LEAST_EACH)
        self._taken: Counter[int] = Counter()
        self._lock = threading.Lock()

    def take(self, account_id: int) -> None:
        """Take a place; the caller must give it back. Raises TooManyStreams."""
        with self._lock:
            if self._taken.total() >= self._total:
                raise TooManyStreams("too many open streams in this process")
            if self._taken[account_id] >= self._each:
                raise TooManyStreams("too many open streams of this account")
            self._taken[account_id] += 1
            metrics.show_streams(self._taken.total())

    def give_back(self, account_id: int) -> None:
        """Release a place. Call it once for each place taken."""
        with self._lock:
            self._taken[account_id] -= 1
            self._taken += Counter()  # drops entries of zero
            metrics.show_streams(self._taken.total())

    @property
    def taken(self) -> int:
        """The number of open streams."""
        return self._taken.total()


def open_streams() -> int:
    """Return the number of open streams in this process. Each holds a thread."""
    return _slots().taken


@lru_cache(maxsize=1)
def _slots() -> StreamSlots:
    return StreamSlots(settings().streams_max)


class _Stream:
    """The body of one stream. Its place is released when the server closes it."""

    def __init__(
        self, account_id: int, restaurant_id: int, on_date: date, known: int | None
    ) -> None:
        self._closed = True
        self._lines = _events(restaurant_id, on_date, known)
        self._account_id, self._slots = account_id, _slots()
        self._slots.take(account_id)
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """Release the place. Idempotent."""
        if not self._closed:
            self._closed = True
            self._slots.give_back(self._account_id)


class _Revisions:
    """Revisions by book and generation: one query for all streams of this process, not one each."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, date], tuple[bytes, int]] = {}
        self._lock = threading.Lock()

    def of(self, restaurant_id: int, on_date: date, generation: bytes | None) -> int:
        """Return the revision under this generation, or the present one. Raises DBAPIError."""
        if generation is None:
            return _read(restaurant_id, on_date)
        is_mine = self._lock.acquire(timeout=POLL_SECONDS)  # longer: the database does not answer
        try:
            known = self._known.get((restaurant_id, on_date))
            if known and known[0] == generation:
                return known[1]
            revision = _read(restaurant_id, on_date)
            self._remember(restaurant_id, on_date, (generation, revision))
            return revision
        finally:
            if is_mine:
                self._lock.release()

    def _remember(self, restaurant_id: int, on_date: date, found: tuple[bytes, int]) -> None:
        if len(self._known) >= _BOOKS_MAX:
            self._known.clear()
        self._known[restaurant_id, on_date] = found


_revisions = _Revisions()


def _read(restaurant_id: int, on_date: date) -> int:
    with reading() as session:
        return book_revision(session, restaurant_id, on_date)


def _generation(restaurant_id: int, on_date: date) -> bytes | None:
    """Return the book's generation; wait while a change is being committed. None without Redis."""
    ends = monotonic() + POLL_SECONDS_ALONE
    while True:
        found = signals.cache_generation(restaurant_id, on_date.isoformat())
        if found is not None or signals.is_gone() or monotonic() > ends:
            return found
        sleep(POLL_SECONDS_CHANGING)


def _events(restaurant_id: int, on_date: date, known: int | None) -> Iterator[bytes]:
    """Yield an event for each new revision, and a comment after a silence."""
    ends = monotonic() + settings().stream_seconds
    spoken, seen = monotonic(), None
    yield f"retry: {AGAIN_MS}\n\n".encode()
    while monotonic() < ends:
        # each change makes a new generation; None without Redis
        generation = _generation(restaurant_id, on_date)
        if generation is None or generation != seen:
            try:
                revision = _revisions.of(restaurant_id, on_date, generation)
            except (DBAPIError, PoolTimeout):
                return  # the reconnect gets a 503 with Retry-After
            seen = generation
            if revision != known:
                known, spoken = revision, monotonic()
                facts = orjson.dumps({"date": on_date.isoformat(), "revision": revision})
                yield b"event: book\nid: %d\ndata: %s\n\n" % (revision, facts)
        if monotonic() - spoken > SILENCE_SECONDS:
            spoken = monotonic()
            yield b": nothing new\n\n"
        sleep(POLL_SECONDS if generation else POLL_SECONDS_ALONE)
