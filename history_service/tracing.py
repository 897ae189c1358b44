"""OpenTelemetry traces from a request to the model's call; an extra that costs nothing when off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

_tracer = None


def init_app(app: Flask) -> None:
    """Traces every request where TRACING is on; OTEL_… variables say where to.

    Raises RuntimeError where the packages of the extra are missing.
    """
    if not app.config["TRACING"]:
        return
    try:
        from opentelemetry import trace
        from opentelemetry.instrumentation.flask import FlaskInstrumentor
    except ImportError as error:
        raise RuntimeError(
            "TRACING=1 needs opentelemetry-sdk, opentelemetry-instrumentation-flask and an exporter"
        ) from error
    _set_up_provider(trace)
    FlaskInstrumentor().instrument_app(app, excluded_urls="health/.*,metrics,static/.*")
    global _tracer
    _tracer = trace.get_tracer("history_service")


def _set_up_provider(trace) -> None:
    """The SDK's provider with the OTLP exporter, unless a provider was set up around us."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[import-not-found]
        OTLPSpanExporter,
    )

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def span(name: str, **attributes: int | str) -> Iterator[dict[str, str]]:
    """A span around a call; yields the headers that carry the trace to the other side."""
    headers: dict[str, str] = {}
    if _tracer is None:
        yield headers
        return
    from opentelemetry.propagate import inject

    with _tracer.start_as_current_span(name, attributes=attributes):
        inject(headers)
        yield headers
