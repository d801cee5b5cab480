"""SMS: Twilio's HTTP API through Twilio's client (the extra `sms`), or lines in a local file."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from models.core.append_files import append_line
from models.core.settings import settings
from tasks.messaging.channels import ChannelDown
from tasks.messaging.channels.callbacks import load_twilio


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


@runtime_checkable
class ReportingChannel(SmsChannel, Protocol):
    """A channel that can be queried for what became of a text."""

    def look_up(self, provider_id: str) -> tuple[str, int | None]:
        """Return a text's status there and its error code, if any. Raises ChannelError."""
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


@lru_cache(maxsize=1)
def sms_channel() -> SmsChannel | None:
    """Return this process's SMS channel according to the settings; None when it is off.

    Raises SettingsInvalid when it is Twilio and the extra `sms` is not installed.
    """
    config = settings()
    if config.sms_channel == "off":
        return None
    if config.sms_channel == "file":
        return FileSms(config.sms_file)
    made = load_twilio().TwilioSms(
        account_sid=config.twilio_account_sid,
        auth_token=config.twilio_auth_token,
        sender=config.sms_from,
        base_url=config.twilio_base_url,
    )
    return cast("SmsChannel", made)
