"""Which acts of the staff a party's state allows. The operations ask before they act, and the
stand's page before it offers an act.

A state that allows an act is not all that it needs: a table may be taken, an account may lack the
permission.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from models.core.errors import in_state, sentence
from models.rules.reservations.lifecycle import (
    DOOR,
    HERE,
    HOLDING,
    ONLY_BACK,
    OPEN,
    UNDO_CANCELLATION,
    Status,
    may_move,
)

#: A party cannot be here earlier before its start, nor later after it.
_EARLY, _LATE = timedelta(hours=12), timedelta(hours=24)


_UNDO_MINUTES: Final = int(UNDO_CANCELLATION.total_seconds()) // 60
_TOO_LATE: Final = sentence("answer_over", "the time to approve the request is over: book it again")
_NOT_BEGUN: Final = sentence("not_begun", "the reservation has not started yet")
_NOT_AGREED: Final = sentence("not_agreed", "the request waits for approval: approve it first")
_WAS_SEATED: Final = sentence(
    "was_seated", "a reservation that is finished cannot become no_show: the party was seated"
)
_AT_THE_DOOR: Final = sentence(
    "waits_at_the_door", "the party waits at the door: call it to a table, or seat it"
)
NOT_ON_THE_LIST: Final = sentence(
    "not_on_the_list", "the reservation is not on the list at the door"
)
_LOCKED: Final = sentence("locked_already", "is locked to its table: unlock it first")
_UNLOCKED: Final = sentence("not_locked", "the reservation is not locked to its table")
_NOT_DECIDED: Final = sentence(
    "not_decided", "the request itself is not decided yet; try again in a moment"
)


class Verb(StrEnum):
    """An act on one party, named as in the API; `COUNT` is `arrive` of a party that is here."""

    ARRIVE = "arrive"
    COUNT = "count"
    SEAT = "seat"
    FINISH = "finish"
    NO_SHOW = "no-show"
    TAKE_BACK = "take-back"
    CONFIRM = "confirm"
    APPROVE = "approve"
    DECLINE = "decline"
    CANCEL = "cancel"
    READY = "ready"
    LEAVE = "leave"
    PASS_OVER = "pass-over"  # noqa: S105 -- no password
    LATE = "late"
    SPEND = "spend"
    ASSIGN = "assign"
    SWAP = "swap"
    LOCK = "lock"
    UNLOCK = "unlock"
    EXTEND = "extend"
    CHANGE = "change"


class PartyState(Protocol):
    """What decides about a party's acts, as it is stored."""

    @property
    def status(self) -> str:
        """The state, with `confirmed` for a request that waits for approval."""

    @property
    def source(self) -> str:
        """How it came: `door` for the list at the door."""

    @property
    def starts_at(self) -> datetime:
        """The start of its turn."""

    @property
    def seated_at(self) -> datetime | None:
        """When it sat down; None: it has not."""

    @property
    def tables_locked(self) -> bool:
        """Whether it is locked to its tables."""

    @property
    def approve_by(self) -> datetime | None:
        """Until when the staff may approve it; None: it needs no approval."""


def refusal(
    verb: Verb, party: PartyState, *, now: datetime, cancelled_at: datetime | None = None
) -> str:
    """Return why the party's state forbids the act; empty: it is allowed.

    An act that is done already is not allowed. `cancelled_at` is asked for to undo a cancellation,
    or a refusal of a request.
    """
    if verb is Verb.TAKE_BACK:
        return _nothing_to_undo(party, now, cancelled_at)
    return next((said for check in _CHECKS[verb] if (said := check(party, now))), "")


def allowed(
    party: PartyState, *, now: datetime, cancelled_at: datetime | None = None
) -> frozenset[Verb]:
    """Return the acts that the party's state allows."""
    return frozenset(
        verb for verb in Verb if not refusal(verb, party, now=now, cancelled_at=cancelled_at)
    )


def wrong_day(party: PartyState, now: datetime) -> str:
    """Say that today is not the party's day; empty: it is."""
    if party.starts_at - now > _EARLY:
        return sentence("not_today", "the reservation is not for today")
    if now - party.starts_at > _LATE:
        return sentence("was_not_today", "the reservation was not for today")
    return ""


def _not_begun(party: PartyState, now: datetime) -> str:
    return _NOT_BEGUN if now < party.starts_at else ""


def _is_request(party: PartyState) -> bool:
    return party.status == Status.CONFIRMED and party.approve_by is not None


def _not_agreed(party: PartyState, _now: datetime) -> str:
    return _NOT_AGREED if _is_request(party) else ""


def _cannot_become(after: Status) -> "_Check":
    def check(party: PartyState, _now: datetime) -> str:
        before = Status(party.status)
        if after not in ONLY_BACK.get(before, ()) and may_move(before, after):
            return ""
        words = "a reservation that is {before} cannot become {state}"
        return sentence("cannot_become", words, before=before, state=after)

    return check


def _only_from(states: frozenset[Status], code: str, words: str) -> "_Check":
    def check(party: PartyState, _now: datetime) -> str:
        return "" if party.status in states else in_state(code, party.status, words)

    return check


def _not_over(party: PartyState, now: datetime) -> str:
    """Say that a party that is not at its table cannot have left yet."""
    if party.status == Status.SEATED:
        return ""
    return _not_begun(party, now) or wrong_day(party, now)


