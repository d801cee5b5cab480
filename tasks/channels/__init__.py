"""Channels: one adapter each. What can go wrong is said by two errors, never by an address."""


class ChannelError(Exception):
    """This message did not go out. `permanent`: it never will, so it is not tried again.

    The text is for logs and for staff: codes and reasons, no address.
    """

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class ChannelDown(ChannelError):
    """Nothing goes out on this channel now, and nothing was handed over: no attempt was made."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)
