from aurora_mm.analysis.score_report import score_report
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        dict(name='lung', type='segmentation', classes=['background', 'lung']),
        dict(name='femur', type='landmark', points=['a', 'b']),
        dict(name='unscored', type='landmark', points=['a']),
    ]
)


def scores(dsc, mre):
    return dict(
        tasks=dict(lung=dict(primary=dsc, DSC=dsc, HD=12.34), femur=dict(primary=mre, MRE=None)),
        types=dict(segmentation=dsc, landmark=mre),
        score=(dsc + mre) / 2,
        task_mean=(dsc + mre) / 2,
    )


def test_a_row_for_every_scored_task():
    lines = score_report(scores(0.5, 0.9), TASKS, scores(0.25, 0.8)).splitlines()
    assert '| lung | segmentation | 0.500 | - | 0.250 | DSC 0.500, HD 12.3 px |' in lines
    assert '| femur | landmark | 0.900 | - | 0.800 | MRE - |' in lines
    assert not any('unscored' in line for line in lines)
    assert lines[-1] == '| **score** (mean over types) | | 0.700 | - | 0.525 | |'


def test_without_a_constant_predictor():
    assert '| lung | segmentation | 0.500 | - | - | DSC 0.500, HD 12.3 px |' in score_report(scores(0.5, 0.9), TASKS)


def test_intervals_of_tasks_and_means():
    intervals = dict(
        tasks=dict(lung=dict(primary=[0.4, 0.62], DSC=[0.0, 1.0])),
        types=dict(segmentation=[0.4, 0.62]),
        score=[0.65, 0.75],
        task_mean=[0.6, 0.7],
        level=0.9,
    )
    lines = score_report(scores(0.5, 0.9), TASKS, intervals=intervals).splitlines()
    assert '| task | type | primary | 90 % interval | constant | other metrics |' in lines
    assert '| lung | segmentation | 0.500 | 0.400 to 0.620 | - | DSC 0.500, HD 12.3 px |' in lines
    assert '| femur | landmark | 0.900 | - | - | MRE - |' in lines
    assert '| mean of segmentation | | 0.500 | 0.400 to 0.620 | - | |' in lines
    assert '| mean of landmark | | 0.900 | - | - | |' in lines
    assert lines[-1] == '| **score** (mean over types) | | 0.700 | 0.650 to 0.750 | - | |'
