"""Features of tables (a booth, step-free), and what a party needs or wishes for of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Something that some tables offer. `name` is the one that guests see."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Wants:
    """The keys of features that a party needs, and of those that it would like."""

    needs: tuple[str, ...] = ()
    wishes: tuple[str, ...] = ()


NOTHING = Wants()


def wants_from(stored: Mapping[str, Sequence[str]] | None) -> Wants:
    """What a reservation's row says; NULL: nothing."""
    if not stored:
        return NOTHING
    return Wants(tuple(stored.get("needs", ())), tuple(stored.get("wishes", ())))


def wants_to(wants: Wants) -> dict[str, list[str]] | None:
    """The form to store, the inverse of `wants_from`."""
    found = {"needs": list(wants.needs), "wishes": list(wants.wishes)}
    return {name: keys for name, keys in found.items() if keys} or None


def features_from(rows: Sequence[Mapping[str, Any]]) -> tuple[FeatureSpec, ...]:
    """The stored rows as values."""
    return tuple(FeatureSpec(row["key"], row["name"]) for row in rows)
