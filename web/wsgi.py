"""The WSGI application that granian serves: `granian --interface wsgi web.wsgi:app`."""

from sentry_sdk.integrations.flask import FlaskIntegration

from models.core import vault
from models.core.errors import SettingsInvalid
from models.core.log import configure_logging
from models.core.meters import start_meter
from models.core.reports import start_reports
from models.core.traces import start_traces
from tasks.presence import start_presence
from web.app import create_app
from web.backup_metrics import BackupCollector
from web.house_metrics import HouseCollector

configure_logging()
start_reports(FlaskIntegration())

try:
    start_traces("web")
    start_meter("web", HouseCollector(), BackupCollector())
    vault.keyring()  # nobody is served who could not be sealed
except SettingsInvalid as refused:
    raise SystemExit(f"maitred: {refused.message}") from refused

app = create_app()
start_presence("web")
