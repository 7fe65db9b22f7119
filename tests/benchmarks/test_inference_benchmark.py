"""The bare forward pass that the benchmark of inference times."""

from types import SimpleNamespace

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.tasks import TaskTable


def test_one_image_is_prepared_for_the_tasks_that_are_asked(load_benchmark):
    def model(inputs, samples, mode):
        return inputs, samples, mode

    model.data_preprocessor = lambda data: data
    inferencer = SimpleNamespace(
        tasks=TaskTable([dict(name=name, type='detection', classes=['x']) for name in ('a', 'b')]),
        pipeline=lambda row: dict(inputs=row['img_path'], data_samples=row['task']),
        collate_fn=lambda items: {key: [item[key] for item in items] for key in items[0]},
        model=model,
    )
    inferencer.preprocess = lambda inputs, task: MultiTaskInferencer.preprocess(inferencer, inputs, task=task)
    forward = load_benchmark('inference').prepared_forward(inferencer, 'scan.png', 'b')
    assert forward() == (['scan.png'], ['b'], 'tensor')
