"""The server of the page."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.errors import ConfigError
from aurora_mm.extras import require_extra
from aurora_mm.prediction_files.asked_tasks import asked_tasks
from aurora_mm.web.uploads import UploadFolder

if TYPE_CHECKING:
    import gradio

HOST = '127.0.0.1'
_EXAMPLES = 'examples'  # folder of the examples, which are not deleted


@contextlib.contextmanager
def page_server(
    models: Sequence[str | Path],
    device: str | None = None,
    port: int | None = None,
    max_upload_mb: int = 100,
    notice: str = '',
    measurements: str | Path | None = None,
) -> Iterator[gradio.Blocks]:
    """Serve the page on this machine for as long as the context lasts, in threads of this process.

    Uploaded files and results lie in a temporary folder that is deleted at the end.

    Args:
        models: Paths of a checkpoint, or of several for an ensemble.
        device: Device of the model. By default a GPU if there is one.
        port: Port of the server. None takes the first free one from 7860 on.
        max_upload_mb: Largest size of an uploaded file in MB.
        notice: A warning that the page shows above everything; '' for none.
        measurements: Config file with measurements to use instead of the model's own.

    Yields:
        The page. ``local_url`` is its address.

    Raises:
        ConfigError: If gradio is not installed, or the port is taken.
        WeightsError: If a file is not a checkpoint of aurora_mm.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='aurora_mm_page_'))).resolve()
        stack.enter_context(_gradio_settings(folder))
        gradio = _import_gradio()
        from aurora_mm.web.blocks import CSS_FILE, build_page
        from aurora_mm.web.examples import draw_examples
        from aurora_mm.web.guard import Guard
        from aurora_mm.web.page_predictor import PagePredictor

        uploads = UploadFolder(folder, kept=[_EXAMPLES])
        inferencer = MultiTaskInferencer(list(models), device, show_progress=False)
        tasks = asked_tasks(inferencer, 'all', measurements)
        predictor = PagePredictor(inferencer, tasks, uploads, [str(model) for model in models])
        examples = draw_examples(folder / _EXAMPLES, tasks)
        title = f'{", ".join(predictor.models)}: {len(tasks)} task{"s" * (len(tasks) > 1)}'
        page = build_page(predictor, title, notice, examples, f'{max_upload_mb} MB')
        stack.callback(page.close, verbose=False)
        try:
            with _logging_unchanged():
                page.launch(
                    server_name=HOST,
                    server_port=port,
                    share=False,
                    prevent_thread_lock=True,
                    quiet=True,
                    max_file_size=max_upload_mb * 10**6,
                    footer_links=[],
                    run_history=False,
                    enable_monitoring=False,
                    ssr_mode=False,
                    mcp_server=False,
                    pwa=False,
                    theme=gradio.themes.Default(
                        font=['system-ui', 'sans-serif'], font_mono=['ui-monospace', 'monospace']
                    ),
                    css_paths=[CSS_FILE],
                    app_kwargs=dict(
                        middleware=[_middleware(Guard, uploads)], docs_url=None, redoc_url=None, openapi_url=None
                    ),
                )
        except OSError as error:
            raise ConfigError(f'the page cannot be served: {error}') from error
        yield page


def _import_gradio() -> ModuleType:
    require_extra('demo', 'the page', 'gradio')
    import gradio

    return gradio


def _middleware(kind: Any, uploads: UploadFolder) -> Any:
    from starlette.middleware import Middleware

    return Middleware(kind, uploads=uploads)


@contextlib.contextmanager
def _logging_unchanged() -> Iterator[None]:
    """Have the uvicorn server that gradio starts leave the logging of this process as it is.

    Its own configuration would close the log files of all loggers, such as MMEngine's. gradio does not let it be
    chosen, but uvicorn reads it from a dict of its own, and an incremental one closes nothing.
    """
    from uvicorn.config import LOGGING_CONFIG

    before = dict(LOGGING_CONFIG)
    LOGGING_CONFIG.clear()
    LOGGING_CONFIG.update(version=1, incremental=True)
    try:
        yield
    finally:
        LOGGING_CONFIG.clear()
        LOGGING_CONFIG.update(before)


@contextlib.contextmanager
def _gradio_settings(folder: Path) -> Iterator[None]:
    """Have gradio keep its files in a folder of its own, and send nothing anywhere."""
    settings = dict(
        GRADIO_TEMP_DIR=str(folder),
        GRADIO_ANALYTICS_ENABLED='False',
        GRADIO_SHARE='False',
        GRADIO_ALLOWED_PATHS='',
        GRADIO_RUN_HISTORY='False',
        HF_HUB_DISABLE_TELEMETRY='1',
    )
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
