"""A receiver of OpenTelemetry's protocol over HTTP; stores requests, raw and decoded."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.services.fake_servers import FakeServer, QuietHandler


@dataclass(frozen=True, slots=True)
class Told:
    """A received span. Ids in hexadecimal; `below`: its parent's id; `linked`: trace ids."""

    service: str
    name: str
    trace: str
    id: str
    below: str
    seconds: float
    began: int
    failed: bool
    facts: dict[str, Any]
    linked: tuple[str, ...]


class Receiver(FakeServer):
    """Accepts everything at `url`, OTEL_EXPORTER_OTLP_ENDPOINT.

    `headers` are those of the last request.
    """

    def __init__(self) -> None:
        super().__init__(_handler(self))
        self.bodies: list[bytes] = []
        self.measured: list[bytes] = []
        self.paths: set[str] = set()
        self.headers: dict[str, str] = {}

    def metrics(self) -> dict[tuple[str, str], list[Any]]:
        """The latest data points, by service and name."""
        found = {}
        for body in list(self.measured):
            message = ExportMetricsServiceRequest()
            message.ParseFromString(body)
            for resource in message.resource_metrics:
                service = str(_facts(resource.resource.attributes)["service.name"])
                for metric in resource.scope_metrics[0].metrics:
                    data = getattr(metric, str(metric.WhichOneof("data")))
                    assert data.data_points, f"{metric.name} says nothing"
                    found[service, metric.name] = list(data.data_points)
        return found

    def spans(self, trace: str | None = None) -> list[Told]:
        """All received spans by start time; of one trace when given."""
        found = (told for body in list(self.bodies) for told in _decoded(body))
        return sorted((one for one in found if trace in (None, one.trace)), key=lambda t: t.began)


def _decoded(body: bytes) -> Iterator[Told]:
    message = ExportTraceServiceRequest()
    message.ParseFromString(body)
    for resource in message.resource_spans:
        service = str(_facts(resource.resource.attributes)["service.name"])
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Told(
                    service=service,
                    name=span.name,
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    below=span.parent_span_id.hex(),
                    seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    began=span.start_time_unix_nano,
                    failed=span.status.code == 2,
                    facts=_facts(span.attributes),
                    linked=tuple(link.trace_id.hex() for link in span.links),
                )


def _facts(pairs: Any) -> dict[str, Any]:
    def value(pair: KeyValue) -> Any:
        return getattr(pair.value, str(pair.value.WhichOneof("value")))

    return {pair.key: value(pair) for pair in pairs}


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.body()
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            receiver.paths.add(self.path)
            receiver.headers = {name.lower(): text for name, text in self.headers.items()}
            kept = receiver.measured if self.path == "/v1/metrics" else receiver.bodies
            kept.append(gzip.decompress(raw) if is_packed else raw)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.answer(200, answer, "application/x-protobuf")

    return Handler
