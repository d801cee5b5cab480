"""One SMTP connection, reused for a drain. Each failure is attributed to sender or message."""

import smtplib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from models.core.tls import mail_context
from models.rules.messages.replies import Blame, Reply, Stage, read_reply
from tasks.messaging.channels import AnswerLost, ChannelDown, ChannelError, SenderRefused
from tasks.messaging.channels.smtp_session import NoCommonMechanism, own_name, sign_in

#: Timeout in seconds for connecting and for the answer to a command.
COMMAND_SECONDS = 10.0
#: Timeout in seconds for the acceptance of a whole mail: giving up here may send the mail twice.
ACCEPT_SECONDS = 20.0
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_SHUTTING_DOWN = 421
_ANSWER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """The mail server: `smtp://`, `smtp+starttls://` or `smtps://[user:password@]host[:port]`."""

    scheme: str
    host: str
    port: int
    login: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse SMTP_URL. Raises ChannelDown when it is not such a URL."""
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ChannelDown("SMTP_URL is not smtp://, smtp+starttls:// or smtps:// with a host")
        return cls(
            parts.scheme,
            parts.hostname,
            parts.port or _DEFAULT_PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class SmtpConnection:
    """A connection that is opened on first use and reopened after it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None
    ) -> None:
        self.close()

    def greet(self) -> None:
        """Connect and sign in without sending a mail. Raises ChannelDown."""
        self._open()

    @property
    def speaks_utf8(self) -> bool:
        """Whether the server accepts non-ASCII addresses. Raises ChannelDown."""
        return self._open().has_extn("smtputf8")

    def hand_over(self, raw: bytes, *, sender: str, recipient: str, options: Sequence[str]) -> str:
        """Hand one mail to the server; the server has accepted it when this returns.

        Return the server's answer, commonly its own id of the mail. Raises ChannelDown when nothing
        was handed over and the channel is down, SenderRefused when that seems so, AnswerLost when
        the outcome is unknown, and ChannelError otherwise, permanent when another attempt would
        fail as well.
        """
        self._begin(sender, options)
        try:
            self._name_recipient(recipient)
        except (smtplib.SMTPServerDisconnected, OSError) as lost:
            self._drop()
            raise ChannelError("smtp: connection lost", permanent=False) from lost
        try:
            return self._give_text(raw)
        except (smtplib.SMTPServerDisconnected, OSError) as lost:
            self._drop()
            raise AnswerLost("smtp: connection lost; the server may have accepted it") from lost

    def close(self) -> None:
        """Close the connection if there is one, with QUIT where that works."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            smtp.close()

    def _begin(self, sender: str, options: Sequence[str]) -> None:
        """Send MAIL FROM; if a reused connection is stale, retry once over a new one."""
        was_kept = self._smtp is not None
        try:
            code, answer = self._open().mail(sender, options)
        except (smtplib.SMTPServerDisconnected, OSError) as lost:
            self._drop()
            if not was_kept:
                raise ChannelDown("smtp: no answer") from lost
            self._begin(sender, options)
            return
        if code == _SHUTTING_DOWN and was_kept:
            self._drop()
            self._begin(sender, options)
        elif code != 250:
            self._refused(Stage.MAIL_FROM, code, answer)

    def _name_recipient(self, recipient: str) -> None:
        code, answer = self._open().rcpt(recipient)
        if code not in (250, 251):
            self._refused(Stage.RECIPIENT, code, answer)

    def _give_text(self, raw: bytes) -> str:
        smtp = self._open()
        if smtp.sock is not None:
            smtp.sock.settimeout(ACCEPT_SECONDS)
        try:
            code, answer = smtp.data(raw)
        except smtplib.SMTPDataError as refused:
            code, answer = refused.smtp_code, _bytes(refused.smtp_error)
        if smtp.sock is not None:
            smtp.sock.settimeout(COMMAND_SECONDS)
        if code != 250:
            self._refused(Stage.TEXT, code, answer)
        return answer.decode("ascii", "replace")[:_ANSWER_LENGTH]

    def _refused(self, stage: Stage, code: int, answer: bytes) -> None:
        """Reset the session for the next mail, or drop it; raise the error that the reply means."""
        try:
            if code == _SHUTTING_DOWN:
                raise smtplib.SMTPServerDisconnected
            self._open().rset()
        except (smtplib.SMTPServerDisconnected, OSError):
            self._drop()
        reply = read_reply(stage, code, answer.decode("utf-8", "replace"))
        reason = _reason(reply)
        if reply.blame is Blame.SENDER:
            is_sure = stage is Stage.MAIL_FROM
            raise ChannelDown(reason) if is_sure else SenderRefused(reason)
        raise ChannelError(reason, permanent=reply.blame is Blame.MESSAGE)

    def _open(self) -> smtplib.SMTP:
        if self._smtp is None:
            address = SmtpAddress.parse(self._url)
            try:
                self._smtp = _connect(address)
            except smtplib.SMTPResponseException as refused:
                is_sign_in = isinstance(refused, smtplib.SMTPAuthenticationError)
                stage = Stage.SIGN_IN if is_sign_in else Stage.GREETING
                words = _bytes(refused.smtp_error).decode("utf-8", "replace")
                raise ChannelDown(_reason(read_reply(stage, refused.smtp_code, words))) from refused
            except NoCommonMechanism as none:
                raise ChannelDown(f"smtp: {none}") from none
            except (smtplib.SMTPException, OSError, ValueError) as error:
                raise ChannelDown(f"smtp: cannot connect ({type(error).__name__})") from error
        return self._smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _bytes(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode()


def _reason(reply: Reply) -> str:
    # without the server's text, which often repeats the address
    return f"smtp {reply.codes}: {reply.why}"


def _connect(address: SmtpAddress) -> smtplib.SMTP:
    name, host, port = own_name(), address.host, address.port
    smtp: smtplib.SMTP
    if address.scheme == "smtps":
        smtp = smtplib.SMTP_SSL(
            host, port, local_hostname=name, timeout=COMMAND_SECONDS, context=mail_context()
        )
    else:
        smtp = smtplib.SMTP(host, port, local_hostname=name, timeout=COMMAND_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        if address.scheme == "smtp+starttls":
            smtp.starttls(context=mail_context())
            smtp.ehlo()
        if address.login:
            sign_in(smtp, address.login, address.password)
    except (smtplib.SMTPException, OSError):
        smtp.close()
        raise
    return smtp
