"""Special days and seasons: added hours, pacing of one date, areas closed for some days."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.database.transactions import engine
from models.core.errors import Invalid, NotSeated
from models.core.redis.signals import Miss
from models.entities import Reservation
from models.integrity.check import findings
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import Loaded, apply_file
from models.operations.floor.parties import PartiesHurt
from models.queries.deciding.availability import keep_availability
from models.queries.floor.export import export_restaurant
from models.rules.restaurant.day_rules import AreaClosure
from models.rules.restaurant.sittings import sittings_on
from tests.operations.deciding.small import (
    SMALL,
    a_small_stand,
    in_one,
    load,
    restaurant_of,
)
from tests.operations.floor.test_floor import problems
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both

FRIDAY = date(2026, 3, 6)
LATE = '\n[[shifts]]\nkey = "late"\nname = "Late"\non_date = 2026-03-06\nfirst = "22:00"\n'
LATE += 'last = "22:30"\nends = "01:00"\n'
WINTER = '\n[[closures]]\narea = "yard"\nfrom = 2025-10-16\nuntil = 2026-04-14\nyearly = true\n'
SLOW = '\n[[pacing]]\ndate = 2026-03-06\nfrom = "19:00"\nuntil = "19:15"\ncovers = 3\n'


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_small_stand(db)


def apply(text: str, *, move: bool = False) -> Loaded:
    file = read_restaurant(text)
    return in_one(lambda session: apply_file(session, file, now=NOW, move=move))


def row(number: int) -> Reservation:
    return in_one(
        lambda session: session.scalars(select(Reservation).where(Reservation.id == number)).one()
    )


def free(party_size: int = 2, area: str | None = None) -> list[datetime]:
    restaurant = restaurant_of()

    def work(session: Session) -> list[datetime]:
        slots = keep_availability(
            session,
            restaurant,
            Miss(None, ""),
            on_date=FRIDAY,
            party_size=party_size,
            area_key=area,
            now=NOW,
        )
        return [slot.starts_at for slot in slots]

    return in_one(work)


def broken(now: datetime = NOW) -> list[str]:
    with Session(engine()) as session:
        return [each.text for each in findings(session, now=now, grace_seconds=3600)]


# --- special hours that are added


def test_added_hours_leave_the_shifts_of_their_date(stand: Stand) -> None:
    loaded = apply(SMALL + LATE + "added = true\n")
    keys = [sitting.shift.key for sitting in sittings_on(restaurant_of(), FRIDAY)]
    assert keys == ["lunch", "dinner", "late"]
    assert loaded.special_days == ("2026-03-06: the special hours late are added to dinner, lunch",)


def test_the_load_says_what_special_hours_replace_or_why_the_day_is_closed(stand: Stand) -> None:
    said = apply(SMALL + LATE).special_days
    assert said == ("2026-03-06: the special hours late replace dinner, lunch",)
    closed = SMALL + LATE + "\n[[closures]]\ndate = 2026-03-06\n"
    said = apply(closed).special_days
    assert said == ("2026-03-06: closed, in spite of the special hours late",)
    assert apply(closed).special_days == said  # also if nothing changed


def test_added_hours_must_not_overlap_the_shifts_of_their_date() -> None:
    early = LATE.replace('"22:00"', '"21:00"') + "added = true\n"
    (problem,) = problems(SMALL + early)
    assert "its seatings overlap those of 'dinner' on 2026-03-06" in problem
    (problem,) = problems(SMALL + LATE.replace("on_date = 2026-03-06\n", "") + "added = true\n")
    assert problem.endswith("shifts[2].added: needs on_date: special hours are added to one date")


# --- pacing of one date


def test_the_pacing_of_a_date_binds_guests_and_staff_alike(stand: Stand) -> None:
    load(SMALL + SLOW)
    assert row(stand.ask(4)).reason == "pacing"
    assert row(stand.ask(2, start=START - timedelta(minutes=15))).status == "confirmed"
    with pytest.raises(NotSeated):
        stand.book(4)
    assert row(stand.book(4, force_pacing=True)).status == "confirmed"
    assert START not in free()


def test_zero_lets_no_guest_start_but_the_staff(stand: Stand) -> None:
    load(SMALL + SLOW.replace("covers = 3", "online_covers = 0"))
    assert START not in free()
    assert START + timedelta(minutes=30) in free()
    assert row(stand.book(2)).status == "confirmed"


def test_check_knows_the_pacing_of_a_date(stand: Stand) -> None:
    stand.ask(4)
    load(SMALL + SLOW, now=NOW - timedelta(hours=2))
    assert [text for text in broken(NOW) if "covers, 3 allowed" in text]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('[[pacing]]\ndate = 2026-03-06\nfrom = "19:00"\n', "pacing[0]: needs covers, parties or"),
        (SLOW + SLOW.replace('"19:00"', '"19:15"'), "pacing[1].from: overlaps pacing[0]"),
        (WINTER.replace('"yard"', '"roof"'), "closures[0].area: there is no area 'roof'"),
        (WINTER + WINTER, "closures[1].from: 2025-10-16 is already in closures[0]"),
    ],
)
def test_what_is_wrong_is_named(more: str, expected: str) -> None:
    (problem,) = problems(SMALL + more)
    assert expected in problem


# --- areas closed for some days


def test_nobody_is_seated_in_a_closed_area(stand: Stand) -> None:
    load(SMALL + WINTER)
    seated = [stand.ask(4), stand.ask(4)]
    assert [row(number).status for number in seated] == ["confirmed", "waitlisted"]
    assert free(4, "yard") == []
    with pytest.raises(Invalid) as refused:
        stand.ask(2, area_key="yard")
    assert refused.value.fields[0].message == "is closed on 2026-03-06"
    assert broken() == []


def test_the_staff_may_choose_a_table_in_a_closed_area(stand: Stand) -> None:
    load(SMALL + WINTER)
    assert row(stand.book(2, tables=("3",))).status == "confirmed"
    assert broken() == []


def test_closing_an_area_moves_those_who_did_not_ask_for_it(stand: Stand) -> None:
    stand.ask(4)
    here = stand.ask(4)  # at table 3, in the yard
    asked = stand.ask(2, area_key="yard", start=START + timedelta(hours=2))
    stand.cancel(here - 1)
    with pytest.raises(PartiesHurt) as hurt:
        apply(SMALL + WINTER)
    assert {problem.field for problem in hurt.value.fields} == {"closure of area yard"}
    outcomes = [each.outcome for each in apply(SMALL + WINTER, move=True).concerns.hurt]
    assert outcomes == ["now has table 2", "unchanged: area yard is closed then"]
    assert row(asked).status == "confirmed"
    assert [text for text in broken() if "area yard is closed" in text]


def test_a_change_into_a_closed_area_is_refused(stand: Stand) -> None:
    load(SMALL + WINTER)
    number = stand.ask(2)
    with pytest.raises(Invalid) as refused:
        stand.wish(number, area_key="yard")
    assert refused.value.fields[0].field == "area"


def test_the_file_comes_back(stand: Stand) -> None:
    text = SMALL + LATE + "added = true\n" + SLOW + WINTER
    text += '\n[[closures]]\narea = "yard"\ndate = 2026-07-01\nshift = "lunch"\nreason = "Film"\n'
    load(text)
    exported = in_one(lambda session: export_restaurant(session, "small"))
    before = restaurant_of()
    assert not apply(exported).changed
    assert len(before.area_closures) == 2
    assert before.date_pacing[0].limits == (("covers", 3),)


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        ("2025-10-15", False),
        ("2025-10-16", True),
        ("2026-04-14", True),
        ("2026-04-15", False),
        ("2031-01-01", True),
        ("2031-06-01", False),
        ("2024-12-01", False),
    ],
)
def test_a_season_reaches_over_the_new_year(day: str, closed: bool) -> None:
    winter = AreaClosure("yard", date(2025, 10, 16), date(2026, 4, 14), yearly=True)
    assert winter.covers(date.fromisoformat(day), "dinner") is closed
