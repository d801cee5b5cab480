"""What a host overrides needs a permission and a reason, which stays in the history."""

import uuid
from typing import Any

import pytest

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Reservation
from tests.api.conftest import Answer, Stand

WHY = "regulars, they asked for the corner"
SQUEEZE: dict[str, Any] = {"squeeze": True, "reason": WHY}


def book(stand: Stand, role: str = "host", **changes: Any) -> Answer:
    path = f"/api/v1/restaurants/{stand.restaurant.slug}/book/reservations"
    headers = stand.as_staff(role) | {"Idempotency-Key": uuid.uuid4().hex}
    return stand.client.post(path, json=stand.body(**changes), headers=headers)


def seat(stand: Stand, number: str, role: str = "host", **body: Any) -> Answer:
    path = f"/api/v1/reservations/{number}/seat"
    return stand.client.post(path, json=body, headers=stand.as_staff(role))


def last_step(stand: Stand, number: str) -> tuple[str | None, Any]:
    path = f"/api/v1/reservations/{number}/history"
    step = stand.client.get(path, headers=stand.as_staff()).json["steps"][-1]
    return step["text"], {name for name, value in step["more"].items() if value is True}


def starts(stand: Stand, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the party's start now."""
    with transaction(stand.db) as session:
        start = session.get_one(Reservation, int(number)).starts_at
    monkeypatch.setattr(clock, "now", lambda: start)


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_seat_squeezes_a_party_in_only_with_the_permission_and_a_reason(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = book(staffed, party_size=4).json["id"]
    starts(staffed, number, monkeypatch)
    small: dict[str, Any] = {"tables": ["1"]}
    answer = seat(staffed, number, **small)
    assert refused(answer) == (409, "too-large")
    assert "seats up to 2" in answer.json["detail"]
    assert seat(staffed, number, **small, **SQUEEZE).status_code == 403
    assert seat(staffed, number, "manager", **small, squeeze=True).status_code == 422
    done = seat(staffed, number, "manager", **small, **SQUEEZE)
    assert (done.status_code, done.json["tables"]) == (200, ["1"]), done.text
    assert last_step(staffed, number) == (WHY, {"squeeze"})
    # where it sits already, nobody asks again
    assert seat(staffed, number, **small).status_code == 200


@pytest.mark.parametrize("walk_in", [False, True])
def test_a_booking_at_small_tables_needs_the_permission_to_squeeze(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch, walk_in: bool
) -> None:
    wanted: dict[str, Any] = {"party_size": 4, "tables": ["1"]}
    may: dict[str, Any] = {}
    if walk_in:
        first = book(staffed).json["id"]
        starts(staffed, first, monkeypatch)
        wanted |= {"walk_in": True, "start": None, "tables": ["2"]}
        may = {"force_pacing": True}  # as the page sends it for a role that may
    assert refused(book(staffed, **wanted)) == (409, "too-large")
    assert book(staffed, **wanted, **SQUEEZE).status_code == 403
    assert book(staffed, "manager", **wanted, squeeze=True).status_code == 422
    done = book(staffed, "manager", **wanted, **SQUEEZE, **may)
    assert (done.status_code, done.json["tables"]) == (201, wanted["tables"]), done.text
    assert last_step(staffed, done.json["id"]) == (WHY, {"squeeze"})


def test_an_overbooking_needs_a_reason_that_stays_in_the_history(staffed: Stand) -> None:
    for _party in range(2):
        assert book(staffed, party_size=4).status_code == 201
    over: dict[str, Any] = {"party_size": 4, "force_pacing": True}
    assert book(staffed, "manager", **over).status_code == 422
    done = book(staffed, "manager", **over, reason="the owner's family")
    assert done.status_code == 201, done.text
    assert last_step(staffed, done.json["id"]) == ("the owner's family", {"overbook"})
