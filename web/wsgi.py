"""The WSGI application that granian serves: `granian --interface wsgi web.wsgi:app`."""

import sentry_sdk
from sentry_sdk.integrations.flask import FlaskIntegration

from models.core.log import configure_logging
from models.core.settings import settings
from web.app import create_app

configure_logging()
if settings().sentry_dsn:
    sentry_sdk.init(
        dsn=settings().sentry_dsn,
        environment=settings().environment,
        integrations=[FlaskIntegration()],
        send_default_pii=False,
        include_local_variables=False,  # they hold guests
        max_request_body_size="never",
    )

app = create_app()
