"""Verdicts: the results of a round of decisions, written with few multi-row statements."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import bindparam, delete, update
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.entities.messages import Message
from models.entities.reservations import (
    Assignment,
    Reservation,
    ReservationChange,
    ReservationMove,
    TableOccupancy,
)
from models.operations.deciding.seatings import Seating, moment
from models.operations.reservations.history import from_to
from models.operations.wall_times.offset_updates import OffsetUpdates
from models.rules.deciding.board import Outcome
from models.rules.deciding.seating import Seats
from models.rules.messages import notifying
from models.rules.messages.outbox import message_rows, reminder_rows
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of

WORKER = "worker"


class PartyColumns(Protocol):
    """The columns of a reservation that a verdict needs."""

    @property
    def id(self) -> int:
        """The reservation's id."""

    @property
    def restaurant_id(self) -> int:
        """The restaurant's id."""

    @property
    def status(self) -> str:
        """The current status."""

    @property
    def revision(self) -> int:
        """The current revision."""

    @property
    def starts_at(self) -> datetime:
        """The start."""

    @property
    def ends_at(self) -> datetime:
        """The end of the turn."""

    @property
    def told_offset(self) -> int | None:
        """Minutes from UTC to the wall clock of the notified start (rules.messages.wall_clock)."""

    @property
    def email_key(self) -> bytes | None:
        """Set if the guest gave an e-mail address."""

    @property
    def phone_key(self) -> bytes | None:
        """Set if the guest gave a phone number."""


@dataclass(slots=True)
class Verdicts:
    """Collects rows while a round decides, and writes them all at its end."""

    now: datetime
    actor: str = WORKER
    updates: dict[tuple[Any, ...], list[int]] = field(default_factory=lambda: defaultdict(list))
    offset_updates: OffsetUpdates = field(default_factory=OffsetUpdates)
    #: The new seatings, by reservation id.
    seatings: dict[int, Seating] = field(default_factory=dict)
    #: The tables that parties of earlier rounds leave for others, by reservation id.
    left: dict[int, Seating] = field(default_factory=dict)
    #: The restaurants of these seatings, by id.
    restaurants: dict[int, RestaurantSpec] = field(default_factory=dict)
    moves: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    #: Reservations whose guests are notified otherwise: by the staff, or by another message.
    not_notified: set[int] = field(default_factory=set)
    skipped_messages: list[dict[str, Any]] = field(default_factory=list)

    def decided(
        self,
        restaurant: RestaurantSpec,
        party: PartyColumns,
        outcome: Outcome,
        *,
        ends_at: datetime,
        reason: str,
    ) -> None:
        """Record the answer to a request or a waitlisted party. `reason` goes into the history."""
        alternatives = tuple(moment(quarter).isoformat() for quarter in outcome.alternatives)
        key = (
            outcome.status.value,
            outcome.reason.value if outcome.reason else None,
            alternatives or None,
            None if ends_at == party.ends_at else ends_at,
        )
        self.offset_updates.note(restaurant, party.id, party.starts_at, party.told_offset)
        self.updates[key].append(party.id)
        if outcome.status is Status.CONFIRMED:
            self.seated(restaurant, party.id, outcome, start=quarter_of(party.starts_at))
        self.moved(restaurant, party, outcome.status, reason, starts_at=party.starts_at)

    def seated(
        self, restaurant: RestaurantSpec, reservation_id: int, outcome: Outcome, *, start: int
    ) -> None:
        """Record the party's tables and quarters, and the new tables of parties it displaces."""
        self.restaurants[restaurant.id] = restaurant
        self.seatings[reservation_id] = Seating(
            restaurant.id, reservation_id, outcome.seats, start, outcome.held
        )
        for party, seats in outcome.moves:
            known = self.seatings.get(party.id)
            if known is None:  # decided in an earlier round: its rows exist
                held = party.mask.bit_count()
                known = Seating(restaurant.id, party.id, party.seats, party.start, held)
                self.left[party.id] = known
            self.seatings[party.id] = replace(known, seats=seats)

    def reseated(self, party: PartyColumns) -> None:
        """Record in the history that the party was re-seated; the guest is not notified."""
        left, now = self.left.get(party.id), self.seatings.get(party.id)
        restaurant = self.restaurants.get(party.restaurant_id)
        detail = None
        if restaurant and left and now:
            detail = from_to(restaurant, left.seats, now.seats)
        self._note(party, Status(party.status), notifying.RESEATED_REASON, detail)

    def moved(
        self,
        restaurant: RestaurantSpec,
        party: PartyColumns,
        after: Status,
        reason: str,
        *,
        starts_at: datetime,
    ) -> None:
        """Record one move in the history, with the messages and reminders that it causes."""
        revision = self._note(party, after, reason)
        kind = notifying.kind_for(after, reason)
        by = notifying.channels(email=bool(party.email_key), phone=bool(party.phone_key))
        if kind is None or not by:
            return
        about: dict[str, Any] = {
            "restaurant_id": party.restaurant_id,
            "reservation_id": party.id,
            "revision": revision,
            "by": by,
            "now": self.now,
        }
        rows = message_rows(kind, **about)
        if party.id in self.not_notified:
            self.skipped_messages += [row | notifying.NOT_WANTED for row in rows]
        else:
            self.messages += rows
        if kind in notifying.REMINDED:
            self.messages += reminder_rows(
                restaurant.policies.reminder_minutes, starts_at=starts_at, **about
            )

    def _note(
        self,
        party: PartyColumns,
        after: Status,
        reason: str,
        detail: dict[str, Any] | None = None,
    ) -> int:
        revision = party.revision + 1
        self.moves.append(
            {
                "reservation_id": party.id,
                "at": self.now,
                "before": party.status,
                "after": after.value,
                "revision": revision,
                "actor": self.actor,
                "reason": reason,
                "detail": detail,
            }
        )
        return revision

    def write(self, session: Session) -> None:
        """Write everything: an UPDATE for each kind of outcome, one INSERT for each table."""
        self._clear(session)
        for (status, reason, alternatives, ends_at), ids in self.updates.items():
            values = {
                "ids": ids,
                "to": status,
                "why": reason,
                "others": list(alternatives) if alternatives else None,
                "at": self.now,
            }
            if ends_at is None:
                session.execute(_DECIDED, values)
            else:
                session.execute(_DECIDED_UNTIL, values | {"until": ends_at})
        self.offset_updates.write(session)
        seatings = self.seatings.values()
        for entity, rows in (
            (TableOccupancy, [row for each in seatings for row in each.quarters()]),
            (Assignment, [row for each in seatings for row in each.given()]),
            (ReservationMove, self.moves),
            (Message, self.messages),
            (Message, self.skipped_messages),
        ):
            bulk_insert(session, table_of(entity), rows)

    def _clear(self, session: Session) -> None:
        """Release the old tables of re-seated parties."""
        if not self.left:
            return
        for each in self.left.values():
            last = each.start + each.held - 1
            release_tables(session, each.reservation_id, each.seats, first=each.start, last=last)
        ids = {"ids": list(self.left)}
        session.execute(_UNASSIGNED, ids)
        session.execute(_RAISED, ids)


