"""Channels: one adapter each. What can go wrong is said by two errors, never by an address."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider has the message: its id there, and what the mail server said to that."""

    provider_id: str
    answer: str = ""

    @property
    def logged_id(self) -> str:
        """The id for logs: of a Message-ID what stands before the @, for logs mask addresses."""
        return self.provider_id.lstrip("<").partition("@")[0]


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


class SenderRefused(ChannelError):
    """The provider refuses us, as it seems from its answer to this message. No attempt was made,
    unless other messages go out meanwhile: then the refusal was about this one after all.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)


class AnswerLost(ChannelError):
    """The whole message was handed over and the answer did not come: it may have been taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)
