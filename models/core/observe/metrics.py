"""Metrics over OTLP, for those who have no Prometheus: off without OTLP_METRICS_SECONDS."""

from prometheus_client.registry import Collector

from models.core.extras import load_extra
from models.core.settings import settings


def start_meter(process: str, *collectors: Collector) -> None:
    """Send what this process counts, and what the collectors read, as the settings say.

    Raises SettingsInvalid when the extra `traces` is not installed.
    """
    seconds = settings().otlp_metrics_seconds
    if not seconds or not settings().otel_exporter_otlp_endpoint:
        return
    otlp = load_extra(
        "models.core.observe.otlp_metrics", install="OTLP_METRICS_SECONDS needs `traces`"
    )
    otlp.Meter(process, *collectors).start(seconds)
