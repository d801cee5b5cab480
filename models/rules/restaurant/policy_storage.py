"""Conversion of policies between values and stored JSON, which has only non-default values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from models.rules.restaurant.restaurant import Pacing, Policies, TurnTime

_DEFAULTS = Policies()
_NAMES = frozenset(each.name for each in fields(Policies))


def turn_times_from(rows: Sequence[Sequence[int]]) -> tuple[TurnTime, ...]:
    """`[[2, 90], [4, 105]]` as turn times."""
    return tuple(TurnTime(up_to, minutes) for up_to, minutes in rows)


def turn_times_to(rows: Sequence[TurnTime]) -> list[list[int]]:
    """Turn times as `[[2, 90], [4, 105]]`."""
    return [[row.up_to, row.minutes] for row in rows]


def pacing_from(shape: Mapping[str, int | None]) -> Pacing:
    """`{"covers": 10, "parties": null, "online_covers": null}` as pacing."""
    return Pacing(**shape)


def pacing_to(pacing: Pacing) -> dict[str, int | None]:
    """Pacing as a dict, the inverse of `pacing_from`."""
    return asdict(pacing)


def policies_from(shape: Mapping[str, Any]) -> Policies:
    """Policies from their stored form; omitted fields have their defaults.

    A policy that this release does not know, because a newer one wrote it, is ignored.
    """
    values = {name: value for name, value in shape.items() if name in _NAMES}
    if "turn_times" in values:
        values["turn_times"] = turn_times_from(values["turn_times"])
    if "pacing" in values:
        values["pacing"] = pacing_from(values["pacing"])
    if "reminder_minutes" in values:
        values["reminder_minutes"] = tuple(values["reminder_minutes"])
    if "sms_countries" in values:
        values["sms_countries"] = tuple(values["sms_countries"])
    return Policies(**values)


def policies_to(policies: Policies) -> dict[str, Any]:
    """The form to store: only values that differ from the defaults."""
    shape: dict[str, Any] = {}
    for each in fields(Policies):
        value = getattr(policies, each.name)
        if value != getattr(_DEFAULTS, each.name):
            shape[each.name] = _plain(value)
    return shape


def _plain(value: Any) -> Any:
    if isinstance(value, Pacing):
        return pacing_to(value)
    if isinstance(value, tuple) and value and isinstance(value[0], TurnTime):
        return turn_times_to(value)
    return list(value) if isinstance(value, tuple) else value
