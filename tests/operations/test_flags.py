"""Flags in the database: set, used by the rounds, logged, read without a query per answer."""

import sys

import pytest
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider
from sqlalchemy import Engine

from models.core.database.transactions import make_engine, reading
from models.core.errors import Invalid, NotFound, SettingsInvalid
from models.operations.running.flags import clear_flag, offers_to_repeat
from models.queries.running import flags
from models.queries.running.flags import changes, is_on, switches
from models.rules.flags import EVERYWHERE, Flag
from tests.operations.evenings import ONE_TABLE, a_stand, seen_now, set_now, told
from tests.services.counting import counting
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.running.stand import NOW, Stand
from workers import hooks

pytestmark = pytest.mark.both
OFFERS = Flag.WAITLIST_OFFERS


def asked(stand: Stand, flag: Flag = OFFERS, restaurant: int | None = None) -> bool:
    return is_on(flag, restaurant_id=restaurant or stand.restaurant.id, key="1")


def test_a_switch_holds_where_it_was_set(db: Engine) -> None:
    stand = a_stand(db)
    assert asked(stand)
    set_now(stand, OFFERS, restaurant_id=stand.restaurant.id, percent=0)
    assert not asked(stand)
    assert asked(stand, restaurant=stand.restaurant.id + 1)
    assert asked(stand, Flag.SMS)
    set_now(stand, OFFERS, is_killed=True)
    assert not asked(stand, restaurant=stand.restaurant.id + 1)
    stand.do(lambda session: clear_flag(session, OFFERS, now=NOW, actor="operator"))
    seen_now()
    assert asked(stand, restaurant=stand.restaurant.id + 1)
    assert not asked(stand)


def test_asking_costs_no_query_and_looking_one_a_second(db: Engine) -> None:
    stand = a_stand(db)
    set_now(stand, OFFERS, percent=50)
    flags.database_flags()._seen = float("inf")  # just now, however slow this machine is
    with counting(db) as statements:
        for key in range(100):
            is_on(OFFERS, restaurant_id=stand.restaurant.id, key=key)
            flags.refresh()
    assert statements.count == 0
    flags.database_flags()._seen = float("-inf")
    with counting(db) as statements:
        flags.refresh()
    assert statements.count == 1


def test_each_change_is_written_down(db: Engine) -> None:
    stand = a_stand(db)
    set_now(stand, OFFERS, percent=25, actor="staff:1")
    set_now(stand, OFFERS, is_killed=True, restaurant_id=stand.restaurant.id)
    assert stand.do(lambda session: clear_flag(session, OFFERS, now=NOW, actor="staff:2"))
    assert not stand.do(lambda session: clear_flag(session, OFFERS, now=NOW, actor="staff:2"))
    found = stand.do(
        lambda session: [
            (row.restaurant_id, row.percent, row.is_killed, row.actor)
            for row in changes(session, limit=10)
        ]
    )
    assert found == [
        (EVERYWHERE, None, False, "staff:2"),
        (stand.restaurant.id, 100, True, "operator"),
        (EVERYWHERE, 25, False, "staff:1"),
    ]
    assert stand.do(lambda session: [row.restaurant_id for row in switches(session)]) == [
        stand.restaurant.id
    ]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percentage_out_of_range_changes_nothing(db: Engine, percent: int) -> None:
    stand = a_stand(db)
    with pytest.raises(Invalid) as refused:
        set_now(stand, OFFERS, percent=percent)
    assert refused.value.fields[0].field == "percent"
    with pytest.raises(NotFound, match="waitlist-offers"):
        set_now(stand, "no-such-flag")
    assert stand.do(lambda session: switches(session) + changes(session, limit=1)) == []


def test_no_offers_while_they_are_off_and_all_once_they_are_on(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    set_now(stand, OFFERS, percent=0, restaurant_id=stand.restaurant.id)
    stand.cancel(first)
    assert stand.row(waiting).status == "waitlisted"
    assert told(stand, waiting) == ["waitlisted"]
    set_now(stand, OFFERS, percent=100, restaurant_id=stand.restaurant.id)
    last, restaurants = stand.do(lambda session: offers_to_repeat(session, after=0, until=NOW))
    assert restaurants == {stand.restaurant.id}
    again = stand.do(lambda session: offers_to_repeat(session, after=last, until=NOW))
    assert again == (last, set())


def test_a_database_that_is_gone_changes_no_answer(
    db: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand = a_stand(db)
    set_now(stand, OFFERS, percent=0)
    gone = make_engine("sqlite:////proc/nowhere.db")
    monkeypatch.setattr(flags, "reading", lambda: reading(gone))
    seen_now()
    assert "flags could not be read" in caplog.text
    assert not asked(stand)


def all_off() -> InMemoryProvider:
    """Another provider."""
    return InMemoryProvider({flag.value: InMemoryFlag("off", {"off": False}) for flag in Flag})


def test_another_provider_answers_where_the_setting_names_it(
    db: Engine, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"FLAG_PROVIDER": f"{__name__}:{all_off.__name__}"}
    surroundings.settle(monkeypatch, service_env | ours)

    def is_off() -> bool:
        return not is_on(Flag.SMS, restaurant_id=1, key="1")

    wait_until(is_off, seconds=10, what="the provider")


def test_a_worker_without_openfeature_does_not_start_and_says_what_to_install(
    db: Engine, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings.settle(monkeypatch, service_env | {"FLAG_PROVIDER": f"{__name__}:all_off"})
    monkeypatch.delitem(sys.modules, "models.queries.running.flag_provider", raising=False)
    monkeypatch.setitem(sys.modules, "openfeature.provider", None)
    with pytest.raises(SystemExit, match="extra `flags`"):
        hooks.check_extras({"queues": ["allocation"]})


@pytest.mark.parametrize("name", ["nowhere:at_all", "tests.operations.test_flags:missing", "os"])
def test_a_provider_that_cannot_be_made_is_named(
    db: Engine, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    surroundings.settle(monkeypatch, service_env | {"FLAG_PROVIDER": name})
    with pytest.raises(SettingsInvalid, match="FLAG_PROVIDER"):
        is_on(Flag.SMS, restaurant_id=1, key="1")
