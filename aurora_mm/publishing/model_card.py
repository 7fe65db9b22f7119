"""Model cards, written from the metadata of a model folder and the results of a test run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from aurora_mm.analysis.report.results import Results
from aurora_mm.baselines.stored_answers import CONSTANT_ANSWERS_KEY
from aurora_mm.calibration.calibration import CALIBRATION
from aurora_mm.publishing.card_scores import breakdown_sections, group_sections, reported_scores, score_section
from aurora_mm.publishing.encoder import hub_id
from aurora_mm.routing.task_router import ROUTER
from aurora_mm.tables import markdown_table, markdown_text
from aurora_mm.tasks import Task, TaskTable

FEW_IMAGES = 200  # training images of a task below which the card says that there are few
_TAGS = ('ultrasound', 'medical-imaging', 'multi-task', 'mmengine')
_INTENDED = """\
Research on the analysis of ultrasound images like those of the training data: the same organs, views and kinds of
scanner. The model is not a medical device. It was not examined for diagnosis or treatment, and must not be used for
them."""


def model_card(name: str, meta: Mapping[str, Any], results: Results | None = None, licence: str | None = None) -> str:
    """Write the model card of a model folder.

    Args:
        name: Name of the model.
        meta: Metadata of the model folder, see :func:`aurora_mm.checkpoints.fill_model_folder`.
        results: Results of a test run of the model. None writes a card without scores.
        licence: Licence of the weights by its name on the hub; None leaves it out.

    Returns:
        Markdown with a YAML header that the hub reads. Names of tasks and classes are escaped.
    """
    tasks = TaskTable(meta['dataset_meta']['tasks'])
    source = hub_id(meta['training']['encoder'])
    data = ModelCardData(
        license=licence,
        base_model=source,
        library_name='aurora_mm',
        tags=[*_TAGS, *(kind.replace('_', '-') for kind in tasks.types())],
        model_name=name,
        eval_results=None if results is None else [_eval_result(*score) for score in reported_scores(results)] or None,
    )
    scores = 'The model was published without the results of a test run.'
    sections = {
        'Use': _use(name, tasks),
        'Intended use': _INTENDED,
        'Tasks and training data': _training(tasks, meta['training']),
        'Scores': scores if results is None else score_section(results, CALIBRATION in meta),
        **({} if results is None else group_sections(results, meta['metrics'].get('groups', ()))),
        **({} if results is None else breakdown_sections(results)),
        'How sure it is': _calibration(meta),
        'Limits': ''.join(f'- {limit}\n' for limit in _limits(tasks, meta, results)),
        'Software': _software(meta['software'], meta['training']),
    }
    opening = f'# {markdown_text(name)}\n\nA model for {_count(tasks, "task")} on ultrasound images, for aurora\\_mm.\n'
    body = '\n'.join(f'## {title}\n\n{text.rstrip()}\n' for title, text in sections.items())
    return str(ModelCard(f'---\n{data.to_yaml()}\n---\n\n{opening}\n{body}'))


def _eval_result(task: Task, metric: str, value: float, images: int) -> EvalResult:
    return EvalResult(
        task_type=task.type.replace('_', '-'),
        dataset_type=task.name,
        dataset_name=f'{task.name} ({images} images)',
        metric_type=metric,
        metric_value=round(value, 4),
    )


def _use(name: str, tasks: TaskTable) -> str:
    return (
        '```python\n'
        'from aurora_mm.apis import MultiTaskInferencer\n\n'
        f'inferencer = MultiTaskInferencer({name!r})  # path of this folder, or its id on the hub\n'
        f"inferencer(['image.png'], task={next(iter(tasks))!r})['predictions']\n"
        '```\n\n'
        '```bash\n'
        f'aurora-mm predict {name} images --out OUT\n'
        '```\n\n'
        'Coordinates of predictions are pixels of the image that was given. No file of the model holds code.'
    )


def _training(tasks: TaskTable, training: Mapping[str, Any]) -> str:
    counts = training.get('images_per_task') or {}
    rows = [
        (task.name, task.type, ', '.join(task.output_names) + (f' ({task.unit})' if task.unit else ''),
         str(counts.get(task.name, '-')))
        for task in tasks.values()
    ]  # fmt: skip
    encoder = training['encoder']
    if encoder['source'] is None:
        start = 'random weights'
    elif encoder['source'] == 'local files':
        start = 'weights of a local file, whose origin and licence the checkpoint does not say'
    else:
        licence = f'licence {encoder["licence"]}' if encoder['licence'] else 'whose licence stands at its source'
        start = f'`{encoder["source"]}`, {licence}'
    return (
        f'{markdown_table(("task", "type", "answers", "training images"), rows)}\n'
        f'An image counts for each of its tasks. The encoder ({encoder["type"]}) started from {start}.'
    )


def _calibration(meta: Mapping[str, Any]) -> str:
    sentences = []
    if CALIBRATION in meta:
        found = meta[CALIBRATION]
        sentences.append(
            f'Probabilities of {_count(found["tasks"], "task")} are calibrated. Sets of classes, margins of masks and '
            f'boxes and radii of points contain the truth of {100 * found["coverage"]:g} % of new images of the same '
            'kind.'
        )
        if found['distance'] is not None:
            sentences.append('Images unlike the training images are flagged by their distance in features.')
    else:
        sentences.append('Probabilities are not calibrated: a score of 0.9 does not mean that 90 % are right.')
    if ROUTER in meta:
        sentences.append('The model can choose the tasks of an image itself (`--tasks auto`).')
    if CONSTANT_ANSWERS_KEY in meta:
        sentences.append('For images that cannot be read it holds answers that fit the training data best.')
    return ' '.join(sentences)


def _limits(tasks: TaskTable, meta: Mapping[str, Any], results: Results | None) -> Iterator[str]:
    counts = meta['training'].get('images_per_task')
    if counts is None:
        yield 'The number of training images is not known.'
    few = [markdown_text(name) for name in tasks if counts is not None and counts.get(name, 0) < FEW_IMAGES]
    if few:
        yield f'Trained on fewer than {FEW_IMAGES} images: {", ".join(few)}.'
    if results is None:
        yield 'It is not known how good the model is: no scores were published with it.'
    else:
        untested = [markdown_text(name) for name in tasks if not results.scores['images'].get(name)]
        if untested:
            yield f'Not tested: {", ".join(untested)}.'
        constant = (results.scores.get('constant') or {}).get('tasks', {})
        scores = results.scores['tasks']
        worse = [
            markdown_text(name)
            for name in tasks
            if name in constant and name in scores and scores[name]['primary'] <= constant[name]['primary']
        ]
        if worse:
            yield f'No better than an answer that does not look at the image: {", ".join(worse)}.'
        if not any(row.group for row in results.rows):
            yield (
                'The test data does not say which images are of one patient: intervals may be too narrow, and scores '
                'too high if patients of the training data are among them.'
            )
    yield 'Scores say nothing about other scanners, centres, organs and views than those of the test data.'
    if CALIBRATION not in meta:
        yield 'Images unlike the training images are not flagged: the model answers whatever it is shown.'


def _software(software: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    revision = software['git_revision']
    of_git = 'from a wheel' if revision is None else f'git revision `{revision}`'
    packages = ', '.join(f'{name} {version}' for name, version in software['packages'].items())
    counters = ', '.join(f'{key} {training[key]}' for key in ('epoch', 'iter', 'seed') if key in training)
    averaged = training.get('averaged_checkpoints')
    of_training = f'Training: {counters}.' if counters else ''
    if averaged:
        of_training += f' The weights are the mean of {averaged} checkpoints.'
    return (
        f'Published with aurora\\_mm {software["aurora_mm"]} ({of_git}), Python {software["python"]}, {packages}. '
        f'{of_training}'
    )


def _count(items: Any, noun: str) -> str:
    return f'{len(items)} {noun}{"" if len(items) == 1 else "s"}'
