"""The WSGI application that granian serves: `granian --interface wsgi web.wsgi:app`."""

from sentry_sdk.integrations.flask import FlaskIntegration

from models.core.log import configure_logging
from models.core.reports import start_reports
from web.app import create_app

configure_logging()
start_reports(FlaskIntegration())

app = create_app()
