"""The process that serves the API."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.errors import ConfigError
from aurora_mm.extras import require_extra
from aurora_mm.prediction_files.asked_tasks import asked_tasks
from aurora_mm.serving.api_limits import ApiLimits
from aurora_mm.serving.api_predictor import ApiPredictor

_PACKAGES = ('fastapi', 'fastapi_offline', 'uvicorn', 'python_multipart', 'prometheus_client', 'limits')


def serve_api(
    models: Sequence[str | Path],
    limits: ApiLimits,
    host: str = '127.0.0.1',
    port: int = 8000,
    device: str | None = None,
    measurements: str | Path | None = None,
    on_start: Callable[[str], None] = print,
) -> None:
    """Serve the API until SIGINT or SIGTERM.

    Connections are refused then, requests that were accepted are answered, and the function returns.

    Args:
        models: Paths of a checkpoint, or of several for an ensemble.
        limits: Limits of requests and batches.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        device: Device of the model. By default a GPU if there is one.
        measurements: Config file with measurements to use instead of the model's own.
        on_start: Called with the address when connections are accepted.

    Raises:
        ConfigError: If a package is not installed, the port is taken, or a limit is wrong.
        WeightsError: If a file is not a checkpoint of aurora_mm.
        KeyboardInterrupt: After SIGINT, when all is answered.
    """
    require_extra('api', 'the API', *_PACKAGES)
    import uvicorn

    from aurora_mm.serving.app import create_app

    with _listen(host, port) as listener:
        inferencer = MultiTaskInferencer(list(models), device, show_progress=False)
        predictor = ApiPredictor(inferencer, asked_tasks(inferencer, 'all', measurements), models, limits.max_batch)
        app = create_app(predictor, limits)
        predictor.warm_up()
        config = uvicorn.Config(
            app,
            # uvicorn's own configuration would close the log files of all loggers of this process, such as MMEngine's.
            log_config=None,
            log_level='warning',
            access_log=False,
            server_header=False,
            # Every request ends within its own time, so nothing that was accepted is cut off.
            timeout_graceful_shutdown=round(limits.timeout) + 10,
        )
        name = f'[{host}]' if ':' in host else host
        on_start(f'http://{name}:{listener.getsockname()[1]}')
        with _quiet_end():
            uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigError(f'the API cannot be served at {host} port {port}: {error}') from error
    with listener:
        yield listener


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """Take the SIGTERM that uvicorn raises again when it has ended: it is done."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
