"""The WSGI application that granian serves: `granian --interface wsgi web.wsgi:app`."""

from sentry_sdk.integrations.flask import FlaskIntegration

from models.core.errors import SettingsInvalid
from models.core.observe.logs import configure_logging
from models.core.observe.metrics import start_meter
from models.core.observe.sentry import start_reports
from models.core.observe.traces import start_traces
from models.core.secrets import encryption
from models.queries.running import flags
from tasks.messaging.channels.sms import sms_channel
from tasks.presence import start_presence
from web.app import create_app
from web.metrics.backups import BackupCollector
from web.metrics.restaurant import HealthCollector

configure_logging()
start_reports(FlaskIntegration())

try:
    start_traces("web")
    start_meter("web", HealthCollector(), BackupCollector())
    sms_channel()  # fail at start if Twilio's callbacks could not be verified
    flags.check_provider()
    encryption.keyring()  # fail at start if guests' data could not be encrypted
except SettingsInvalid as refused:
    raise SystemExit(f"maitred: {refused.message}") from refused

app = create_app()
start_presence("web")
