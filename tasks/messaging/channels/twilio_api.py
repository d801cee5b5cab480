"""Twilio's Messages API and the signature of its callbacks, through Twilio's client.

Imported only when SMS_CHANNEL=twilio: the client is the extra `sms`.
"""

import logging
from collections.abc import Mapping

from requests import ConnectionError as NoConnection
from requests import ConnectTimeout, RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

from models.rules.messages.replies import Blame, read_twilio
from tasks.messaging.channels import AnswerLost, ChannelDown, ChannelError
from tasks.messaging.channels.callbacks import status_url
from tasks.messaging.channels.sms import Sms

TIMEOUT_SECONDS = 10.0
_NOT_SENT = frozenset({"failed", "undelivered", "canceled"})
#: Messages read from Twilio's list in search of one that an earlier attempt may have sent.
_LOOK_BACK = 20


def is_signed(url: str, form: Mapping[str, str], signature: str, *, auth_token: str) -> bool:
    """Whether this call to `url` is signed with that auth token, a shared secret."""
    return bool(RequestValidator(auth_token).validate(url, form, signature))


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
