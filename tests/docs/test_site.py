"""The site of the documentation: drawings of the models, links out of docs/, and the order of the pages."""

import importlib.util
import re
from pathlib import Path

import pytest
from torch import nn

from tests.docs.document_blocks import REPO


def load(name):
    spec = importlib.util.spec_from_file_location(name, REPO / f'docs/_site/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


drawing = load('draw_model')


@pytest.mark.parametrize(('file', 'config'), drawing.DRAWINGS.items())
def test_the_drawing_is_of_the_model(file, config):
    cfg, model = drawing.build_model(config)
    drawn = (REPO / file).read_text(encoding='utf-8')
    assert drawn == drawing.draw(cfg, model, config), f'run `python docs/_site/draw_model.py` for {file}'
    parts = [part for part in model.children() if not isinstance(part, nn.ModuleDict)]
    parts += [*model.necks.values(), *model.heads.values(), *model.adapters.values()]
    parts += [head.codec for head in model.heads.values() if hasattr(head, 'codec')]
    names = [type(part).__name__ for part in parts]
    names += [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert len(parts) >= 10
    assert [name for name in names if f'>{name}</text>' not in drawn] == []


@pytest.fixture
def hooks():
    pytest.importorskip('mkdocs')
    return load('hooks')


def test_links_out_of_docs_lead_to_pages_that_show_the_files(hooks):
    assert hooks.new_link('../aurora_mm/tasks.py', Path('docs')) == 'source/aurora_mm/tasks.py.md'
    assert hooks.new_link('../../configs', Path('docs/tutorials')) == '../source/configs.md'
    assert hooks.new_link('../../README.md', Path('docs/tutorials')) == '../index.md'
    assert hooks.new_link('data.md', Path('docs')) == 'data.md'
    assert hooks.new_link('docs/data.md', Path()) == 'data.md'
    assert hooks.new_link('../aurora_mm/gone.py', Path('docs')) == '../aurora_mm/gone.py'  # which MkDocs reports
    assert 'class Task' in hooks.source('aurora_mm/tasks.py')
    assert '- `heads/`' in hooks.source('aurora_mm/models')


def test_the_reference_has_what_a_package_exports_once(hooks):
    packages = [name for names in hooks.PACKAGES.values() for name in names]
    shown = [name for package in packages for name in re.findall(r'^::: (\S+)$', hooks.reference(package), re.M)]
    assert len(shown) > 150
    assert 'aurora_mm.models.heads.SegmentationHead' in shown
    assert 'aurora_mm.models.SegmentationHead' not in shown
    assert 'aurora_mm.apis.inferencer.MultiTaskInferencer' in shown


def test_pages_without_a_place_stand_under_more(hooks):
    class Config:
        nav = [{'Home': 'index.md'}, {'Start': ['data.md']}]

    hooks.place_the_rest(Config, ['data.md', 'new.md'])
    assert Config.nav[2] == {'More': ['new.md']}
    assert list(Config.nav[3]) == ['Reference']
