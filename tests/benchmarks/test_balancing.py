"""The batches of the benchmark of loss balancing hold what its model knows."""

from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        dict(name='mask', type='segmentation', classes=['background', 'a']),
        dict(name='box', type='detection', classes=['a']),
    ]
)


def test_types_of_the_config_alone_take_their_turns(load_benchmark):
    batch = load_benchmark('balancing').batch_of(TASKS, TASKS.types())
    assert [image.task_names for image in batch['data_samples']] == [['mask'], ['box']] * 4
    assert len(batch['inputs']) == 8
