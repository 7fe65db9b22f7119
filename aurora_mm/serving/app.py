"""The addresses of the API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException as StarletteHTTPException

from aurora_mm.prediction_files.contents import SCHEMA_FILE
from aurora_mm.serving.admission import Admission
from aurora_mm.serving.api_error import ERROR_SCHEMA, ERRORS, ApiError
from aurora_mm.serving.api_limits import ApiLimits
from aurora_mm.serving.api_metrics import CONTENT_TYPE
from aurora_mm.serving.api_predictor import ApiPredictor
from aurora_mm.serving.openapi import add_schemas, reference, request_schema
from aurora_mm.serving.prediction_service import PredictionService
from aurora_mm.version import __version__

_JSON = 'application/json'
_CODES = {404: 'not_found', 405: 'method_not_allowed'}


def create_app(predictor: ApiPredictor, limits: ApiLimits) -> FastAPI:
    """Create the ASGI application.

    Args:
        predictor: What predicts.
        limits: Limits of requests and batches.

    Raises:
        ConfigError: If the rate is written wrongly.
    """
    admission = Admission(limits.max_requests, limits.rate)
    service = PredictionService(predictor, limits)
    state: dict[str, asyncio.Task[None]] = {}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state['model'] = asyncio.create_task(service.batcher.run())
        yield
        state['model'].cancel()

    app = FastAPIOffline(
        title='AURORA',
        version=__version__,
        description='Predictions of a multi-task ultrasound model, in the format of `predictions.json`.',
        lifespan=lifespan,
        redoc_url=None,
    )
    answers: dict[int | str, dict[str, Any]] = {200: _answer('Predictions.', 'Predictions')}
    answers |= {status: _answer(meaning, 'Error') for status, meaning in ERRORS.items() if status not in _CODES}

    @app.post('/predict', responses=answers, openapi_extra=dict(requestBody=request_schema(limits)))
    async def predict(request: Request) -> Response:
        """Predict images.

        Files that cannot be read are left out and listed under `problems`. The status is 200 if an image was predicted.
        """
        begun = time.perf_counter()
        metrics, status = service.metrics, 500
        client = request.client.host if request.client else ''
        try:
            with admission.admit(client), metrics.active.track_inprogress():
                content = await service.answer(request)
            status = 200
            return Response(content, media_type=_JSON)
        except ApiError as error:
            status = error.status
            raise
        finally:
            metrics.requests.labels(str(status)).inc()
            metrics.seconds.observe(time.perf_counter() - begun)

    @app.get('/model')
    async def model() -> dict[str, Any]:
        """Describe the model: its files, its tasks, and whether it is calibrated and has a router."""
        inferencer = predictor.inferencer
        return predictor.head(list(predictor.tasks), []) | dict(
            calibrated=inferencer.calibration is not None, router=inferencer.router is not None
        )

    @app.get('/healthz')
    async def healthz() -> Response:
        """Say whether the process works. If not (status 500), it must be started again."""
        return _state('ok', 200) if not state['model'].done() else _state('the model has stopped', 500)

    @app.get('/readyz')
    async def readyz() -> Response:
        """Say whether a request would be let in (200) or not (503)."""
        return _state('busy', 503) if admission.is_full else _state('ready', 200)

    @app.get('/metrics')
    async def metrics() -> Response:
        """Give counts and times in Prometheus' text format."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    _add_error_handlers(app)
    schemas = dict(Predictions=json.loads(SCHEMA_FILE.read_text(encoding='utf-8')), Error=ERROR_SCHEMA)
    add_schemas(app, schemas)
    return app


def _add_error_handlers(app: FastAPI) -> None:
    """Have all errors answered in one way."""

    @app.exception_handler(ApiError)
    async def api_error(_: Request, error: ApiError) -> Response:
        return _error(error)

    @app.exception_handler(StarletteHTTPException)
    async def http_error(_: Request, error: StarletteHTTPException) -> Response:
        return _error(ApiError(error.status_code, _CODES.get(error.status_code, 'bad_request'), str(error.detail)))

    @app.exception_handler(Exception)
    async def defect(_: Request, __: Exception) -> Response:
        return _error(ApiError(500, 'internal_error', 'a defect of the server; its log describes it'))


def _error(error: ApiError) -> Response:
    return Response(json.dumps(error.content), error.status, error.headers, _JSON)


def _state(text: str, status: int) -> Response:
    return Response(json.dumps(dict(status=text)), status, media_type=_JSON)


def _answer(description: str, schema: str) -> dict[str, Any]:
    return dict(description=description, content={_JSON: dict(schema=reference(schema))})
