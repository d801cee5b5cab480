"""Parties that a changed file would hurt: check every party by the rules, before and after."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from models.core.errors import FieldProblem, StateConflict
from models.queries.deciding.standing import Upcoming
from models.rules.deciding.objection import AGREED, NO_SEATING, Objection, Party
from models.rules.deciding.standing import objections
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import local, quarter_of

#: The most parties per part of the file that a refusal names; `--dry-run` names all.
_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Concern:
    """One party, the objections to it, and the outcome that `--move` has for it."""

    who: Upcoming
    objections: tuple[Objection, ...]
    outcome: str = ""

    @property
    def about(self) -> str:
        """The first part of the file in which it can be corrected."""
        return self.objections[0].about


@dataclass(frozen=True, slots=True)
class Concerns:
    """The effects of a file on the parties that depend on the restaurant.

    `hurt`: by this file. `agreed`: they keep conditions that the file no longer gives to others.
    `known`: the objections existed before.
    """

    hurt: tuple[Concern, ...] = ()
    agreed: tuple[Concern, ...] = ()
    known: tuple[Concern, ...] = ()


class PartiesHurt(StateConflict):
    """The file removes something that parties depend on; `concerns` names them all."""

    code = "parties-hurt"

    def __init__(self, restaurant: RestaurantSpec, concerns: Concerns) -> None:
        problems = tuple(_problems(restaurant, concerns.hurt))
        lines = "; ".join(f"{problem.field} {problem.message}" for problem in problems)
        super().__init__(f"reservations depend on what the file changes: {lines}", fields=problems)
        self.concerns = concerns


def find_concerns(
    before: RestaurantSpec, after: RestaurantSpec, parties: Iterable[Upcoming]
) -> Concerns:
    """Return all parties with an objection once the restaurant is as `after`."""
    hurt, agreed, known = [], [], []
    for who in parties:
        found = objections(after, _with_known_time(before, after, who.party), before=before)
        if not found:
            continue
        new = new_objections(before, after, who.party, who.party)
        hurts = tuple(each for each in new if each.code not in AGREED)
        if hurts:
            hurt.append(Concern(who, hurts))
        elif new or all(each.code in AGREED for each in found):
            agreed.append(Concern(who, new or found))
        else:
            known.append(Concern(who, found))
    return Concerns(tuple(hurt), tuple(agreed), tuple(known))


def new_objections(
    before: RestaurantSpec, after: RestaurantSpec, was: Party, party: Party
) -> tuple[Objection, ...]:
    """Return the objections to the party after the change that did not apply before it."""
    old = {_kind(each) for each in objections(before, was)}
    found = objections(after, _with_known_time(before, after, party), before=before)
    return tuple(each for each in found if _kind(each) not in old)


def _with_known_time(before: RestaurantSpec, after: RestaurantSpec, party: Party) -> Party:
    """Return the party with the wall time that the guest knows if the file changes the zone."""
    if before.zone == after.zone or party.told is not None:
        return party
    return replace(party, told=local(before, quarter_of(party.starts_at)))


def _kind(objection: Objection) -> tuple[str, str]:
    """Return what makes two objections the same; an impossible start may change its reason."""
    if objection.code in NO_SEATING:
        return "no_start", ""
    return objection.code.value, objection.about


def in_words(restaurant: RestaurantSpec, concern: Concern) -> str:
    """Return, for example, `AB12CD (2026-03-06 19:00, party of 2, confirmed)`."""
    who, party = concern.who, concern.who.party
    state = "change pending" if who.wish_id else party.status.value
    starts = party.starts_at.astimezone(restaurant.tz)
    return f"{who.reference} ({starts:%Y-%m-%d %H:%M}, party of {party.party_size}, {state})"


def by_part(concerns: Iterable[Concern]) -> dict[str, list[Concern]]:
    """Group the concerns by part of the file; each occurs once."""
    groups: dict[str, list[Concern]] = {}
    for concern in concerns:
        groups.setdefault(concern.about, []).append(concern)
    return groups


def _problems(restaurant: RestaurantSpec, hurt: Iterable[Concern]) -> Iterable[FieldProblem]:
    for about, concerns in by_part(hurt).items():
        named = [
            f"{in_words(restaurant, each)}: {each.objections[0].words}"
            for each in concerns[:_NAMED]
        ]
        if len(concerns) > _NAMED:
            named.append(f"and {len(concerns) - _NAMED} more")
        yield FieldProblem(about, "; ".join(named))
