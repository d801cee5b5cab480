"""Verbs of the stand that come twice: pressed again, retried after a lost answer, by two hosts."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, make_url

from models.core.database.transactions import make_engine
from models.core.errors import RevisionConflict, StateConflict
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.undo import take_back
from models.rules.reservations.lifecycle import Status
from tests.operations.evenings import TWO_TABLES, a_stand, history
from tests.services.running.stand import START, Stand
from tests.services.servers.breaking_line import BreakingLine

Verb = Callable[..., None]
#: verb -> the steps before it, and the state that it leads to
WAYS: dict[str, tuple[Verb, list[Verb], str]] = {
    "arrive": (arrive, [], "arrived"),
    "seat": (seat, [], "seated"),
    "seat who arrived": (seat, [arrive], "seated"),
    "finish": (finish, [seat], "finished"),
    "finish who never sat": (finish, [], "finished"),
    "no-show": (mark_no_show, [], "no_show"),
    "take back a finish": (take_back, [seat, finish], "seated"),
    "take back a seating": (take_back, [arrive, seat], "arrived"),
    "take back a no-show": (take_back, [mark_no_show], "confirmed"),
    "take back an arrival": (take_back, [arrive], "confirmed"),
}


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def before(stand: Stand, way: str) -> int:
    """A party for which this is the next verb."""
    number = stand.ask(2)
    for done in WAYS[way][1]:
        stand.move(done, number, now=minutes(1))
    return number


def state(stand: Stand, number: int) -> tuple[Any, ...]:
    row = stand.row(number)
    return row.status, row.revision, stand.held(number), stand.revision(), history(stand, number)


@pytest.mark.both
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", ["nothing", "the state", "the revision"])
def test_a_verb_that_comes_again_has_done_nothing(db: Engine, way: str, names: str) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number, (verb, _, after) = before(stand, way), WAYS[way]
    row = stand.row(number)
    seen = {
        "nothing": ActsOn(),
        "the state": ActsOn(status=Status(row.status)),
        "the revision": ActsOn(revision=row.revision),
    }[names]
    stand.move(verb, number, now=minutes(2), acts_on=seen)
    done = state(stand, number)
    assert (done[0], done[1]) == (after, row.revision + 1)
    for later in (2, 3, 40):
        stand.move(verb, number, now=minutes(later), acts_on=seen)
        assert state(stand, number) == done


@pytest.mark.both
def test_two_steps_back_are_taken_when_both_are_named(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = before(stand, "take back a finish")
    for status in (Status.FINISHED, Status.SEATED):
        stand.move(take_back, number, now=minutes(2), acts_on=ActsOn(status=status))
    assert stand.row(number).status == "confirmed"


@pytest.mark.both
def test_after_another_move_the_next_take_back_is_meant(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = before(stand, "take back a finish")
    for verb in (take_back, finish, take_back):
        stand.move(verb, number, now=minutes(3))
    assert stand.row(number).status == "seated"
    assert len(history(stand, number)) == 6


@pytest.mark.both
@pytest.mark.parametrize("verb", [arrive, seat, mark_no_show, finish, take_back])
def test_what_somebody_else_did_meanwhile_is_not_done_over(db: Engine, verb: Verb) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(1))
    seen = stand.row(number).revision
    stand.move(seat, number, now=minutes(2), table_ids=(stand.restaurant.tables["2"],))
    done, elsewhere = state(stand, number), {}
    if verb is seat:
        elsewhere = {"table_ids": (stand.restaurant.tables["1"],)}
    with pytest.raises(RevisionConflict):
        stand.move(verb, number, now=minutes(3), acts_on=ActsOn(revision=seen), **elsewhere)
    with pytest.raises(StateConflict):
        stand.move(verb, number, now=minutes(3), acts_on=ActsOn(Status.CONFIRMED), **elsewhere)
    assert state(stand, number) == done


@pytest.fixture
def line(db: Engine) -> Iterator[tuple[Stand, BreakingLine]]:
    """A stand whose connections to the database can be broken."""
    url = make_url(db.url.render_as_string(hide_password=False))
    assert url.port
    near = a_stand(db, tables=TWO_TABLES)
    with BreakingLine(url.port) as between:
        far = make_engine(url.set(port=between.port).render_as_string(hide_password=False))
        yield Stand(far, near.restaurant), between
        far.dispose()


@pytest.mark.mariadb
@pytest.mark.parametrize("way", WAYS)
def test_a_verb_whose_commit_is_not_answered_is_done_once(
    line: tuple[Stand, BreakingLine], way: str
) -> None:
    """The transaction was committed and is repeated, because its outcome is unknown."""
    stand, between = line
    number, (verb, _, after) = before(stand, way), WAYS[way]
    was = stand.row(number).revision
    between.lose_the_answer_to(b"commit")
    stand.move(verb, number, now=minutes(2))
    assert between.broken == 1
    assert (stand.row(number).status, stand.row(number).revision) == (after, was + 1)
    assert len(history(stand, number)) == was


@pytest.mark.mariadb
def test_a_move_to_another_table_whose_commit_is_not_answered_is_done_once(
    line: tuple[Stand, BreakingLine],
) -> None:
    stand, between = line
    number = before(stand, "finish")
    was = stand.row(number).revision
    between.lose_the_answer_to(b"commit")
    stand.move(
        seat, number, now=minutes(2), table_ids=(stand.restaurant.tables["2"],),
        acts_on=ActsOn(revision=was),
    )  # fmt: skip
    assert between.broken == 1
    assert (stand.row(number).revision, stand.held(number)) == (was + 1, {"2": (0, 6)})
