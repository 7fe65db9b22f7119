"""The layout of the page, and what happens when something on it is changed."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from aurora_mm.apis.task_groups import AUTO_TASKS
from aurora_mm.errors import AuroraError
from aurora_mm.prediction_files.spacing import parse_spacing
from aurora_mm.web.examples import Example
from aurora_mm.web.page_predictor import PagePredictor, Upload
from aurora_mm.web.result_html import message_html, result_html

CSS_FILE = Path(__file__).with_name('page.css')
_FILE_ADDRESS = 'gradio_api/file='
# On a phone the result lies below everything else.
_SHOW_RESULT = "() => document.getElementById('result').scrollIntoView({behavior: 'smooth', block: 'nearest'})"
_WAITING = 'Drop a file, choose tasks, and press Predict.'


def build_page(
    predictor: PagePredictor, title: str, notice: str = '', examples: Sequence[Example] = (), limit: str = ''
) -> gr.Blocks:
    """Build the page.

    Args:
        predictor: What opens and predicts files.
        title: Name of the model.
        notice: A warning above everything; '' for none.
        examples: Files to try.
        limit: Largest size of an upload, in words.
    """
    tasks = list(predictor.tasks)
    auto = [] if predictor.inferencer.router is None else [('the model chooses', AUTO_TASKS)]
    with gr.Blocks(title='AURORA', analytics_enabled=False) as page:
        gr.HTML(f'<h1>AURORA</h1><p>{html.escape(title)}</p>', elem_id='title')
        if notice:
            gr.HTML(f'<p class="aurora-notice">{html.escape(notice)}</p>', elem_id='notice')
        with gr.Row(equal_height=False, elem_id='columns'):
            with gr.Column(scale=2, min_width=320):
                file = gr.File(
                    label=f'Image, DICOM, NIfTI or video{limit and f", up to {limit}"}', height=160, elem_id='file'
                )
                about = gr.HTML(visible=False, elem_id='about')
                preview = gr.Image(
                    show_label=False, visible=False, interactive=False, height=260, buttons=[], elem_id='preview'
                )
                frame = gr.Slider(0, 1, 0, step=1, label='Picture', visible=False, elem_id='frame')
                chosen = gr.CheckboxGroup(
                    [*auto, *((f'{name} ({predictor.tasks[name].type})', name) for name in tasks)],
                    value=[AUTO_TASKS] if auto else tasks if len(tasks) == 1 else [],
                    label='Tasks',
                    elem_id='tasks',
                )
                spacing = gr.Textbox(
                    label='Pixel spacing in mm, or height, width of a pixel',
                    placeholder='as the file says',
                    max_length=40,
                    elem_id='spacing',
                )
                run = gr.Button('Predict', variant='primary', elem_id='predict')
                pictures = gr.Gallery(
                    [(str(one.path), one.task) for one in examples],
                    label='Examples (generated pictures)',
                    visible=bool(examples),
                    columns=3,
                    height='auto',
                    allow_preview=False,
                    buttons=[],
                    elem_id='examples',
                )
            with gr.Column(scale=3, min_width=320):
                with gr.Row():
                    json_file = gr.DownloadButton(
                        'Download JSON', visible=False, size='md', min_width=140, elem_id='json'
                    )
                    picture = gr.DownloadButton('Download PNG', visible=False, size='md', min_width=140, elem_id='png')
                result = gr.HTML(message_html(_WAITING), elem_id='result')

        def choose_example(event: gr.SelectData) -> tuple[Any, ...]:
            one = examples[event.index]
            return str(one.path), [one.task], *_opened(predictor, str(one.path), 0)

        pictures.select(choose_example, None, [file, chosen, about, preview, frame, result], api_visibility='private')
        shown = [result, json_file, picture]
        file.upload(
            lambda path: _opened(predictor, path, 0),
            file,
            [about, preview, frame, result],
            show_progress='minimal',
            api_visibility='private',
        )
        file.clear(_cleared, None, [about, preview, frame, *shown], api_visibility='private')
        frame.release(
            lambda path, number: _opened(predictor, path, number)[:2],
            [file, frame],
            [about, preview],
            show_progress='hidden',
            api_visibility='private',
        )
        run.click(
            lambda *values: _predicted(predictor, *values),
            [file, chosen, frame, spacing],
            shown,
            api_name='predict',
        ).then(None, None, None, js=_SHOW_RESULT, api_visibility='private')
    return page


def _opened(predictor: PagePredictor, path: str | None, number: float) -> tuple[Any, ...]:
    """Updates for about, preview, frame and result."""
    try:
        upload = predictor.open(path or '', int(number))
    except AuroraError as error:
        return *_hidden(3), gr.update(value=message_html(str(error), is_error=True))
    slider = gr.update(
        visible=upload.frames > 1,
        maximum=max(upload.frames - 1, 1),
        value=int(number),
        label=f'Picture, 0 to {upload.frames - 1}',
    )
    return (
        gr.update(value=_about(upload), visible=True),
        gr.update(value=upload.preview, visible=True),
        slider,
        gr.update(value=message_html(_WAITING)),
    )


def _cleared() -> tuple[Any, ...]:
    return *_hidden(3), gr.update(value=message_html(_WAITING)), *_hidden(2)


def _predicted(
    predictor: PagePredictor, path: str | None, tasks: list[str], number: float, spacing: str
) -> tuple[Any, ...]:
    """Updates for the result and the two files."""
    if not path:
        return gr.update(value=message_html('Drop a file first.', is_error=True)), *_hidden(2)
    try:
        sides = parse_spacing(spacing) if spacing.strip() else None
        found = predictor.predict(path, tasks, int(number), sides)
    except AuroraError as error:
        return gr.update(value=message_html(str(error), is_error=True)), *_hidden(2)
    picture = found.picture_file
    addresses = {name: f'{_FILE_ADDRESS}{quote(str(file))}' for name, file in found.overlays.items()}
    return (
        gr.update(value=result_html(found.image, addresses)),
        gr.update(value=str(found.json_file), visible=True),
        gr.update(value=picture and str(picture), visible=picture is not None),
    )


def _about(upload: Upload) -> str:
    height, width = upload.shape
    parts = [f'{width} x {height} pixels']
    if upload.frames > 1:
        parts.append(f'{upload.frames} pictures')
    if upload.pixel_spacing is not None:
        parts.append(f'{upload.pixel_spacing[1]:.3g} x {upload.pixel_spacing[0]:.3g} mm per pixel')
    about = f'<p class="aurora-source"><strong>{html.escape(upload.name)}</strong> {", ".join(parts)}</p>'
    if upload.spacing_fault is not None:
        about += message_html(f'The picture {upload.spacing_fault}.')
    return about


def _hidden(count: int) -> list[Any]:
    return [gr.update(value=None, visible=False) for _ in range(count)]
