from pathlib import Path

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.index_parts import rows_with_several_labels
from aurora_mm.tasks import TaskTable


def test_rows_of_one_image_and_task(fmc_root):
    fmc_root.csv('a', [fmc_root.cls_row(0), fmc_root.cls_row(1), fmc_root.cls_row(0)])
    shared = fmc_root.cls_row(1)['image_path']
    fmc_root.csv('b', [fmc_root.det_row(0, image_path=shared), fmc_root.cls_row(0)])
    index = read_root(fmc_root.path, TaskTable())
    assert rows_with_several_labels(index.records.columns) == [0, 2, 4]
    assert [Path(record.csv_file).name for record in index.records] == ['a.csv', 'a.csv', 'b.csv']
    assert len(index.repeated) == 2


def test_one_image_by_two_paths(fmc_root):
    row = fmc_root.cls_row(0)
    fmc_root.csv('a', [row, row | dict(image_path=row['image_path'].replace('../', '../csv_files/../'))])
    index = read_root(fmc_root.path, TaskTable())
    assert len(index.repeated) == 1
