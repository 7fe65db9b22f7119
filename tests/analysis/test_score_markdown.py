from aurora_mm.analysis.score_markdown import score_markdown
from aurora_mm.evaluation import Column, EvaluationResult, TaskColumns
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        dict(name='lung', type='segmentation', classes=['background', 'lung']),
        dict(name='femur', type='landmark', points=['a', 'b']),
    ]
)
COLUMNS = dict(
    lung=TaskColumns(dict(DSC=Column('DSC'), HD=Column('HD', 'px'), NSD=Column('NSD', brief=False)), 'DSC', ''),
    femur=TaskColumns(dict(MRE=Column('MRE', 'px')), 'MRE', '1 - MRE / image diagonal'),
)


def result(dsc, primary):
    mean = (dsc + primary) / 2
    scores = {'lung/DSC': dsc, 'lung/HD': 12.34, 'lung/NSD': 1.0, 'lung/primary': dsc, 'femur/primary': primary}
    scores |= {'type/segmentation': dsc, 'type/landmark': primary, 'score': mean, 'task_mean': mean}
    return EvaluationResult(TASKS, dict(lung=3, femur=0), scores, COLUMNS, [])


def test_a_row_for_every_task():
    lines = score_markdown(result(0.5, 0.9), result(0.25, 0.8)).splitlines()
    assert lines[0] == '| task | type | primary | interval | constant | metrics |'
    assert '| lung | segmentation | 0.500 | - | 0.250 | DSC 0.500, HD 12.3 px |' in lines
    assert '| femur | landmark | 0.900 | - | 0.800 | MRE - |' in lines
    assert lines[-1] == '| **score** (mean over types) |  | 0.700 | - | 0.525 |  |'


def test_without_a_constant_predictor():
    assert '| lung | segmentation | 0.500 | - | - | DSC 0.500, HD 12.3 px |' in score_markdown(result(0.5, 0.9))


def test_intervals_of_tasks_and_means():
    intervals = dict(
        tasks=dict(lung=dict(primary=[0.4, 0.62], DSC=[0.0, 1.0])),
        types=dict(segmentation=[0.4, 0.62]),
        score=[0.65, 0.75],
        level=0.9,
    )
    lines = score_markdown(result(0.5, 0.9), intervals=intervals).splitlines()
    assert lines[0] == '| task | type | primary | 90 % interval | constant | metrics |'
    assert '| lung | segmentation | 0.500 | 0.400 to 0.620 | - | DSC 0.500, HD 12.3 px |' in lines
    assert '| femur | landmark | 0.900 | - | - | MRE - |' in lines
    assert '| mean of segmentation |  | 0.500 | 0.400 to 0.620 | - |  |' in lines
    assert '| mean of landmark |  | 0.900 | - | - |  |' in lines
    assert '| mean over tasks |  | 0.700 | - | - |  |' in lines
    assert lines[-1] == '| **score** (mean over types) |  | 0.700 | 0.650 to 0.750 | - |  |'
