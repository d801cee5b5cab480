"""Channels: one adapter each. Failures are raised as ChannelError, whose text has no address."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of handover: the provider's id of the message, and the mail server's answer."""

    provider_id: str
    answer: str = ""

    @property
    def logged_id(self) -> str:
        """The id for logs: of a Message-ID the part before the @, because logs mask addresses."""
        return self.provider_id.lstrip("<").partition("@")[0]


class ChannelError(Exception):
    """The message was not sent. `permanent`: no further attempt can succeed, so none is made.

    The text is for logs and staff: codes and reasons, no address.
    """

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class ChannelDown(ChannelError):
    """The channel is down. Nothing was handed over, so this does not count as an attempt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)


class SenderRefused(ChannelError):
    """The provider seems to refuse the sender, judging by its answer to this message.

    Counts as an attempt only if other messages are sent meanwhile: then the refusal concerned this
    message.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)


class AnswerLost(ChannelError):
    """The whole message was handed over but no answer came: it may have been accepted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False)