_ROWS = table_of(Reservation)
_DECIDED = (
    update(_ROWS)
    .where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        status=bindparam("to"),
        reason=bindparam("why"),
        alternatives=bindparam("others"),
        decided_at=bindparam("at"),
        revision=_ROWS.c.revision + 1,
    )
)
_RAISED = (
    update(_ROWS)
    .where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
    .values(revision=_ROWS.c.revision + 1, guest_ahead=_ROWS.c.guest_ahead - 1)
)
_GIVEN = table_of(Assignment)
_UNASSIGNED = delete(_GIVEN).where(_GIVEN.c.reservation_id.in_(bindparam("ids", expanding=True)))
_DECIDED_UNTIL = _DECIDED.values(ends_at=bindparam("until"))


def release_tables(
    session: Session, reservation_id: int, table_ids: Seats, *, first: int, last: int
) -> None:
    """Delete the party's quarters from `first` to `last` on these tables."""
    if table_ids:
        # MySQL would first select the rows to be deleted if this were the mapped class
        row = table_of(TableOccupancy)
        session.execute(
            delete(row).where(
                row.c.dining_table_id.in_(table_ids),
                row.c.quarter_hour.between(first, last),
                row.c.reservation_id == reservation_id,
            )
        )


def answer_change(
    session: Session,
    change_id: int,
    *,
    status: str,
    outcome: Outcome | None,
    now: datetime,
    revision: int | None = None,
) -> None:
    """Write the answer to a change. `revision`: the revision of the reservation that reports it."""
    alternatives = (
        [moment(quarter).isoformat() for quarter in outcome.alternatives] if outcome else []
    )
    session.execute(
        update(ReservationChange)
        .where(ReservationChange.id == change_id)
        .values(
            status=status,
            reason=outcome.reason.value if outcome and outcome.reason else None,
            alternatives=alternatives or None,
            decided_at=now,
            answered_revision=revision,
        )
        .execution_options(synchronize_session=False)
    )
