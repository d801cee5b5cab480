"""Which acts a party's state allows."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import pytest

from models.rules.reservations.lifecycle import DOOR, HOLDING, Status
from models.rules.reservations.verbs import Verb, allowed, refusal

START: Final = datetime(2026, 3, 6, 18, tzinfo=UTC)
S = Status
TABLES: Final = {Verb.ASSIGN, Verb.EXTEND, Verb.SWAP, Verb.LOCK}


class Party(NamedTuple):
    """A party as the rules ask about it."""

    status: Status
    source: str = "online"
    starts_at: datetime = START
    seated_at: datetime | None = None
    tables_locked: bool = False
    approve_by: datetime | None = None


REQUEST: Final = Party(S.CONFIRMED, approve_by=START)
#: five minutes after the start
DUE: Final[dict[Party, set[Verb]]] = {
    Party(S.REQUESTED): {Verb.CANCEL},
    REQUEST: {Verb.APPROVE, Verb.DECLINE, Verb.CANCEL, Verb.SEAT, Verb.CHANGE, *TABLES},
    Party(S.CONFIRMED): {
        *(Verb.ARRIVE, Verb.SEAT, Verb.FINISH, Verb.NO_SHOW, Verb.CANCEL, Verb.LATE),
        *(Verb.CHANGE, *TABLES),
    },
    Party(S.CONFIRMED, tables_locked=True): {
        *(Verb.ARRIVE, Verb.SEAT, Verb.FINISH, Verb.NO_SHOW, Verb.CANCEL, Verb.LATE),
        *(Verb.CHANGE, Verb.ASSIGN, Verb.EXTEND, Verb.UNLOCK),
    },
    Party(S.ARRIVED): {
        *(Verb.COUNT, Verb.SEAT, Verb.FINISH, Verb.NO_SHOW, Verb.CANCEL, Verb.TAKE_BACK),
        *(Verb.CHANGE, *TABLES),
    },
    Party(S.SEATED, seated_at=START): {
        *(Verb.COUNT, Verb.FINISH, Verb.TAKE_BACK, Verb.SPEND, Verb.CHANGE, *TABLES)
    },
    Party(S.FINISHED, seated_at=START): {Verb.TAKE_BACK, Verb.SPEND},
    Party(S.FINISHED): {Verb.TAKE_BACK, Verb.SPEND, Verb.NO_SHOW},
    Party(S.NO_SHOW): {Verb.ARRIVE, Verb.SEAT, Verb.FINISH, Verb.TAKE_BACK},
    Party(S.WAITLISTED): {Verb.CONFIRM, Verb.SEAT, Verb.CANCEL, Verb.PASS_OVER, Verb.CHANGE},
    Party(S.WAITLISTED, DOOR): {
        *(Verb.READY, Verb.SEAT, Verb.LEAVE, Verb.CANCEL, Verb.PASS_OVER, Verb.CHANGE)
    },
    Party(S.CANCELLED): set(),
    Party(S.DECLINED): set(),
    Party(S.EXPIRED): set(),
}


@pytest.mark.parametrize("party", DUE, ids=str)
def test_a_state_allows_exactly_these_acts(party: Party) -> None:
    assert allowed(party, now=START + timedelta(minutes=5)) == DUE[party]


@pytest.mark.parametrize("status", Status)
def test_nothing_of_the_stand_is_done_days_before(status: Status) -> None:
    today = {Verb.ARRIVE, Verb.COUNT, Verb.SEAT, Verb.NO_SHOW, Verb.LATE, Verb.TAKE_BACK}
    early = allowed(Party(status), now=START - timedelta(days=2))
    assert early <= allowed(Party(status), now=START)
    assert not today & early
    assert (Verb.FINISH in early) is (status is S.SEATED)


def test_a_cancellation_may_be_undone_for_half_an_hour() -> None:
    party, at = Party(S.CANCELLED), START - timedelta(days=2)
    for minutes, is_allowed in ((30, True), (31, False)):
        now = at + timedelta(minutes=minutes)
        assert (Verb.TAKE_BACK in allowed(party, now=now, cancelled_at=at)) is is_allowed


@pytest.mark.parametrize("status", HOLDING)
def test_a_refusal_says_why(status: Status) -> None:
    assert "approve it first" in refusal(Verb.ARRIVE, REQUEST, now=START)
    said = refusal(Verb.CONFIRM, Party(status), now=START)
    assert said == f"a reservation that is {status} is not on the waitlist"
