"""Periodic export of Prometheus metrics over OTLP/HTTP. Loaded only if a setting enables it."""

import atexit
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, Final, cast

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import REGISTRY
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from models.core import clock
from models.core.observe.otlp_traces import ANSWER_SECONDS, headers_of, resource_of
from models.core.settings import settings

log = logging.getLogger(__name__)

_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE
_OURS: Final = "maitred_"
_Labels = tuple[tuple[str, str], ...]


class Meter:
    """Sends this process's metrics, and those of `collectors`, from a thread of its own."""

    def __init__(self, process: str, *collectors: Collector) -> None:
        self._collectors = collectors
        self._resource: Resource = resource_of(process)
        self._since = clock.nanoseconds()
        self._over = threading.Event()
        self._exporter = OTLPMetricExporter(
            endpoint=f"{settings().otel_exporter_otlp_endpoint.rstrip('/')}/v1/metrics",
            headers=headers_of(settings().otel_exporter_otlp_headers),
            timeout=ANSWER_SECONDS,
        )

    def start(self, seconds: int) -> None:
        """Send every so many seconds, and once more at the end of the process."""
        threading.Thread(target=self._run, args=(seconds,), name="meter", daemon=True).start()
        atexit.register(self._end)

    def _run(self, seconds: int) -> None:
        while not self._over.wait(seconds):
            try:
                self.send(REGISTRY, *self._collectors)
            except Exception as error:  # a thread that ended would send none of the later ones
                log.warning("metrics not sent", extra={"error": type(error).__name__})

    def _end(self) -> None:
        self._over.set()
        self.send(REGISTRY)  # without the collectors: they query servers that may be gone by now

    def send(self, *collectors: Collector) -> None:
        """Send once. A failed export loses nothing: the values are sums since the process began."""
        found = chain.from_iterable(each.collect() for each in collectors)
        ours = [each for each in found if each.samples and each.name.startswith(_OURS)]
        metrics = [self._metric(family) for family in ours]
        scope = ScopeMetrics(InstrumentationScope("maitred"), metrics, "")
        self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))

    def _metric(self, family: Family) -> Metric:
        now = clock.nanoseconds()
        if family.type == "histogram":
            data: Any = Histogram(list(self._histograms(family, now)), _CUMULATIVE)
            return Metric(family.name, family.documentation, "", data)
        is_count = family.type == "counter"
        points = [
            NumberDataPoint(sample.labels, self._since, now, sample.value)
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        name = f"{family.name}_total" if is_count else family.name
        data = Sum(points, _CUMULATIVE, is_monotonic=True) if is_count else Gauge(points)
        return Metric(name, family.documentation, "", data)

    def _histograms(self, family: Family, now: int) -> Iterator[HistogramDataPoint]:
        """Convert Prometheus' buckets, which include all lower ones, to OTLP's separate buckets."""
        by_labels: dict[_Labels, list[Sample]] = defaultdict(list)
        for sample in family.samples:
            labels = {name: text for name, text in sample.labels.items() if name != "le"}
            by_labels[tuple(sorted(labels.items()))].append(sample)
        for key, samples in by_labels.items():
            buckets = sorted(
                (float(sample.labels["le"]), int(sample.value))
                for sample in samples
                if sample.name.endswith("_bucket")
            )
            below = [0, *(count for _, count in buckets)]
            total = next(sample.value for sample in samples if sample.name.endswith("_sum"))
            yield HistogramDataPoint(
                attributes=dict(key),
                start_time_unix_nano=self._since,
                time_unix_nano=now,
                count=below[-1],
                sum=total,
                bucket_counts=[after - before for before, after in pairwise(below)],
                explicit_bounds=[bound for bound, _ in buckets[:-1]],
                min=cast("float", None),  # not recorded; the protocol omits it
                max=cast("float", None),
            )
