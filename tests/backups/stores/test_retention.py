"""Retention: enough backups of each age, never half a chain."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.backups.retention import Kept, to_keep

END = datetime(2026, 11, 20, 19, 42, tzinfo=UTC)


def _hourly(days: int) -> list[Kept]:
    """A full backup each day at 03:00, an incremental every other hour, up to END."""
    made: list[Kept] = []
    for hours in range(days * 24, -1, -1):
        at = END - timedelta(hours=hours)
        full = at.hour == 3 or not made
        made.append(Kept(f"b{hours:05}", at, None if full else made[-1].name))
    return made


def _pruned_hour_by_hour(days: int) -> list[Kept]:
    held: list[Kept] = []
    for one in _hourly(days):
        held.append(one)
        names = to_keep(held)
        held = [other for other in held if other.name in names]
    return held


def test_a_year_of_hours_leave_the_ages_that_were_promised() -> None:
    held = _pruned_hour_by_hour(400)
    ages = [END - one.at for one in held]
    assert sum(age < timedelta(hours=48) for age in ages) == 48
    assert len({one.at.date() for one in held if END - one.at < timedelta(days=14)}) == 14
    assert len({one.at.isocalendar()[:2] for one in held}) >= 8
    months = {(one.at.year, one.at.month) for one in held}
    assert len(months) == 12
    assert len(held) < 48 + 24 + 14 + 8 + 12


def test_a_day_is_kept_by_the_backup_that_stands_alone() -> None:
    held = _pruned_hour_by_hour(60)
    old = [one for one in held if END - one.at > timedelta(days=4)]
    assert old
    assert all(one.parent is None for one in old)


def test_gaps_count_for_nothing() -> None:
    few = [Kept(f"y{year}", END - timedelta(days=365 * year)) for year in range(10)]
    assert to_keep(few) == {one.name for one in few}


def test_a_long_chain_stays_whole() -> None:
    """The newest backup depends on all of these, however old they are."""
    made = [Kept("b000", END)]
    for hours in range(1, 24 * 8):
        made.append(Kept(f"b{hours:03}", END + timedelta(hours=hours), made[-1].name))
    assert to_keep(made) == {one.name for one in made}


@st.composite
def catalogues(draw: st.DrawFn) -> list[Kept]:
    steps: list[tuple[int, bool]] = draw(
        st.lists(st.tuples(st.integers(0, 60 * 24 * 20), st.booleans()), min_size=1, max_size=150)
    )
    made: list[Kept] = []
    at = END
    for number, (minutes, joins) in enumerate(steps):
        at += timedelta(minutes=minutes)
        stands_on = made[-1].name if made and joins else None
        made.append(Kept(f"b{number:04}", at, stands_on))
    return made


@given(catalogues())
def test_no_chain_is_broken_and_the_newest_stays(made: list[Kept]) -> None:
    kept = to_keep(made)
    assert made[-1].name in kept
    assert not [one for one in made if one.name in kept and one.parent and one.parent not in kept]


@given(catalogues())
def test_every_recent_hour_day_week_and_month_has_one(made: list[Kept]) -> None:
    kept = [one for one in made if one.name in to_keep(made)]
    for count, period in ((48, "%Y%m%d%H"), (14, "%Y%m%d"), (8, "%G%V"), (12, "%Y%m")):
        wanted = sorted({one.at.strftime(period) for one in made})[-count:]
        assert set(wanted) <= {one.at.strftime(period) for one in kept}


@given(catalogues())
def test_pruning_twice_takes_nothing_more(made: list[Kept]) -> None:
    kept = to_keep(made)
    assert to_keep([one for one in made if one.name in kept]) == kept
