"""What the API counts and measures, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class ApiMetrics:
    """Metrics of one application, in a registry of their own.

    Args:
        waiting: Gives the number of images that wait for the model.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._registry = registry
        self.requests = Counter('aurora_requests', 'Answered requests for predictions', ['status'], registry=registry)
        self.seconds = Histogram(
            'aurora_request_seconds', 'Seconds from request to answer', buckets=_SECONDS, registry=registry
        )
        self.active = Gauge('aurora_requests_active', 'Requests that are read or wait', registry=registry)
        self.images = Counter('aurora_images', 'Images of answered requests', ['result'], registry=registry)
        self.batches = Histogram(
            'aurora_batch_images', 'Images that went through the model together', buckets=_SIZES, registry=registry
        )
        Gauge('aurora_images_waiting', 'Images that wait for the model', registry=registry).set_function(waiting)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
