"""Metrics over OTLP, for installations without Prometheus. Off without OTLP_METRICS_SECONDS."""

from prometheus_client.registry import Collector

from models.core.extras import load_extra
from models.core.settings import settings


def start_meter(process: str, *collectors: Collector) -> None:
    """Send this process's metrics, and those of the collectors, as the settings say.

    Raises SettingsInvalid if the extra `traces` is not installed.
    """
    seconds = settings().otlp_metrics_seconds
    if not seconds or not settings().otel_exporter_otlp_endpoint:
        return
    otlp = load_extra(
        "models.core.observe.otlp_metrics", install="OTLP_METRICS_SECONDS needs `traces`"
    )
    otlp.Meter(process, *collectors).start(seconds)
