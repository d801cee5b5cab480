"""Approval: which requests of guests the staff decide, and until when they have to."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from models.rules.restaurant.restaurant import Policies, RestaurantSpec, ShiftSpec


def needs_approval(
    restaurant: RestaurantSpec, shift: ShiftSpec, seats: Iterable[int], *, party_size: int
) -> bool:
    """Whether the staff must approve a guest's request for these tables."""
    if not restaurant.approvals:
        return False
    tables = [restaurant.table_by_id[each] for each in seats if each in restaurant.table_by_id]
    areas = {restaurant.area_by_id[table.area_id].key for table in tables}
    return any(each.covers(party_size, shift.key, areas) for each in restaurant.approvals)


def may_need_approval(
    restaurant: RestaurantSpec, shift_key: str, *, party_size: int, area_key: str | None
) -> bool:
    """Whether such a request needs approval, as far as that is known before it has a table."""
    areas = {area_key} if area_key else set()
    return any(each.covers(party_size, shift_key, areas) for each in restaurant.approvals)


def approve_until(policies: Policies, starts_at: datetime, *, now: datetime) -> datetime:
    """Until when the staff have to answer; the start at the latest."""
    return min(now + timedelta(minutes=policies.approval_minutes), starts_at)
