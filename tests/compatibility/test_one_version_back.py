"""During a release, and after its rollback, the previous code runs beside this one."""

import copy
import json
from typing import Any

import pytest

from tests.compatibility.surface import RELEASED, surface

Surface = dict[str, Any]


def troubles(released: Surface, now: Surface) -> list[str]:
    """What would break in the previous code beside this one, or the reverse."""
    return [
        *_of_tasks(released["tasks"], now["tasks"]),
        *_of_tables(released["tables"], now["tables"]),
    ]


def _of_tasks(released: Surface, now: Surface) -> list[str]:
    found = []
    for name, task in released.items():
        if name not in now:
            found.append(f"task {name} is gone: what waits in the queue would be thrown away")
            continue
        if task["queue"] != now[name]["queue"]:
            found.append(f"task {name} has another queue")
        sent, arguments = task["arguments"], now[name]["arguments"]
        found += [f"{name} takes no {one} any more" for one in sent if one not in arguments]
        found += [
            f"{name} needs {one}, which the code before does not send"
            for one, is_required in arguments.items()
            if is_required and one not in sent
        ]
    return found


def _of_tables(released: Surface, now: Surface) -> list[str]:
    found = []
    for table, was in released.items():
        if table not in now:
            found.append(f"table {table} is gone")
            continue
        columns = now[table]["columns"]
        found += [
            f"{table}.{name}: {trouble}"
            for name, column in was["columns"].items()
            if (trouble := _of_column(column, columns.get(name)))
        ]
        found += [
            f"{table}.{name} is new and has to be given: let it be NULL or give it a default"
            for name, column in columns.items()
            if name not in was["columns"] and not column["may be left out"]
        ]
        found += [
            f"{table}: the code before does not know that {key} is unique"
            for key in now[table]["unique"]
            if key not in was["unique"]
        ]
    return found


def _of_column(was: Surface, now: Surface | None) -> str:
    if now is None:
        return "is gone"
    if was["type"] != now["type"]:
        return f"was {was['type']}, is {now['type']}"
    if was["nullable"] and not now["nullable"]:
        return "may not be NULL any more"
    if (now["length"] or 0) < (was["length"] or 0):
        return "has become shorter"
    return ""


def test_the_release_before_can_run_beside_this_code() -> None:
    released = json.loads(RELEASED.read_text(encoding="utf-8"))
    assert troubles(released, surface()) == []


def _without_task(now: Surface) -> None:
    del now["tasks"]["allocation.decide"]


def _another_argument(now: Surface) -> None:
    now["tasks"]["allocation.decide"]["arguments"]["speed"] = True


def _no_argument(now: Surface) -> None:
    del now["tasks"]["allocation.decide"]["arguments"]["lane"]


def _another_queue(now: Surface) -> None:
    now["tasks"]["allocation.decide"]["queue"] = "decisions"


def _no_table(now: Surface) -> None:
    del now["tables"]["messages"]


def _no_column(now: Surface) -> None:
    del now["tables"]["messages"]["columns"]["state"]


def _needed_column(now: Surface) -> None:
    columns = now["tables"]["messages"]["columns"]
    columns["weight"] = columns["state"] | {"nullable": False, "may be left out": False}


def _shorter_column(now: Surface) -> None:
    now["tables"]["messages"]["columns"]["state"]["length"] = 1


def _new_key(now: Surface) -> None:
    now["tables"]["messages"]["unique"].append("state")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_task, "task allocation.decide is gone"),
        (_another_argument, "needs speed"),
        (_no_argument, "takes no lane"),
        (_another_queue, "another queue"),
        (_no_table, "table messages is gone"),
        (_no_column, "messages.state: is gone"),
        (_needed_column, "messages.weight is new"),
        (_shorter_column, "messages.state: has become shorter"),
        (_new_key, "state is unique"),
    ],
)
def test_each_way_to_break_it_is_named(change: Any, said: str) -> None:
    before = surface()
    after = copy.deepcopy(before)
    assert troubles(before, after) == []
    change(after)
    (found,) = troubles(before, after)
    assert said in found


def test_what_only_adds_is_fine() -> None:
    before = surface()
    after = copy.deepcopy(before)
    after["tables"]["moons"] = after["tables"]["messages"]
    after["tables"]["messages"]["columns"]["mood"] = {
        "type": "String", "length": 9, "nullable": True, "may be left out": True,
    }  # fmt: skip
    after["tasks"]["allocation.decide"]["arguments"]["speed"] = False
    assert troubles(before, after) == []
