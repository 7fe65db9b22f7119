from pathlib import Path

import numpy as np
import pyarrow as pa

from aurora_mm.challenge.arrow_columns import CsvColumns
from aurora_mm.challenge.row_descriptions import describe_rows


def table_of(task_ids, faults):
    count = len(task_ids)
    cells = dict(task_id=task_ids, task_name=['detection'] * count, num_classes=['1'] * count)
    columns = {name: pa.array(texts, pa.large_string()) for name, texts in cells.items()}
    return CsvColumns(Path('rows.csv'), columns, np.arange(2, 2 + count, dtype=np.int32), faults, True)


def test_descriptions_are_in_the_order_of_their_first_rows():
    code, descriptions = describe_rows(table_of(['b', 'a', 'b', 'c'], {}))
    assert code.tolist() == [0, 1, 0, 2]
    assert [(d.cells[0], d.num_rows, d.line) for d in descriptions] == [('b', 2, 2), ('a', 1, 3), ('c', 1, 5)]
    assert descriptions[2].place == 'rows.csv, row 5'


def test_rows_with_a_fault_describe_nothing():
    code, descriptions = describe_rows(table_of(['b', 'a', 'b', 'c'], {0: 'bad', 3: 'bad'}))
    assert code.tolist() == [-1, 0, 1, -1]
    assert [(d.cells[0], d.num_rows, d.line) for d in descriptions] == [('a', 1, 3), ('b', 1, 4)]
    code, descriptions = describe_rows(table_of(['b'], {0: 'bad'}))
    assert (code.tolist(), descriptions) == ([-1], [])
