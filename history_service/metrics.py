"""Prometheus metrics, right across worker processes where PROMETHEUS_MULTIPROC_DIR is set."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from history_service.scoring_errors import ScoringError

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
PICTURES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Everything that is counted. Labels come from short lists: routes, codes, categories."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "http_request_seconds",
            "Time to an answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.predictions = Counter(
            "predictions", "Predictions stored.", ["label", "model_version"], registry=registry
        )
        self.unknown_predictions = Counter(
            "unknown_predictions",
            "Predictions stored of pictures that look like no category.",
            ["model_version"],
            registry=registry,
        )
        self.model_seconds = Histogram(
            "model_seconds", "Time of a call of the model.", buckets=SECONDS, registry=registry
        )
        self.model_batch_size = Histogram(
            "model_batch_pictures", "Pictures in a call.", buckets=PICTURES, registry=registry
        )
        self.model_failures = Counter(
            "model_failures", "Calls without a usable answer.", ["kind"], registry=registry
        )
        for kind in ScoringError.__subclasses__():  # a rate needs the 0 before the first failure
            self.model_failures.labels(kind.__name__)
        self.model_queue = Gauge(
            "model_queue_pictures",
            "Pictures that waited when the last batch left.",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, of every worker process."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)

    def count_request(self, response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.method in _METHODS else "other"
        self.requests.labels(method, route, str(response.status_code)).inc()
        self.request_seconds.labels(route).observe(time.monotonic() - g.started)
        return response


_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")


def init_app(app: Flask) -> None:
    app.extensions["metrics"] = Metrics()
    app.after_request(app.extensions["metrics"].count_request)
