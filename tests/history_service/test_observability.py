"""Logs, metrics and traces."""

import json

import pytest
from uploading import picture, upload

from history_service import tracing


def test_a_request_is_one_json_line_with_its_id_and_no_picture(make_app, capsys):
    client = make_app(LOG_LEVEL="info").test_client()
    upload(client, picture(), headers={"X-Request-ID": "abc"}, query_string={"secret": "1"})
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["request_id"] == "abc"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert set(line) == {
        *("method", "path", "status", "ms", "client"),
        *("event", "level", "timestamp", "request_id"),
    }


def test_metrics_count_requests_predictions_and_batches(client):
    upload(client, picture(), picture())
    client.get("/predictions/12345")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="POST",route="/predict",status="200"} 1.0' in text
    assert 'predictions_total{label="tennis_ball",model_version="3"} 2.0' in text
    assert "model_batch_pictures_sum 2.0" in text
    assert "12345" not in text


def test_a_trace_goes_from_the_request_to_the_model(make_app, monkeypatch):
    pytest.importorskip("opentelemetry.instrumentation.flask")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    upload(make_app(TRACING=True).test_client(), picture())
    monkeypatch.setattr(tracing, "_tracer", None)
    model, request = exporter.get_finished_spans()
    assert (model.name, request.name) == ("model.score", "POST /predict")
    assert model.parent.span_id == request.context.span_id
