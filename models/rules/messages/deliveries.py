"""What became of a text message after its provider took it: which words are final, when we ask."""

from datetime import timedelta
from typing import Final

#: Twilio's last words on a message: nothing follows them.
FINAL: Final = frozenset({"delivered", "read", "undelivered", "failed", "canceled"})
#: And those that mean that the guest has nothing.
NOT_DELIVERED: Final = frozenset({"undelivered", "failed", "canceled"})
#: Written where the provider had said nothing final for GIVE_UP.
UNKNOWN: Final = "unknown"

#: So long after the send the provider is asked, where it cannot call us.
ASK_AFTER: Final = timedelta(minutes=3)
#: And where it can: a call may be lost.
ASK_AFTER_CALLS: Final = timedelta(minutes=15)
GIVE_UP: Final = timedelta(hours=2)
