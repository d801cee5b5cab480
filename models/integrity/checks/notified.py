"""Check of one reservation: each move that needs a message has exactly one per channel.

The reason of an edit lists its changes of the contact, so the channels of each move follow from the
current contact (`models.rules.messages.notifying.step_messages`). Only an edit by an earlier
release may have changed the contact without a mark: the moves before such an edit are checked
against the channels that match them best.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from models.integrity.finding import CheckedRestaurant, Finding
from models.rules.messages import notifying
from models.rules.messages.notifying import (
    REMINDED,
    UNMOVED,
    Kind,
    StepMessage,
    channels_before,
    reminded,
    step_messages,
)
from models.rules.reservations.contact_edits import CHANNELS, EDITED_REASON
from models.rules.reservations.lifecycle import Status

Existing = dict[tuple[int, str], list[str]]
_ANY = [frozenset(CHANNELS), *(frozenset((each,)) for each in CHANNELS), frozenset[str]()]
_SOME = [each for each in _ANY if each]
STATUSES = {status.value: status for status in Status}


class CheckedParty(NamedTuple):
    """The facts by which a reservation is judged; `channels`: the current channels of its guest.

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


class CheckedStep(NamedTuple):
    """One move."""

    before: str
    after: str
    revision: int
    reason: str
    at: datetime


class MessageRow(NamedTuple):
    """One message, reduced to the fields that matter here."""

    id: int
    revision: int
    kind: str
    channel: str
    variant: int


def message_findings(
    party: CheckedParty,
    steps: list[CheckedStep],
    said: list[MessageRow],
    restaurant: CheckedRestaurant,
) -> Iterator[Finding]:
    """Messages that are missing, repeated, or without a cause."""
    existing: Existing = defaultdict(list)
    for each in said:
        if each.kind not in UNMOVED:
            existing[each.revision, each.kind].append(each.channel)
    expected = _expected(party, steps, existing)
    for message in expected:
        yield from _compare(party, message, existing.get(_key(message), []))
    for revision, kind in sorted(existing.keys() - set(map(_key, expected))):
        text = f"{kind} of revision {revision} belongs to no move"
        yield _finding(party, text, rule="message-without-cause")
    yield from _reminders(party, expected, said, restaurant)


def _expected(
    party: CheckedParty, steps: list[CheckedStep], existing: Existing
) -> list[StepMessage]:
    """All messages that must exist, derived backwards from the current contact."""
    found: list[StepMessage] = []
    by = party.channels
    parts = _parts(steps)
    for number, part in reversed(list(enumerate(parts))):
        options = [by] if number == len(parts) - 1 else sorted(_ANY, key=lambda each: each != by)
        if number == 0 and party.source == "online":
            options = [each for each in options if each] or _SOME  # online, there is a contact
        by = min(options, key=lambda each: _misfit(part, each, existing))
        found = step_messages(part, by) + found
        by = channels_before(part, by)
    return found


def _parts(steps: list[CheckedStep]) -> list[list[notifying.Step]]:
    """The history, split before each edit that does not list its changes of the contact."""
    parts: list[list[notifying.Step]] = [[]]
    for step in steps:
        if step.reason == EDITED_REASON:
            parts.append([])
        if after := STATUSES.get(step.after):
            parts[-1].append(notifying.Step(after, step.reason, step.revision, step.at))
    return parts


def _misfit(part: list[notifying.Step], by: frozenset[str], existing: Existing) -> int:
    """How many messages of these steps are missing or superfluous if the channels are `by`.

    Without any channel there must be none: then every message is superfluous.
    """
    wanted = {_key(each): set(each.by) for each in step_messages(part, by)}
    revisions = {step.revision for step in part}
    there = {key: set(channels) for key, channels in existing.items() if key[0] in revisions}
    keys = wanted.keys() | there.keys()
    return sum(len(wanted.get(key, set()) ^ there.get(key, set())) for key in keys)


def _key(message: StepMessage) -> tuple[int, str]:
    return message.step.revision, message.kind.value


def _compare(party: CheckedParty, message: StepMessage, existing: list[str]) -> Iterator[Finding]:
    what, wanted = f"{message.kind} of revision {message.step.revision}", set(message.by)
    for channel in sorted(wanted - set(existing)):
        yield _finding(party, f"{what} has no message by {channel}", rule="message-missing")
    for channel, times in Counter(existing).items():
        if times > 1:
            yield _finding(party, f"{what} has {times} messages by {channel}", rule="message-twice")
        if channel not in wanted:
            text = f"{what} has a message by {channel}, which the guest did not give"
            yield _finding(party, text, rule="message-without-cause")


def _reminders(
    party: CheckedParty,
    expected: list[StepMessage],
    said: list[MessageRow],
    restaurant: CheckedRestaurant,
) -> Iterator[Finding]:
    """Check the reminders: each belongs to a message about the table; the last has all of them."""
    found: Counter[tuple[int, str, int]] = Counter(
        (each.revision, each.channel, each.variant) for each in said if each.kind == Kind.REMINDER
    )
    causes = [each for each in expected if each.kind in REMINDED]
    rightful = {(each.step.revision, channel) for each in causes for channel in each.by}
    for (revision, channel, minutes), times in found.items():
        text = f"reminder of revision {revision}, {minutes} minutes before, by {channel}"
        if (revision, channel) not in rightful:
            yield _finding(party, f"{text} has no cause", rule="message-without-cause")
        elif times > 1:
            yield _finding(party, f"{text} exists {times} times", rule="message-twice")
    last = {channel: each for each in causes for channel in each.by}
    for channel, cause in sorted(last.items()):
        yield from _missing_reminders(party, cause.step, channel, found, restaurant)


def _missing_reminders(
    party: CheckedParty,
    step: notifying.Step,
    channel: str,
    found: Collection[tuple[int, str, int]],
    restaurant: CheckedRestaurant,
) -> Iterator[Finding]:
    if not restaurant.holds_for(step.at):
        return
    offsets = restaurant.policies.reminder_minutes
    wanted = set(reminded(offsets, starts_at=party.starts_at, now=step.at))
    there = {each[2] for each in found if each[:2] == (step.revision, channel)}
    for minutes in sorted(wanted - there):
        text = f"reminder {minutes} minutes before by {channel} is missing"
        yield _finding(party, text, rule="message-missing")
    for minutes in sorted(there - wanted):
        text = f"reminder {minutes} minutes before by {channel} has no cause"
        yield _finding(party, text, rule="message-without-cause")


def _finding(party: CheckedParty, text: str, *, rule: str) -> Finding:
    return Finding(rule, (party.id,), f"reservation {party.id}: {text}")
