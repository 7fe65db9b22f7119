"""Exports of tools that no layout reads: one sentence with the file and the tool."""

import json

import pytest

from aurora_mm.errors import DataError
from aurora_mm.importing import find_tasks
from tests.importing import trees

BOX = {'geometryType': 'rectangle', 'points': {'exterior': [[1, 1], [9, 9]]}}
DOTA = '1.0 1.0 9.0 1.0 9.0 9.0 1.0 9.0 head 0\n'
EXPORTS = {
    'VIA 3': ('via.json', {'project': {}, 'config': {}, 'attribute': {}, 'file': {}, 'metadata': {}, 'view': {}}),
    'VIA 3 as CSV': ('via.csv', '# CSV_HEADER = metadata_id,file_list\n"1_x","[""0.png""]"\n'),
    'Datumaro': ('annotations/default.json', {'info': {}, 'categories': {'label': {}}, 'items': []}),
    'Supervisely': ('meta.json', {'classes': [{'title': 'head', 'shape': 'rectangle'}], 'tags': []}),
    'Supervisely without its meta.json': ('ds/ann/0.png.json', {'objects': [BOX | {'classTitle': 'head'}]}),
    'CreateML': ('_annotations.createml.json', [{'image': '0.png', 'annotations': []}]),
    'DOTA': ('labelTxt/0.txt', f'imagesource:GoogleEarth\ngsd:0.1\n{DOTA}'),
}


@pytest.mark.parametrize('name', EXPORTS)
def test_an_export_is_refused_by_the_name_of_its_tool(tmp_path, name):
    file, content = EXPORTS[name]
    trees.save(tmp_path / '0.png', trees.picture(0))
    trees.text(tmp_path / file, content if isinstance(content, str) else json.dumps(content))
    tool = name.partition(' as ')[0].partition(' without ')[0]
    with pytest.raises(
        DataError, match=rf'{file} is a file of {tool}, which is not read: export the data as COCO'
    ) as e:
        find_tasks(tmp_path)
    assert len(str(e.value)) < 400  # without the template of maps


def test_other_files_are_not_taken_for_those_of_a_tool(tmp_path):
    trees.save(tmp_path / '0.png', trees.picture(0))
    for file, content in (('a.json', '{"classes": []}'), ('b.json', '[]'), ('c.txt', 'Notes'), ('d.txt', '\x00\xff')):
        trees.text(tmp_path / file, content)
    with pytest.raises(DataError, match='is laid out in no way that is known'):
        find_tasks(tmp_path)


def test_dota_in_the_place_of_yolo(tmp_path):
    trees.save(tmp_path / 'images' / '0.png', trees.picture(0))
    trees.text(tmp_path / 'labels' / '0.txt', DOTA)
    with pytest.raises(DataError, match=r'0\.txt, row 1: .* no line of class, .*, but one of DOTA'):
        find_tasks(tmp_path)
