"""Spans over OTLP/HTTP with OpenTelemetry's SDK. Loaded only if a setting enables it."""

import os
import socket
import threading
from typing import Final
from urllib.parse import unquote

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from models.core.observe.traces import Span
from models.core.observe.version import release_name
from models.core.settings import settings

_KINDS: Final = {kind.name.lower(): kind for kind in SpanKind}
#: A receiver that does not answer delays the end of a worker by this long, and nothing else.
ANSWER_SECONDS: Final = 5.0
#: Batching delay of spans. It is short: granian lets no web process send its last ones when it
#: ends.
_WAIT_MILLIS: Final = 1000
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class _Ids(RandomIdGenerator):
    """Generates the given ids for a trace's first span, random ones otherwise."""

    def __init__(self) -> None:
        self.wanted = threading.local()

    def generate_trace_id(self) -> int:
        return getattr(self.wanted, "trace", 0) or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return getattr(self.wanted, "span", 0) or super().generate_span_id()


class OtlpExporter:
    """Passes spans to the SDK, which sends them in batches from a thread of its own.

    Every process can compute from a trace's id which span is its first, and whether the trace is
    sampled, so neither has to be passed between processes.
    """

    def __init__(self, provider: TracerProvider, ids: _Ids) -> None:
        self._tracer = provider.get_tracer("maitred", release_name())
        self._ids = ids

    def export(self, span: Span) -> None:
        """Export this span and its children."""
        first = _first_of(span.trace_id)
        if span.is_first:
            self._ids.wanted.trace, self._ids.wanted.span = first.trace_id, first.span_id
        try:
            made = self._tracer.start_span(
                span.name,
                context=Context() if span.is_first else _below(first),
                kind=_KINDS[span.kind],
                attributes=span.facts,
                links=[Link(_first_of(span.because_of))] if span.because_of else (),
                start_time=span.began,
            )
        finally:
            self._ids.wanted.trace = self._ids.wanted.span = 0
        if made.is_recording():
            for child in span.children:
                below = _below(made.get_span_context())
                self._tracer.start_span(
                    child.name, context=below, kind=SpanKind.CLIENT, start_time=child.began
                ).end(child.ended)
        if span.failed:
            made.set_status(Status(StatusCode.ERROR))
        made.end(span.ended)


def make_exporter(process: str) -> OtlpExporter:
    """An exporter of spans to OTEL_EXPORTER_OTLP_ENDPOINT, active until the process ends."""
    chosen, ids = settings(), _Ids()
    provider = TracerProvider(
        sampler=TraceIdRatioBased(chosen.traces_share),
        resource=resource_of(process),
        id_generator=ids,
    )
    exporter = OTLPSpanExporter(
        endpoint=f"{chosen.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces",
        headers=headers_of(chosen.otel_exporter_otlp_headers),
        timeout=ANSWER_SECONDS,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_WAIT_MILLIS))
    return OtlpExporter(provider, ids)


def resource_of(process: str) -> Resource:
    """The sender of the data: this process, with its release and environment."""
    return Resource.create(
        {
            "service.name": f"maitred-{process}",
            "service.namespace": "maitred",
            "service.version": release_name(),
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            "deployment.environment.name": settings().environment,
        }
    )


def _first_of(trace_id: str) -> SpanContext:
    """The context of a trace's first span, whose id is the last half of the trace's id."""
    number = int(trace_id, 16)
    return SpanContext(number, number & (2**64 - 1) or 1, is_remote=True, trace_flags=_SAMPLED)


def _below(parent: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(parent), Context())


def headers_of(text: str) -> dict[str, str]:
    """Parse headers from `api-key=abc,other=x%20y`, OpenTelemetry's notation."""
    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
