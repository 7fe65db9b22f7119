from dataclasses import replace

import pytest

from aurora_mm.analysis.breakdown_tables import breakdown_tables
from aurora_mm.analysis.breakdowns import by_size, by_target, ranked, size_bin
from aurora_mm.evaluation import ResultRow


def row(task, metric, target, img_id, **values):
    place = dict(image_path='', mask_path='', img_path=f'/d/{img_id}.png', group='', height=30, width=40)
    return ResultRow(task, metric, target, img_id, **place, values=values)


def scores(group):
    return {column.name: value for column, value in group.scores.items()}


def mask_row(img_id, target, dsc, hd=5.0, size=0.1):
    return row('organs', 'SegmentationMetric', target, img_id, size=size, DSC=dsc, HD=hd, HD95=1.0, NSD=0.5)


def label_row(img_id, truth, pred, probs):
    return row('plane', 'ClassificationMetric', 'xyz'[truth], img_id, truth=truth, pred=pred, probs=probs)


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
    row('nodule', 'BoxIoUMetric', 'nodule', 6, size=0.02, IoU=0.7, truth=[0, 0, 1, 1], pred=[0, 0, 1, 1]),
    row('nodule', 'BoxIoUMetric', 'nodule', 7, size=0.009, IoU=0.1, truth=[0, 0, 1, 1], pred=None),
    row('femur', 'LandmarkMetric', 'left', 8, error=3.0, truth=[0, 0], pred=[0, 3]),
    row('femur', 'LandmarkMetric', 'right', 8, error=5.0, truth=[0, 0], pred=[0, 5]),
    row('femur', 'LandmarkMetric', 'left', 9, error=1.0, truth=[0, 0], pred=[0, 1]),
    row('femur', 'LandmarkMetric', 'right', 9, error=2.0, truth=[0, 0], pred=[0, 2]),
]


def test_by_target():
    groups = {(group.task, group.name): group for group in by_target(ROWS)}
    assert scores(groups['organs', 'liver']) == pytest.approx({'DSC': 0.7, 'HD': 7.0, 'HD95': 1.0, 'NSD': 0.5})
    assert groups['organs', 'liver'].number == 3
    assert scores(groups['plane', 'x']) == {'Recall': 0.5}
    assert scores(groups['plane', 'z']) == {'Recall': 0}
    assert ('plane', 'y') not in groups
    assert scores(groups['nodule', 'nodule']) == pytest.approx({'IoU': 0.4})
    assert scores(groups['femur', 'right']) == {'error': 3.5}


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
    assert scores(by_size(ROWS)[3])['DSC'] == pytest.approx((0.9 + 0.6) / 2)


def test_worst_images_come_first():
    images = ranked(ROWS)
    # The means of images 1 and 2 are equal: the larger Hausdorff distance is worse.
    assert [image.rows[0].img_id for image in images['organs']] == [2, 1, 0]
    assert [image.rows[0].img_id for image in images['plane']] == [4, 5, 3]
    assert [image.rows[0].img_id for image in images['nodule']] == [7, 6]
    assert [image.rows[0].img_id for image in images['femur']] == [8, 9]
    assert [len(image.rows) for image in images['organs']] == [2, 2, 2]
    assert images['femur'][0].goodness == -4 / 50  # of the diagonal


def test_report():
    lines = breakdown_tables(ROWS, worst=1).splitlines()
    assert '| organs | liver | 3 | DSC 0.700, HD 7.0 px, HD95 1.0 px, NSD 0.500 |' in lines
    assert '| nodule | 1 to 5 % | 1 | IoU 0.700 |' in lines
    assert '| organs | /d/2.png | liver: DSC 0.600, HD 9.0 px; vein: DSC 0.200, HD 5.0 px |' in lines
    assert '| plane | /d/4.png | class 0 taken for 2, probability of the true class 0.100 |' in lines
    assert '| nodule | /d/7.png | nodule: IoU 0.100 |' in lines
    assert '| femur | /d/8.png | left: error 3.0 px; right: error 5.0 px |' in lines
    assert not any('/d/3.png' in line for line in lines)


def test_a_report_without_sizes_or_without_rows_has_no_empty_tables():
    points = [item for item in ROWS if item.task == 'femur']
    assert 'By size' not in breakdown_tables(points)
    assert breakdown_tables([]) == ''


def test_a_second_metric_has_groups_of_its_own_and_ranks_nothing():
    boxes = [item for item in ROWS if item.task == 'nodule']
    other = [
        replace(item, metric='again/BoxIoUMetric', values=item.values | dict(IoU=1 - item['IoU'])) for item in boxes
    ]
    assert [scores(group)['IoU'] for group in by_target(boxes + other)] == pytest.approx([0.4, 0.6])
    assert ranked(boxes + other) == ranked(boxes)


def test_numbers_that_not_all_targets_have_say_how_many_do():
    known = mask_row(9, 'liver', 0.5)
    known = replace(known, values=known.values | dict(HD_mm=2.0, HD95_mm=1.0))
    (group, *_) = by_target([known, mask_row(10, 'liver', 0.7)])
    assert (group.number, group.known, scores(group)['HD95_mm']) == (2, 1, 1.0)
    assert 'DSC 0.600, HD 5.0 px, HD95 1.0 px, NSD 0.500, HD_mm 2.00 mm of 1, HD95_mm 1.00 mm of 1' in breakdown_tables(
        [known, mask_row(10, 'liver', 0.7)]
    )
    assert 'HD_mm 2.00 mm, HD95_mm 1.00 mm' in breakdown_tables([known])
    assert 'mm' not in breakdown_tables([mask_row(10, 'liver', 0.7)])
