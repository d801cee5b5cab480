"""An SMTP server for tests, which can stall before or after accepting a mail."""

import asyncio
import math
import threading
import time
import uuid
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.services.ports import free_port
from tests.services.running.process import wait_until

Stall = Literal["none", "before", "after"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail, with its envelope and the time of acceptance (seconds, monotonic).

    `queued_as`: the id that the server gave to the sender.
    """

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    at: float
    queued_as: str

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())


class Mailbox:
    """Accepts every mail unless told to stall or to refuse.

    `stall = "before"`: the mail is not accepted until `release()`. `"after"`: it is stored, but the
    acceptance is sent only at `release()`, so a sender that dies in between does not know.
    `stall_most`: the number of mails that are stalled; later ones are not.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.stall: Stall = "none"
        self.stall_most = math.inf
        self.refuse_with = ""
        #: "MAIL", "DATA" or a recipient -> the reply in place of acceptance
        self.refusals: dict[str, str] = {}
        #: the number of mails begun
        self.asked = 0
        self._kept: list[Mail] = []
        self._stalled = 0
        self._go = threading.Event()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        """The address for `SMTP_URL`."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def stalled(self) -> int:
        """The number of senders stalled so far."""
        return self._stalled

    def start(self) -> None:
        self._go.clear()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Close the port; stored mails stay."""
        self.release()
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    def release(self) -> None:
        """Release all stalled senders, and stall no more."""
        self.stall = "none"
        self._go.set()

    def clear(self) -> None:
        """Empty the mailbox and stop stalling."""
        self.release()
        self._kept.clear()
        self._stalled = 0
        self.stall_most = math.inf
        self.refuse_with = ""
        self.refusals.clear()
        self._go.clear()

    def mails(self, recipient: str | None = None) -> list[Mail]:
        """The accepted mails, oldest first; of one recipient when given."""
        return [mail for mail in list(self._kept) if recipient in (None, *mail.recipients)]

    def wait_for(self, count: int, *, recipient: str | None = None, seconds: float = 15) -> None:
        """Wait until `count` mails were accepted."""
        wait_until(
            lambda: len(self.mails(recipient)) >= count, seconds=seconds, what=f"{count} mails"
        )

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook for the sender."""
        self.asked += 1
        if "MAIL" in self.refusals:
            return self.refusals["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook for a recipient."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook for the mail's content; returns the acceptance or refusal."""
        if self.refuse_with or "DATA" in self.refusals:
            return self.refuse_with or self.refusals["DATA"]
        mail = _mail(envelope)
        is_stalled = self._stalled < self.stall_most
        if self.stall == "before" and is_stalled:
            await self._hesitate()
            # a sender killed in the meantime never saw the acceptance: its mail is not stored
            if session.peer is None or _is_gone(_server):
                return "451 too late"
        self._kept.append(mail)
        if self.stall == "after" and is_stalled:
            await self._hesitate()
        return f"250 2.0.0 Ok: queued as {mail.queued_as}"

    async def _hesitate(self) -> None:
        self._stalled += 1
        while not self._go.is_set():
            await asyncio.sleep(0.01)


def _is_gone(server: Any) -> bool:
    transport = server.transport
    return transport is None or transport.is_closing()


def _mail(envelope: Envelope) -> Mail:
    raw = envelope.content if isinstance(envelope.content, bytes) else b""
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return Mail(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        message=parsed,
        at=time.monotonic(),
        queued_as=uuid.uuid4().hex[:11].upper(),
    )
