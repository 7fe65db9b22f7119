"""JSON and CSV blocks of the documents are valid."""

import csv
import json

import pytest

from tests.docs.document_blocks import blocks_in


@pytest.mark.parametrize('block', blocks_in('json'), ids=lambda block: block.place)
def test_json(block):
    assert json.loads(block.text)


@pytest.mark.parametrize('block', blocks_in('csv'), ids=lambda block: block.place)
def test_csv(block):
    header, *rows = csv.reader(block.text.splitlines())
    assert block.tested_in or header[:4] == ['task_id', 'task_name', 'num_classes', 'image_path']
    assert rows and all(len(row) == len(header) for row in rows)
