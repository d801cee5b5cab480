"""Server sections: covers balanced, the next party, permissions, repeats."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import SectionTable
from models.integrity.check import findings
from models.rules.evening.sections import SectionLoad, balanced, next_section
from models.rules.restaurant.restaurant import TableSpec
from tests.api.conftest import Answer, Stand
from tests.services.running.restaurant import OpenRestaurant


def put(stand: Stand, role: str = "host", **body: Any) -> Answer:
    given_ = {"date": stand.start()[:10], "shift": "dinner"} | body
    return stand.client.put(
        f"/api/v1/restaurants/{stand.restaurant.slug}/book/sections",
        json=given_,
        headers=stand.as_staff(role),
    )


def acts(stand: Stand) -> list[str]:
    answer = stand.client.get(
        f"/api/v1/restaurants/{stand.restaurant.slug}/book/acts?date={stand.start()[:10]}",
        headers=stand.as_staff(),
    )
    return [each["act"] for each in answer.json["acts"]]


@given(covers=st.lists(st.integers(0, 12), min_size=1, max_size=30), servers=st.integers(1, 6))
def test_balanced_covers_differ_by_no_more_than_one_table(covers: list[int], servers: int) -> None:
    tables = [TableSpec(number, str(number), 1, 1, 4) for number in range(len(covers))]
    names = [f"server {number}" for number in range(servers)]
    found = balanced(tables, dict(enumerate(covers)), names)
    assert found.keys() == {table.id for table in tables}
    sums = [sum(covers[table] for table, own in found.items() if own == name) for name in names]
    assert max(sums) - min(sums) <= max(covers)


def test_the_next_party_goes_to_the_server_with_the_fewest_covers() -> None:
    loads = [SectionLoad("a", 6, 2), SectionLoad("b", 4, 9), SectionLoad("c", 4, 3)]
    assert next_section(loads) == "c"
    assert next_section([]) is None


def test_a_host_divides_the_tables_and_a_repeat_does_nothing(staffed: Stand) -> None:
    staffed.confirmed(party_size=6)
    named = [{"server": "Ana", "tables": ["1", "2", "3"]}, {"server": "Ben", "tables": ["5"]}]
    for _ in range(2):
        done = put(staffed, sections=named)
        assert done.status_code == 200, done.text
    assert acts(staffed) == ["sections"]
    ana, ben = done.json["sections"]
    assert (ana["tables"], ana["covers_to_come"]) == (["1", "2", "3"], 0)
    assert (ben["tables"], ben["covers_to_come"]) == (["5"], 6)
    assert done.json["next"] == "Ana"


def test_sections_without_tables_are_balanced(staffed: Stand) -> None:
    staffed.confirmed(party_size=6)
    done = put(staffed, sections=[{"server": "Ana"}, {"server": "Ben"}])
    assert done.status_code == 200, done.text
    assert sorted(table for each in done.json["sections"] for table in each["tables"]) == list(
        "123456"
    )


def test_wrong_sections_name_their_field_and_a_viewer_may_not(staffed: Stand) -> None:
    twice = [{"server": "Ana", "tables": ["1"]}, {"server": "Ben", "tables": ["1"]}]
    same = [{"server": "Ana", "tables": ["1"]}, {"server": "Ana", "tables": ["2"]}]
    for sections in (twice, same):
        answer = put(staffed, sections=sections)
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json["errors"]] == ["sections"]
    assert put(staffed, "viewer", sections=[]).status_code == 403


def test_the_check_names_a_section_with_a_table_of_another_restaurant(
    staffed: Stand, restaurant: Callable[..., OpenRestaurant]
) -> None:
    assert put(staffed, sections=[{"server": "Ana"}]).status_code == 200
    other = restaurant(slug="other")
    with transaction(staffed.db) as session:
        assert findings(session, now=clock.now(), grace_seconds=10**6) == []
        table = {"dining_table_id": other.tables["1"]}
        session.execute(update(SectionTable).where(SectionTable.dining_table_id == 1).values(table))
        assert [each.rule for each in findings(session, now=clock.now(), grace_seconds=10**6)] == [
            "reference"
        ]
