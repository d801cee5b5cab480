"""SMS: Twilio's HTTP API through Twilio's client, or lines in a local file."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from requests import ConnectionError as NoConnection
from requests import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

from models.core.append_files import append_line
from models.core.settings import settings
from models.rules.messages.replies import Blame, read_twilio
from tasks.messaging.channels import AnswerLost, ChannelDown, ChannelError
from tasks.messaging.channels.callbacks import status_url

TIMEOUT_SECONDS = 10.0
_NOT_SENT = frozenset({"failed", "undelivered", "canceled"})
#: Messages read from Twilio's list in search of one that an earlier attempt may have sent.
_LOOK_BACK = 20


@dataclass(frozen=True, slots=True)
class Sms:
    """One text to one number. `attempts` includes the current one; none was before `since`."""

    message_id: int
    to: str
    body: str
    attempts: int
    since: datetime


class SmsChannel(Protocol):
    """A channel that sends SMS."""

    def send(self, sms: Sms) -> str:
        """Send the text and return the provider's id of it. Raises ChannelError."""
        ...


class FileSms:
    """The channel of the embedded mode: a line of JSON per SMS, on disk when `send` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, sms: Sms) -> str:
        """Append the line atomically, even when several processes write. Raises ChannelDown."""
        provider_id = f"file-{sms.message_id}"
        entry = {"id": provider_id, "to": sms.to, "from": settings().sms_from, "body": sms.body}
        try:
            append_line(self._path, json.dumps(entry, ensure_ascii=False).encode())
        except OSError as error:
            raise ChannelDown(f"sms file: {type(error).__name__}") from error
        return provider_id


class TwilioSms:
    """Twilio's Messages API. `base_url`, when given, replaces https://api.twilio.com."""

    def __init__(self, *, account_sid: str, auth_token: str, sender: str, base_url: str) -> None:
        # below these levels the client logs phone numbers
        logging.getLogger("twilio").setLevel(logging.WARNING)
        logging.getLogger("urllib3").setLevel(logging.INFO)
        http = TwilioHttpClient(timeout=TIMEOUT_SECONDS)
        self._client = Client(account_sid, auth_token, http_client=http)
        if base_url:
            self._client.api.base_url = base_url
        # the id of a messaging service, not a number: the service chooses its sender number
        is_service = sender.startswith("MG")
        self._from = {"messaging_service_sid" if is_service else "from_": sender}

    def send(self, sms: Sms) -> str:
        """Send the text, unless an earlier attempt with a lost answer did; return Twilio's id."""
        try:
            if sms.attempts > 1:
                earlier = self._earlier(sms)
                if earlier is not None:
                    return earlier
            callback = {"status_callback": url} if (url := status_url(sms.message_id)) else {}
            created = self._client.messages.create(
                to=sms.to, body=sms.body, **self._from, **callback
            )
        except (TwilioException, RequestException) as error:
            raise _channel_error(error) from error
        return str(created.sid)

    def look_up(self, provider_id: str) -> tuple[str, int | None]:
        """Return a text's status at Twilio and its error code, if any. Raises ChannelError."""
        try:
            found = self._client.messages(provider_id).fetch()
        except (TwilioException, RequestException) as error:
            raise _channel_error(error) from error
        return str(found.status), int(found.error_code) if found.error_code else None

    def _earlier(self, sms: Sms) -> str | None:
        # no date filter in the query: a message still in Twilio's queue has no sent date
        for sent in self._client.messages.list(to=sms.to, limit=_LOOK_BACK):
            if (
                _says(sent.body, sms.body)
                and sent.status not in _NOT_SENT
                and sent.date_created is not None
                and sent.date_created >= sms.since.replace(microsecond=0)
            ):
                return str(sent.sid)
        return None


def _says(sent: str | None, body: str) -> bool:
    """Whether Twilio's text is this one: a trial account puts its own words before the text."""
    return (sent or "").strip().endswith(body.strip())


def _channel_error(error: Exception) -> ChannelError:
    """Convert Twilio's error; keep its codes alone, because its text repeats the number."""
    if isinstance(error, TwilioRestException):
        reason = f"twilio {error.status}" + (f" ({error.code})" if error.code else "")
        blame = read_twilio(error.status, error.code)
        if blame is Blame.SENDER:
            return ChannelDown(reason)
        return ChannelError(reason, permanent=blame is Blame.MESSAGE)
    if isinstance(error, ConnectTimeout) or _never_connected(error):
        return ChannelDown(f"twilio: cannot connect ({type(error).__name__})")
    return AnswerLost(f"twilio: no answer ({type(error).__name__})")


def _never_connected(error: Exception) -> bool:
    if not isinstance(error, NoConnection) or not error.args:
        return False
    return isinstance(getattr(error.args[0], "reason", None), NewConnectionError)


@lru_cache(maxsize=1)
def sms_channel() -> SmsChannel | None:
    """Return this process's SMS channel according to the settings; None when it is off."""
    config = settings()
    if config.sms_channel == "off":
        return None
    if config.sms_channel == "file":
        return FileSms(config.sms_file)
    return TwilioSms(
        account_sid=config.twilio_account_sid,
        auth_token=config.twilio_auth_token,
        sender=config.sms_from,
        base_url=config.twilio_base_url,
    )
