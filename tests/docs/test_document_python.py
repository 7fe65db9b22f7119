"""Python blocks of the documents: configs are read and their parts built, the rest is executed."""

import ast
import re
from unittest.mock import patch

import pytest
from mmengine.registry import Registry

import aurora_mm.datasets.annotations  # noqa: F401  (registers the annotations, before a test takes stock)
from aurora_mm import registry
from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.apis import read_config
from aurora_mm.errors import AuroraError
from aurora_mm.registry import MODELS, TRANSFORMS
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import TaskTable
from aurora_mm.visualization import DRAWERS
from tests.docs.document_blocks import REPO, blocks_in

PYTHON = [block for block in blocks_in('python') if not block.tested_in]
CONFIGS = [block for block in PYTHON if block.on or '_base_ =' in block.text]
CODE = [block for block in PYTHON if block not in CONFIGS and not block.not_run]
# A text that names a file or a folder, which the commands of the page make: such a block runs with its page.
_FILE = re.compile(r'^[\w./-]+\.\w+$|^[\w.-]+/')


def needs_files(block):
    """Whether a block reads files; its imports are tried all the same."""
    texts = [node.value for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.Constant)]
    return any(isinstance(text, str) and _FILE.match(text) for text in texts)


def is_ours(module):
    return module.partition('.')[0] == 'aurora_mm'


@pytest.fixture
def own_registries(monkeypatch):
    """What a block registers is forgotten."""
    registries = [value for value in vars(registry).values() if isinstance(value, Registry)]
    for each in registries:
        each.import_from_location()  # else the first look-up would do it, within the test
    for each in registries:
        monkeypatch.setattr(each, '_module_dict', dict(each.module_dict))
    with patch.dict(ANNOTATIONS), patch.dict(DRAWERS), patch.dict(TASK_TYPES):
        yield


def config_of(block, folder):
    """The config of a block, on the file that it names."""
    for other in blocks_in('python'):  # parts that the page defines before are known to its configs
        if other.page == block.page and other.line < block.line and '.register_module()' in other.text:
            exec(compile(other.text, other.place, 'exec'), dict(__name__='documented'))
    file = folder / 'documented.py'
    base = f'_base_ = [{str(REPO / block.on)!r}]\n' if block.on else ''
    file.write_text(base + block.text)
    try:
        return read_config(str(file))
    except AuroraError as error:
        pytest.fail(block.failure(str(error)), pytrace=False)


@pytest.mark.parametrize('block', CONFIGS, ids=lambda block: block.place)
def test_config_is_read(block, tmp_path, own_registries):
    assert config_of(block, tmp_path)


def models():
    """Configs that say something of the model; a foreign head is tried for each task, which takes a minute."""
    for block in CONFIGS:
        if block.on and re.match(r'model = ', block.text):
            slow = [pytest.mark.slow] if re.search(r"'mm(det|seg)\.", block.text) else []
            yield pytest.param(block, id=block.place, marks=slow)


@pytest.mark.parametrize('block', models())
def test_model_builds(block, tmp_path, own_registries):
    cfg = config_of(block, tmp_path)
    if cfg.model.backbone.type == 'HFBackbone':
        pytest.skip('its sizes come from a model hub')
    cfg.model.backbone.pretrained = None
    if cfg.model.backbone.get('preset') == '8b':
        cfg.model.backbone.preset = 'tiny'
    assert MODELS.build(cfg.model).tasks


@pytest.mark.parametrize('block', CODE, ids=lambda block: block.place)
def test_code_runs(block, tmp_path, monkeypatch, own_registries):
    monkeypatch.chdir(tmp_path)
    tree = ast.parse(block.text)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):  # the dict of a task or of a part
        cfg = eval(block.text)
        assert TaskTable([cfg]) if 'name' in cfg else TRANSFORMS.build(cfg)
        return
    if needs_files(block):
        tree.body = [node for node in tree.body if isinstance(node, ast.ImportFrom) and is_ours(node.module)]
    exec(compile(tree, block.place, 'exec'), dict(__name__='documented'))


def test_lines_of_a_config_say_on_which():
    for block in CODE:
        body = ast.parse(block.text).body
        if all(isinstance(node, ast.Assign) for node in body):
            pytest.fail(
                block.failure('lines of a config say on which: `<!-- on configs/aurora_fmc_demo.py -->`'), False
            )
