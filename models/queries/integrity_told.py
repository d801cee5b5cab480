"""Checked for one reservation: each move that must be told has one message a channel, no more.

How a guest could be reached is not recorded with each move. But it only changes by an edit, so
between two edits every move is told on the same channels, and after the last edit on those that
the reservation has now.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from models.queries.integrity_finding import Finding, HouseFile
from models.rules.lifecycle import Status
from models.rules.telling import REMINDED, UNMOVED, Kind, kind_told, reminder_rows

EDITED = "edited"
STATUSES = {status.value: status for status in Status}


class Party(NamedTuple):
    """What a reservation is judged by; `channels`: how its guest can be reached now.

    `kept`: its messages have not been deleted by retention.
    """

    id: int
    restaurant_id: int
    status: str
    revision: int
    source: str
    starts_at: datetime
    channels: frozenset[str]
    kept: bool = True


class Step(NamedTuple):
    """One move."""

    before: str
    after: str
    revision: int
    reason: str
    at: datetime


class Said(NamedTuple):
    """One message; `problem` says what is wrong with its state, if anything."""

    id: int
    revision: int
    kind: str
    channel: str
    variant: int
    problem: str


class _Telling(NamedTuple):
    """A move that must be told, and after how many edits of the guest's contact it was made."""

    step: Step
    kind: Kind
    edits: int


def untold(
    party: Party, steps: list[Step], said: list[Said], house: HouseFile
) -> Iterator[Finding]:
    """What was not told, told twice, told without cause, or is late."""
    for each in said:
        if each.problem:
            yield _finding(party, f"{_name(each)} {each.problem}", rule="message-late")
    tellings, edits = _tellings(steps)
    news = {(each.revision, each.kind) for each in said if each.kind not in UNMOVED}
    heard: dict[tuple[int, str], list[str]] = defaultdict(list)
    for each in said:
        if each.kind not in UNMOVED:
            heard[each.revision, each.kind].append(each.channel)
    reached = _channels(party, tellings, heard, edits)
    for telling in tellings:
        key = (telling.step.revision, telling.kind.value)
        news.discard(key)
        yield from _compare(party, telling, heard.get(key, []), reached[telling.edits])
    for revision, kind in sorted(news):
        text = f"{kind} of revision {revision} belongs to no move"
        yield _finding(party, text, rule="told-without-cause")
    yield from _reminders(party, tellings, said, reached, house)


def _tellings(steps: list[Step]) -> tuple[list[_Telling], int]:
    found, edits = [], 0
    for step in steps:
        edits += step.reason == EDITED
        after = STATUSES.get(step.after)
        kind = kind_told(after, step.reason) if after else None
        if kind is not None:
            found.append(_Telling(step, kind, edits))
    return found, edits


def _channels(
    party: Party,
    tellings: list[_Telling],
    heard: dict[tuple[int, str], list[str]],
    edits: int,
) -> dict[int, frozenset[str]]:
    """The channels after each number of edits: the most that any of its moves was told on."""
    found: dict[int, frozenset[str]] = defaultdict(frozenset)
    for telling in tellings:
        own = frozenset(heard.get((telling.step.revision, telling.kind.value), []))
        found[telling.edits] |= own
    found[edits] = party.channels
    if party.source == "online" and not found[0]:
        found[0] = frozenset(("email or sms",))  # who asked online left one of them
    return found


def _compare(
    party: Party, telling: _Telling, heard: list[str], wanted: frozenset[str]
) -> Iterator[Finding]:
    what = f"{telling.kind} of revision {telling.step.revision}"
    for channel in sorted(wanted - set(heard)):
        yield _finding(party, f"{what} was not told by {channel}", rule="untold")
    for channel, times in Counter(heard).items():
        if times > 1:
            yield _finding(party, f"{what} is told {times} times by {channel}", rule="told-twice")
        if channel not in wanted:
            text = f"{what} is told by {channel}, which the guest did not give"
            yield _finding(party, text, rule="told-without-cause")


def _reminders(
    party: Party,
    tellings: list[_Telling],
    said: list[Said],
    reached: dict[int, frozenset[str]],
    house: HouseFile,
) -> Iterator[Finding]:
    """Reminders belong to a confirmation or a change; the last of these has all that are due."""
    found: dict[int, Counter[tuple[int, str]]] = defaultdict(Counter)
    for each in said:
        if each.kind == Kind.REMINDER:
            found[each.revision][each.variant, each.channel] += 1
    causes = {each.step.revision: each for each in tellings if each.kind in REMINDED}
    for revision, counts in found.items():
        for (minutes, channel), times in counts.items():
            text = f"reminder of revision {revision}, {minutes} minutes before, by {channel}"
            if revision not in causes or channel not in reached[causes[revision].edits]:
                yield _finding(party, f"{text} has no cause", rule="told-without-cause")
            elif times > 1:
                yield _finding(party, f"{text} is told {times} times", rule="told-twice")
    if causes:
        last = causes[max(causes)]
        yield from _missing_reminders(party, last, set(found[last.step.revision]), reached, house)


def _missing_reminders(
    party: Party,
    last: _Telling,
    found: set[tuple[int, str]],
    reached: dict[int, frozenset[str]],
    house: HouseFile,
) -> Iterator[Finding]:
    if not house.holds_for(last.step.at):
        return
    rows = reminder_rows(
        house.policies.reminder_minutes,
        starts_at=party.starts_at,
        restaurant_id=party.restaurant_id,
        reservation_id=party.id,
        revision=last.step.revision,
        by=tuple(reached[last.edits]),
        now=last.step.at,
    )
    wanted = {(row["variant"], row["channel"]) for row in rows}
    for minutes, channel in sorted(wanted - found):
        text = f"reminder {minutes} minutes before by {channel} is missing"
        yield _finding(party, text, rule="untold")
    for minutes, channel in sorted(found - wanted):
        if channel not in reached[last.edits]:
            continue  # named already
        text = f"reminder {minutes} minutes before by {channel} has no cause"
        yield _finding(party, text, rule="told-without-cause")


def _name(said: Said) -> str:
    return f"message {said.id} ({said.kind} of revision {said.revision} by {said.channel})"


def _finding(party: Party, text: str, *, rule: str) -> Finding:
    return Finding(rule, (party.id,), f"reservation {party.id}: {text}")