def _was_here(party: PartyState, now: datetime) -> str:
    """Say that a party that has left cannot have stayed away."""
    if party.status != Status.FINISHED:
        return ""
    return wrong_day(party, now) or ("" if party.seated_at is None else _WAS_SEATED)


def _at_door(party: PartyState, _now: datetime) -> str:
    return _AT_THE_DOOR if party.source == DOOR else ""


def _not_at_door(party: PartyState, _now: datetime) -> str:
    return "" if party.source == DOOR else NOT_ON_THE_LIST


def _waits_for_no_approval(party: PartyState, _now: datetime) -> str:
    said = in_state("no_approval", party.status, "waits for no approval")
    return "" if _is_request(party) else said


def _no_table(party: PartyState, _now: datetime) -> str:
    if Status(party.status) in HOLDING:
        return ""
    waits = party.status in (Status.REQUESTED, Status.WAITLISTED)
    if waits:
        return in_state("no_table_yet", party.status, "has no table yet: confirm it first")
    return in_state("no_table_any_more", party.status, "has no table any more")


def _locked(party: PartyState, _now: datetime) -> str:
    return _LOCKED if party.tables_locked else ""


def _not_locked(party: PartyState, _now: datetime) -> str:
    return "" if party.tables_locked else _UNLOCKED


def _undecided(party: PartyState, _now: datetime) -> str:
    return _NOT_DECIDED if party.status == Status.REQUESTED else ""


def _nothing_to_undo(party: PartyState, now: datetime, cancelled_at: datetime | None) -> str:
    if party.status in _UNDONE:
        return wrong_day(party, now)
    is_declined = party.status == Status.DECLINED and party.approve_by is not None
    if cancelled_at is None or not (is_declined or party.status == Status.CANCELLED):
        return in_state("no_undo", party.status, "has nothing to undo")
    if now - cancelled_at > UNDO_CANCELLATION:
        words = f"it was {party.status} more than {{minutes}} minutes ago: book it again"
        return sentence("undo_too_late", words, minutes=_UNDO_MINUTES)
    lapsed = is_declined and party.approve_by is not None and party.approve_by <= now
    return _TOO_LATE if lapsed else ""


#: what undoes each act; absent: nothing does, since its guest is told at once (approve, confirm,
#: ready), or since it is recorded again (count, pass-over, spend, change)
UNDONE_BY: Final[Mapping[Verb, Verb]] = {
    **dict.fromkeys(
        (
            Verb.ARRIVE,
            Verb.SEAT,
            Verb.FINISH,
            Verb.NO_SHOW,
            Verb.CANCEL,
            Verb.DECLINE,
            Verb.LEAVE,
        ),
        Verb.TAKE_BACK,
    ),
    Verb.LOCK: Verb.UNLOCK,
    Verb.UNLOCK: Verb.LOCK,
    **{each: each for each in (Verb.ASSIGN, Verb.SWAP, Verb.EXTEND, Verb.LATE)},
}

_Check = Callable[[PartyState, datetime], str]
_UNDONE: Final = frozenset({Status.ARRIVED, Status.SEATED, Status.FINISHED, Status.NO_SHOW})
_WAITS: Final = frozenset({Status.WAITLISTED})
_WAITS_HERE: Final = (
    _only_from(_WAITS, "not_at_the_door", "does not wait at the door"),
    _not_at_door,
)
_SPENT: Final = frozenset({Status.SEATED, Status.FINISHED})
#: what is asked for each act, in this order; the first that says something refuses it
_CHECKS: Final[Mapping[Verb, tuple[_Check, ...]]] = {
    Verb.ARRIVE: (_cannot_become(Status.ARRIVED), _not_agreed, wrong_day),
    Verb.COUNT: (_only_from(HERE, "not_here", "is not here"), wrong_day),
    # who seats a request has approved it
    Verb.SEAT: (_cannot_become(Status.SEATED), wrong_day),
    Verb.FINISH: (_cannot_become(Status.FINISHED), _not_agreed, _not_over),
    Verb.NO_SHOW: (_cannot_become(Status.NO_SHOW), _not_agreed, _not_begun, _was_here),
    Verb.CONFIRM: (_only_from(_WAITS, "not_on_the_waitlist", "is not on the waitlist"), _at_door),
    Verb.APPROVE: (_waits_for_no_approval,),
    Verb.DECLINE: (_waits_for_no_approval,),
    Verb.CANCEL: (_cannot_become(Status.CANCELLED),),
    Verb.READY: _WAITS_HERE,
    Verb.LEAVE: _WAITS_HERE,
    Verb.PASS_OVER: (_only_from(_WAITS, "does_not_wait", "does not wait"),),
    Verb.LATE: (
        _only_from(frozenset({Status.CONFIRMED}), "cannot_be_late", "cannot run late"),
        _not_agreed,
        wrong_day,
    ),
    Verb.SPEND: (_only_from(_SPENT, "spent_nothing", "has spent nothing"),),
    Verb.ASSIGN: (_no_table,),
    Verb.EXTEND: (_no_table,),
    Verb.SWAP: (_no_table, _locked),
    Verb.LOCK: (_no_table, _locked),
    Verb.UNLOCK: (_no_table, _not_locked),
    Verb.CHANGE: (_only_from(OPEN | HERE, "cannot_change", "cannot be changed"), _undecided),
}
