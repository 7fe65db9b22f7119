"""Several sources in one data root, by a recipe."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing import compare_checksums, find_recipe_tasks, read_recipe, recipe_names, write_tasks
from aurora_mm.splitting import split_data
from tests.importing import trees

HEADS = dict(
    name='hc18',
    layout='HC18',
    tasks=['fetal_head'],
    images=dict(train=['001_HC', '000_*'], val=['training_set/002_HC']),
)
BREASTS = dict(name='busi', options=dict(objects='single'), images=dict(train=['benign (2)'], val=['malignant (1)']))
LESIONS = dict(
    name='clinic',
    map=[
        dict(name='breast_lesion', type='segmentation', classes=['background', 'lesion'], images='scan{id}.png',
             masks='scan{id}_mask.png'),
    ],
    images=dict(train=['scan1'], val=['scan*2']),
)  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    made = dict(hc18=trees.hc18, busi=trees.busi, clinic=trees.masks_beside)
    for name, make in made.items():
        make(tmp_path / name)
    return {name: tmp_path / name for name in made}


@pytest.fixture
def recipe(tmp_path):
    def write(*sources, **others):
        (tmp_path / 'recipe.json').write_text(json.dumps(dict(sources=sources) | others))
        return read_recipe(tmp_path / 'recipe.json')

    return write


def built(tmp_path, recipe, folders) -> dict[str, list[str]]:
    """The images of each task and split, in the order of their rows."""
    used = {source.name: folders[source.name] for source in recipe.sources}
    write_tasks(find_recipe_tasks(recipe, used), tmp_path / 'out')
    names: dict[str, list[str]] = {}
    for file in sorted(tmp_path.glob('out/*/csv_files/*.csv')):
        with file.open(newline='') as stream:
            for row in csv.DictReader(stream):
                assert row['image_path'].startswith(f'../{row["source"]}/')
                names.setdefault(f'{file.stem} {file.parts[-3]}', []).append(Path(row['image_path']).name)
    return names


def test_images_are_taken_in_the_order_of_the_recipe(tmp_path, recipe, folders):
    names = built(tmp_path, recipe(HEADS, BREASTS), folders)
    assert names == {
        'fetal_head train': ['001_HC.png', '000_2HC.png', '000_HC.png'],
        'fetal_head val': ['002_HC.png'],
        **{f'breast_{task} train': ['benign (2).png'] for task in ('lesion', 'lesion_det', '2cls', '3cls')},
        **{f'breast_{task} val': ['malignant (1).png'] for task in ('lesion', 'lesion_det', '2cls', '3cls')},
    }
    rows = FMCUIADataset(str(tmp_path / 'out'), 'train', group_column='group').load_data_list()
    assert {row['group'] for row in rows if row['task'] == 'fetal_head'} == {'hc18/000', 'hc18/001'}


def test_a_task_of_two_sources_is_one_task(tmp_path, recipe, folders):
    names = built(tmp_path, recipe(dict(BREASTS, tasks=['breast_lesion']), LESIONS), folders)
    assert names == {
        'breast_lesion train': ['benign (2).png', 'scan1.png'],
        'breast_lesion val': ['malignant (1).png', 'scan2.png'],
    }


def test_sources_are_centres_to_leave_out(tmp_path, recipe, folders):
    sources = [{key: value for key, value in source.items() if key != 'images'} for source in (BREASTS, LESIONS)]
    sources[0]['tasks'] = ['breast_lesion']
    found = find_recipe_tasks(recipe(*sources), {name: folders[name] for name in ('busi', 'clinic')})
    write_tasks(found, tmp_path / 'data')
    report = split_data(tmp_path / 'data', tmp_path / 'centres', leave_out='source')
    assert report.rows['without_busi/val'] == Counter(breast_lesion=6)
    assert report.rows['without_clinic/val'] == Counter(breast_lesion=3)


def test_the_recipe_of_the_documents(tmp_path, folders):
    page = (Path(__file__).resolve().parents[2] / 'docs' / 'data.md').read_text()
    (text,) = re.findall(r'^```json\n(\{\n  "sources".*?)^```', page, re.MULTILINE | re.DOTALL)
    trees.text(tmp_path / 'recipe.json', text)
    folders['clinic'] = tmp_path / 'scans'
    for place in ('a/{}/1', 'a/{}/2', 'b/{}/016', 'b/{}/017', 'c/{}/3'):
        trees.save(folders['clinic'] / f'{place.format("images")}.png', trees.picture(ord(place[0])))
        trees.save(folders['clinic'] / f'{place.format("masks")}.png', trees.mask(255))
    assert built(tmp_path, read_recipe(tmp_path / 'recipe.json'), folders) == {
        'breast_lesion train': ['1.png', '2.png', '017.png'],
        'breast_lesion val': ['3.png'],
        'breast_lesion test': ['benign (1).png', 'benign (2).png', 'benign (3).png'],
    }


def test_grey(tmp_path, recipe, folders):
    """Colours become grey, and so do three equal channels; grey files are copied as they are."""
    colours = np.random.default_rng(0).integers(0, 256, (trees.HEIGHT, trees.WIDTH, 3), np.uint8)
    image = folders['busi'] / 'benign' / 'benign (2).png'
    trees.save(image, colours)
    trees.save(folders['busi'] / 'malignant' / 'malignant (1).png', np.repeat(trees.picture(1)[..., None], 3, 2))
    trees.save(folders['busi'] / 'benign' / 'benign (3).png', trees.picture(3))
    images = dict(train=['benign (2)', 'benign (3)'], val=['malignant (1)'])
    built(tmp_path, recipe(dict(BREASTS, grey=True, images=images)), folders)

    def stored(split, name):
        return cv2.imread(str(tmp_path / 'out' / split / 'busi' / 'images' / f'{name}.png'), cv2.IMREAD_UNCHANGED)

    luma = colours[..., ::-1] @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(stored('train', 'benign (2)'), luma, atol=0.51)
    np.testing.assert_array_equal(stored('val', 'malignant (1)'), trees.picture(1))
    copy = tmp_path / 'out' / 'train' / 'busi' / 'images' / 'benign (3).png'
    assert copy.read_bytes() == (folders['busi'] / 'benign' / 'benign (3).png').read_bytes()


def test_checksums(tmp_path, recipe, folders):
    """Other pixels change the checksum of their kind alone; a copy in colours of equal channels changes none."""
    made = recipe(dict(BREASTS, checksums=dict(images='x', masks='y')))
    (line,) = compare_checksums(made, find_recipe_tasks(made, dict(busi=folders['busi'])))
    images, masks = re.fullmatch(
        r'busi: images differ from those of the recipe \(checksum (\w{16}), not x\); '
        r'masks differ from those of the recipe \(checksum (\w{16}), not y\)',
        line,
    ).groups()

    def compared() -> str:
        made = recipe(dict(BREASTS, checksums=dict(images=images, masks=masks)))
        (line,) = compare_checksums(made, find_recipe_tasks(made, dict(busi=folders['busi'])))
        return line

    assert compared() == 'busi: images and masks are those of the recipe, pixel by pixel'
    image = folders['busi'] / 'benign' / 'benign (2).png'
    pixels = cv2.imread(str(image))
    trees.save(image, pixels)
    assert 'are those of the recipe' in compared()
    pixels[3, 4] ^= 1
    trees.save(image, pixels)
    assert re.match('busi: images differ', compared())
    assert 'masks differ' not in compared()


class TestMistakes:
    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (dict(images=dict(train=['7_HC', '001_HC', '8'])), r"hc18: 2 of the images .* no label: '7_HC', '8'"),
            (dict(images=dict(train=['x*'])), "1 of the images .*: 'x\\*'"),
            (dict(images=dict(train=['*_HC'], val=['001_HC'])), r"001_HC\.png: is named twice, by '001_HC' too"),
            (dict(layout='BUSI'), "is laid out as HC18, but source 'hc18' is BUSI"),
            (dict(tasks=['fetal_heart']), "source 'hc18' has no task 'fetal_heart'; it has fetal_head, fetal_head_det"),
        ],
    )  # fmt: skip
    def test_sources_that_differ(self, tmp_path, recipe, folders, change, message):
        with pytest.raises((ConfigError, DataError), match=message):
            built(tmp_path, recipe(HEADS | change), folders)
        assert not (tmp_path / 'out').exists()

    def test_one_name_for_two_images(self, tmp_path, recipe, folders):
        trees.save(folders['hc18'] / 'more' / '001_HC.png', trees.picture(0))
        trees.save(folders['hc18'] / 'more' / '001_HC_Annotation.png', trees.mask(255))
        with pytest.raises(DataError, match=r"'001_HC' names .*more/001_HC\.png and .*training_set/001_HC\.png; write"):
            built(tmp_path, recipe(HEADS), folders)
        names = dict(train=['training_set/001_HC'], val=['more/001_HC'])
        assert len(find_recipe_tasks(recipe(HEADS | dict(images=names)), dict(hc18=folders['hc18']))[0].rows) == 2

    def test_a_mask_that_is_missing(self, tmp_path, recipe, folders):
        (folders['busi'] / 'benign' / 'benign (2)_mask.png').unlink()
        with pytest.raises(DataError, match=r'benign \(2\)\.png: this image has no mask'):
            built(tmp_path, recipe(BREASTS), folders)

    def test_other_numbers_of_rows(self, tmp_path, recipe, folders):
        """A second lesion appears, so that the image leaves the task of one box an image."""
        rows = dict(breast_lesion_det=dict(train=1, val=1))
        source = dict(BREASTS, tasks=['breast_lesion_det'])
        built(tmp_path, recipe(source, rows=rows), folders)
        second = folders['busi'] / 'benign' / 'benign (2)_mask_1.png'
        trees.save(second, trees.mask(0, 255))
        message = r"'breast_lesion_det' would have \{'val': 1\} rows, but the recipe says \{'train': 1, 'val': 1\}"
        with pytest.raises(DataError, match=message):
            find_recipe_tasks(recipe(source, rows=rows), dict(busi=folders['busi']))
        with pytest.raises(DataError, match="no source has task 'x'"):
            find_recipe_tasks(
                recipe(source, rows=dict(breast_lesion_det=dict(val=1), x={})), dict(busi=folders['busi'])
            )

    def test_sources_that_disagree(self, tmp_path, recipe, folders):
        other = json.loads(json.dumps(LESIONS))
        other['map'][0]['classes'][1] = 'nodule'
        with pytest.raises(ConfigError, match=r"source 'clinic' has task 'breast_lesion' as .*nodule.* as .*lesion"):
            built(tmp_path, recipe(BREASTS, other), folders)

    def test_a_source_without_a_split(self, tmp_path, recipe, folders):
        whole = {key: value for key, value in LESIONS.items() if key != 'images'}
        with pytest.raises(
            DataError, match=r'scan0\.png: lies in no split, but other images are split into train, val'
        ):
            built(tmp_path, recipe(BREASTS, whole), folders)

    @pytest.mark.parametrize(
        ('source', 'message'),
        [
            (dict(name='a/b'), "'a/b' is no name of a source"),
            (dict(about='x'), 'has no name'),
            (dict(name='a', image=[]), r"unknown keys \['image'\]"),
            (dict(name='a', images={}), 'images must be lists of train, val and test'),
            (dict(name='a', images=dict(dev=['x'])), 'images must be lists of train, val and test'),
            (dict(name='a', images=dict(val='x')), 'images of val must be a list of names'),
            (dict(name='a', images=dict(val=[1])), 'images of val must be a list of names'),
            (dict(name='a', tasks='x'), 'tasks must be a list of names'),
            (dict(name='a', grey=1), 'grey true or false'),
            (dict(name='a', checksums=dict(boxes='x')), 'checksums must be those of images and masks'),
            (dict(name='a', layout='x'), "layout 'x' is none of BUSI, HC18"),
            (dict(name='a', layout='BUSI', map=[]), 'stands beside a map'),
            (dict(name='a', map={}), 'map must be a list of tasks'),
            (dict(name='a', options=[]), r"unknown options \['options'\]"),
            (dict(name='a', options=dict(object='all')), r"unknown options \['object'\]"),
            (dict(name='a', options=dict(objects='few')), 'objects must be one of all'),
            (dict(name='a', options=dict(classes='x')), 'classes must be a list of names'),
            (dict(name='a', options=dict(mask_values=['0'])), 'mask_values must be a list of numbers'),
            (dict(name='a', options=dict(name=1)), 'name must be text'),
            (dict(name='a', options=dict(mask_values=[])), r'mask values \[\] must be different, and at least one'),
            (dict(name='a', options=dict(mask_values=[0, 0])), r'mask values \[0, 0\] must be different'),
            (dict(name='a', options=dict(classes=['b', 'b'])), r"classes \['b', 'b'\] must be different"),
        ],
    )
    def test_recipes_that_make_no_sense(self, recipe, source, message):
        with pytest.raises(ConfigError, match=rf'recipe\.json: .*{message}'):
            recipe(source)

    @pytest.mark.parametrize(
        ('content', 'message'),
        [
            ('{', 'not a JSON file'),
            ('{"sources": 1}', 'a list of sources'),
            ('{"sources": []}', 'sources of different names'),
            ('{"sources": [{"name": "a"}, {"name": "a"}]}', 'sources of different names'),
            ('{"sources": [{"name": "a"}], "x": 1}', r"\['x'\] besides"),
            ('{"sources": [{"name": "a"}], "rows": {"t": 1}}', 'rows must be numbers by task and split'),
        ],
    )
    def test_files_that_are_no_recipe(self, tmp_path, content, message):
        (tmp_path / 'r.json').write_text(content)
        with pytest.raises((ConfigError, DataError), match=message):
            read_recipe(tmp_path / 'r.json')


class TestCommand:
    def test_it_shows_and_writes(self, tmp_path, recipe, folders, capsys):
        recipe(HEADS, BREASTS)
        arguments = ['build-data', str(tmp_path / 'recipe.json'), str(tmp_path / 'out')]
        sources = ['--source', f'hc18={folders["hc18"]}', '--source', f'busi={folders["busi"]}']
        main([*arguments, *sources, '--dry-run'])
        assert 'fetal_head' in capsys.readouterr().out
        assert not (tmp_path / 'out').exists()
        main([*arguments, *sources, '--link'])
        assert 'wrote' in capsys.readouterr().out
        image = tmp_path / 'out' / 'train' / 'hc18' / 'images' / '001_HC.png'
        assert image.resolve() == (folders['hc18'] / 'training_set' / '001_HC.png').resolve()

    @pytest.mark.parametrize(
        ('arguments', 'message'),
        [
            (['us_real'], r'(?s)sources are missing.*hc18: .*zenodo.*busi: .*usgra-seg: .*github'),
            (['us_real', '--source', 'x=y'], "no source 'x'; its sources are busi, hc18, usgra-seg"),
            (['us_real', '--source', 'hc18'], "NAME=FOLDER, once for each source, not 'hc18'"),
            (['us_real', '--source', 'hc18=a', 'hc18=b'], "once for each source, not 'hc18=b'"),
            (['other'], 'no recipe other; the package has us_real'),
        ],
    )
    def test_wrong_arguments(self, tmp_path, capsys, arguments, message):
        with pytest.raises(SystemExit) as end:
            main(['build-data', arguments[0], str(tmp_path / 'out'), *arguments[1:]])
        assert end.value.code == 2
        assert re.search(message, capsys.readouterr().err)
        assert not (tmp_path / 'out').exists()


def test_the_recipe_of_the_readme():
    """Names of no image stand twice, and images of a head stand on one side."""
    assert recipe_names() == ['us_real']
    heads = read_recipe('us_real').sources[0].images
    sides = [{name.partition('_')[0] for name in heads[split]} for split in ('train', 'val')]
    assert sides[0] and sides[1] and not sides[0] & sides[1]
    for source in read_recipe('us_real').sources:
        names = [name for listed in source.images.values() for name in listed]
        assert len(names) == len(set(names))
