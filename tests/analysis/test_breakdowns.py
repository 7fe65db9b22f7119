import pytest

from aurora_mm.analysis.breakdown_tables import details_report
from aurora_mm.analysis.breakdowns import by_size, by_target, ranked, size_bin
from aurora_mm.evaluation.per_image import TargetResult


def row(task, kind, target, img_id, **values):
    place = dict(image_path='', mask_path='', img_path=f'/d/{img_id}.png', group='', height=30, width=40)
    return TargetResult(task, kind, target, img_id, **place, **values)


def mask_row(img_id, target, dsc, hd=5.0, size=0.1):
    return row('organs', 'segmentation', target, img_id, size=size, DSC=dsc, HD=hd, HD95=1.0, NSD=0.5)


def label_row(img_id, truth, pred, probs):
    return row('plane', 'classification', 'xyz'[truth], img_id, truth=truth, pred=pred, probs=probs)


ROWS = [
    mask_row(0, 'liver', 0.9, size=0.3),
    mask_row(0, 'vein', 0.1, size=0.004),
    mask_row(1, 'liver', 0.6, hd=7.0, size=0.2),
    mask_row(1, 'vein', 0.2, size=0.0),
    mask_row(2, 'liver', 0.6, hd=9.0, size=0.19),
    mask_row(2, 'vein', 0.2, size=0.05),
    label_row(3, 0, 0, [0.8, 0.1, 0.1]),
    label_row(4, 0, 2, [0.1, 0.1, 0.8]),
    label_row(5, 2, 0, [0.5, 0.1, 0.4]),
    row('nodule', 'detection', 'nodule', 6, size=0.02, IoU=0.7, truth=[0, 0, 1, 1], pred=[0, 0, 1, 1]),
    row('nodule', 'detection', 'nodule', 7, size=0.009, IoU=0.1, truth=[0, 0, 1, 1], pred=None),
    row('femur', 'landmark', 'left', 8, error=3.0, truth=[0, 0], pred=[0, 3]),
    row('femur', 'landmark', 'right', 8, error=5.0, truth=[0, 0], pred=[0, 5]),
    row('femur', 'landmark', 'left', 9, error=1.0, truth=[0, 0], pred=[0, 1]),
    row('femur', 'landmark', 'right', 9, error=2.0, truth=[0, 0], pred=[0, 2]),
]


def test_by_target():
    groups = {(group.task, group.name): group for group in by_target(ROWS)}
    assert groups['organs', 'liver'].scores == pytest.approx({'DSC': 0.7, 'HD': 7.0, 'HD95': 1.0, 'NSD': 0.5})
    assert groups['organs', 'liver'].number == 3
    assert groups['plane', 'x'].scores == {'Recall': 0.5}
    assert groups['plane', 'z'].scores == {'Recall': 0}
    assert ('plane', 'y') not in groups
    assert groups['nodule', 'nodule'].scores == pytest.approx({'IoU': 0.4})
    assert groups['femur', 'right'].scores == {'error': 3.5}


@pytest.mark.parametrize(
    ('size', 'name'),
    [
        (0, 'absent'),
        (1e-9, 'below 1 %'),
        (0.01, '1 to 5 %'),
        (0.05, '5 to 20 %'),
        (0.2, '20 % and more'),
        (1, '20 % and more'),
    ],
)
def test_size_bins(size, name):
    assert size_bin(size) == name


def test_by_size():
    found = [(group.task, group.name, group.number) for group in by_size(ROWS)]
    assert found == [
        ('organs', 'absent', 1),
        ('organs', 'below 1 %', 1),
        ('organs', '5 to 20 %', 2),
        ('organs', '20 % and more', 2),
        ('nodule', 'below 1 %', 1),
        ('nodule', '1 to 5 %', 1),
    ]
    assert by_size(ROWS)[3].scores['DSC'] == pytest.approx((0.9 + 0.6) / 2)


def test_worst_images_come_first():
    cases = ranked(ROWS)
    # The means of images 1 and 2 are equal: the larger Hausdorff distance is worse.
    assert [case.rows[0].img_id for case in cases['organs']] == [2, 1, 0]
    assert [case.rows[0].img_id for case in cases['plane']] == [4, 5, 3]
    assert [case.rows[0].img_id for case in cases['nodule']] == [7, 6]
    assert [case.rows[0].img_id for case in cases['femur']] == [8, 9]
    assert [len(case.rows) for case in cases['organs']] == [2, 2, 2]
    assert cases['femur'][0].goodness == -4 / 50  # of the diagonal


def test_report():
    lines = details_report(ROWS, worst=1).splitlines()
    assert '| organs | liver | 3 | DSC 0.700, HD 7.0 px, HD95 1.0 px, NSD 0.500 |' in lines
    assert '| nodule | 1 to 5 % | 1 | IoU 0.700 |' in lines
    assert '| organs | /d/2.png | liver: DSC 0.600, HD 9.0 px; vein: DSC 0.200, HD 5.0 px |' in lines
    assert '| plane | /d/4.png | class 0 taken for 2, probability of the true class 0.100 |' in lines
    assert '| nodule | /d/7.png | nodule: IoU 0.100 |' in lines
    assert '| femur | /d/8.png | left: error 3.0 px; right: error 5.0 px |' in lines
    assert not any('/d/3.png' in line for line in lines)


def test_a_report_without_sizes_or_without_rows_has_no_empty_tables():
    points = [item for item in ROWS if item.task == 'femur']
    assert 'By size' not in details_report(points)
    assert details_report([]) == ''
