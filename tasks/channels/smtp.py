"""One SMTP connection, reused for a drain. Says of each failure whether it is for good."""

import smtplib
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from models.core.tls import mail_context
from tasks.channels import ChannelDown, ChannelError

#: How long the server may take to connect and to answer a command.
COMMAND_SECONDS = 10.0
#: How long it may take to say yes to a whole mail: giving up here may send it twice.
ACCEPT_SECONDS = 20.0
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_SHUTTING_DOWN = 421
_ANSWER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where the mail server is: `smtp://`, `smtp+starttls://` or `smtps://[user:password@]host`."""

    scheme: str
    host: str
    port: int
    login: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the setting. Raises ChannelDown when it names no such server."""
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


class SmtpLine:
    """A connection that is made when first needed, and made again when it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None
    ) -> None:
        self.close()

    @property
    def speaks_utf8(self) -> bool:
        """Whether the server takes addresses beyond ASCII. Raises ChannelDown."""
        return self._open().has_extn("smtputf8")

    def hand_over(self, raw: bytes, *, sender: str, recipient: str, options: Sequence[str]) -> str:
        """Give one mail to the server; it has it when this returns. What the server said to it,
        which commonly is its own id of the mail.

        Raises ChannelDown when nothing was handed over and nothing will be now, and ChannelError,
        permanent where the server said so.
        """
        self._begin(sender, options)
        try:
            self._name_recipient(recipient)
            return self._give_text(raw)
        except (smtplib.SMTPServerDisconnected, OSError) as lost:
            self._drop()
            raise ChannelError("smtp: connection lost", permanent=False) from lost

    def close(self) -> None:
        """Say goodbye, if there is somebody to say it to."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            smtp.close()

    def _begin(self, sender: str, options: Sequence[str]) -> None:
        """MAIL FROM. A kept connection may have gone stale: then once again over a new one."""
        was_kept = self._smtp is not None
        try:
            code, _ = self._open().mail(sender, options)
        except (smtplib.SMTPServerDisconnected, OSError) as lost:
            self._drop()
            if not was_kept:
                raise ChannelDown("smtp: no answer") from lost
            self._begin(sender, options)
            return
        if code == _SHUTTING_DOWN:
            self._drop()
            if not was_kept:
                raise ChannelDown("smtp 421: the server is closing")
            self._begin(sender, options)
        elif code != 250:
            self._refused(code, "sender refused", permanent=False)

    def _name_recipient(self, recipient: str) -> None:
        code, _ = self._open().rcpt(recipient)
        if code not in (250, 251):
            self._refused(code, "recipient refused", permanent=code >= 500)

    def _give_text(self, raw: bytes) -> str:
        smtp = self._open()
        if smtp.sock is not None:
            smtp.sock.settimeout(ACCEPT_SECONDS)
        try:
            code, answer = smtp.data(raw)
        except smtplib.SMTPDataError as refused:
            code, answer = refused.smtp_code, b""
        if smtp.sock is not None:
            smtp.sock.settimeout(COMMAND_SECONDS)
        if code != 250:
            self._refused(code, "mail refused", permanent=code >= 500)
        return answer.decode("ascii", "replace")[:_ANSWER_LENGTH]

    def _refused(self, code: int, what: str, *, permanent: bool) -> None:
        # the server's own words are left out: they often repeat the address
        if code == _SHUTTING_DOWN:
            self._drop()
        else:
            self._open().rset()
        raise ChannelError(f"smtp {code}: {what}", permanent=permanent)

    def _open(self) -> smtplib.SMTP:
        if self._smtp is None:
            address = SmtpAddress.parse(self._url)
            try:
                self._smtp = _connect(address)
            except (smtplib.SMTPException, OSError, ValueError) as error:
                code = getattr(error, "smtp_code", "")
                reason = f"smtp: cannot connect ({type(error).__name__} {code}".rstrip() + ")"
                raise ChannelDown(reason) from error
        return self._smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _connect(address: SmtpAddress) -> smtplib.SMTP:
    # a name for EHLO given here spares smtplib its look-up in the DNS, which may take seconds
    name = socket.gethostname()
    smtp: smtplib.SMTP
    if address.scheme == "smtps":
        smtp = smtplib.SMTP_SSL(
            address.host,
            address.port,
            local_hostname=name,
            timeout=COMMAND_SECONDS,
            context=mail_context(),
        )
    else:
        smtp = smtplib.SMTP(
            address.host, address.port, local_hostname=name, timeout=COMMAND_SECONDS
        )
    try:
        smtp.ehlo_or_helo_if_needed()
        if address.scheme == "smtp+starttls":
            smtp.starttls(context=mail_context())
            smtp.ehlo()
        if address.login:
            smtp.login(address.login, address.password)
    except (smtplib.SMTPException, OSError):
        smtp.close()
        raise
    return smtp
