"""Filing reservations in the guest books, in batches, from where the last run ended."""

from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Final

from models.core.database.transactions import reading, unit
from models.operations.guest_book.filing import file_some
from models.queries.guest_book.filed import FILED_TO, anything_after, filed_to

#: The longest that a run may occupy its queue.
FILE_SECONDS: Final = 5.0
_AT_ONCE: Final = 500


def file_reservations(*, now: datetime, seconds: float) -> dict[str, Any]:
    """File what was made since the last run, for about `seconds` at most; return the job's result.

    A run may end anywhere: filing a reservation again changes nothing. Opens its own transactions.
    """
    ends = monotonic() + seconds
    with reading() as session:
        settled = last = filed_to(session)
        more = anything_after(session, last)
    records = 0
    while more and monotonic() < ends:
        filed = unit(partial(file_some, after=last, now=now, limit=_AT_ONCE))
        settled = filed.settled if settled == last else settled
        records, last, more = records + filed.records, filed.last, filed.more
    return {FILED_TO: settled, "records": records, "more": more}
