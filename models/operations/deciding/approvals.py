"""Parties of a round that get a table and need the staff's approval."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from models.operations.stand.approving import hold_for_approval
from models.queries.deciding.parties import PartyRow
from models.rules.deciding.board import Board, Outcome
from models.rules.messages.notifying import TO_APPROVE_REASON
from models.rules.restaurant.approval import approve_until, needs_approval


@dataclass(slots=True)
class Approvals:
    """Collects the reservations that wait for approval, by their deadline.

    Only requests of guests that a worker decides: what the staff give, they have approved.
    """

    now: datetime
    by_worker: bool
    until: dict[datetime, list[int]] = field(default_factory=lambda: defaultdict(list))

    def reason(self, board: Board, row: PartyRow, outcome: Outcome, usual: str) -> str:
        """Return the reason of the move to `confirmed`: the usual one, or that it waits."""
        return self.reason_changed(board, row, outcome, usual, row.party_size, row.starts_at)

    def reason_changed(
        self,
        board: Board,
        row: PartyRow,
        outcome: Outcome,
        usual: str,
        party_size: int,
        starts_at: datetime,
    ) -> str:
        """Do the same for a party that has another size or start now."""
        restaurant, shift = board.restaurant, board.sitting.shift
        if not self.by_worker or row.source != "online":
            return usual
        if not needs_approval(restaurant, shift, outcome.seats, party_size=party_size):
            return usual
        until = approve_until(restaurant.policies, starts_at, now=self.now)
        self.until[until].append(row.id)
        return TO_APPROVE_REASON

    def write(self, session: Session) -> None:
        """Write the deadlines, after the parties' verdicts."""
        hold_for_approval(session, self.until)
