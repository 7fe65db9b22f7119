"""The model index and the layout that OpenMMLab's tools read of an installed package."""

import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.hub import get_config

REPO = Path(__file__).resolve().parents[1]
MIM = REPO / 'aurora_mm/.mim'
CONFIGS = sorted(
    (*REPO.glob('configs/*.py'), *REPO.glob('configs/interop/*.py'), *REPO.glob('configs/pretraining/*.py'))
)


def read(path):
    return yaml.safe_load((REPO / path).read_text())


def entries(kind):
    return [entry for file in read('model-index.yml')['Import'] for entry in read(file).get(kind) or []]


def test_every_config_has_one_entry():
    listed = [model['Config'] for model in entries('Models')]
    assert sorted(listed) == [str(file.relative_to(REPO)) for file in CONFIGS]
    names = [model['Name'] for model in entries('Models')]
    assert len(set(names)) == len(names)


def test_entries_are_complete():
    collections = {collection['Name'] for collection in entries('Collections')}
    for model in entries('Models'):
        assert model['In Collection'] in collections
        assert Path(model['Config']).stem == model['Name']
        assert model['Metadata']['Training Data']
        for result in model.get('Results', ()):
            assert set(result) == {'Task', 'Dataset', 'Metrics'}
            assert all(isinstance(value, float) for value in result['Metrics'].values())
    for collection in entries('Collections'):
        assert (REPO / collection['README']).is_file()
        assert (REPO / collection['Code']['URL']).is_file()


def test_mim_finds_each_config_and_script_by_its_name():
    """`mim train` and `mim test` take a config's file name, `mim run` a script's: there must be one of each."""
    names = [path.name for path in (MIM / 'configs').rglob('*.py')] + [
        path.name for path in (MIM / 'tools').rglob('*.py')
    ]
    wanted = [Path(model['Config']).name for model in entries('Models')]
    wanted += [path.name for path in REPO.glob('tools/**/*.py')]
    assert {name: names.count(name) for name in wanted} == dict.fromkeys(wanted, 1)
    assert (MIM / 'tools/train.py').is_file()
    assert (MIM / 'tools/test.py').is_file()


@pytest.mark.parametrize('model', entries('Models'), ids=lambda model: model['Name'])
def test_the_hub_gives_every_listed_config(model):
    path = model['Config'].removeprefix('configs/')
    if '/' in path:
        assert get_config(f'aurora_mm::{path}').filename.endswith(model['Config'])


def test_a_config_of_another_package_inherits_ours(tmp_path):
    file = tmp_path / 'child.py'
    file.write_text("_base_ = ['aurora_mm::aurora/us_real.py']\nmodel = dict(backbone=dict(with_cp=True))")
    cfg = Config.fromfile(file)
    assert cfg.model.backbone.with_cp
    assert len(cfg.tasks) == len(cfg.model.tasks) == 8


def test_a_checkout_has_the_layout_too():
    assert (MIM / 'model-index.yml').samefile(REPO / 'model-index.yml')
    assert Config.fromfile(MIM / 'configs/aurora_fmc_demo.py').model.type == 'MultiTaskModel'


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """The content of a wheel that was built from the working tree."""
    folder = tmp_path_factory.mktemp('wheel')
    files = subprocess.run(['git', 'ls-files', '-z'], cwd=REPO, capture_output=True, text=True, check=True).stdout
    archive = folder / 'tree.tar'
    subprocess.run(['tar', '--null', '-T', '-', '-cf', archive], cwd=REPO, input=files.encode(), check=True)
    source = folder / 'source'
    source.mkdir()
    subprocess.run(['tar', '-xf', archive, '-C', source], check=True)
    pip = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', folder, source]
    subprocess.run(pip, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob('*.whl'))) as wheel:
        wheel.extractall(folder / 'installed')
    return folder / 'installed'


def run(command, installed, folder):
    """Run a command in an empty folder, with the package from the wheel alone."""
    env = {'PYTHONPATH': str(installed), 'PATH': os.environ['PATH'], 'OMP_NUM_THREADS': '1'}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=env, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_wheel_holds_configs_and_scripts_that_run(installed, tmp_path):
    mim = installed / 'aurora_mm/.mim'
    for folder in ('configs', 'tools'):
        packed, here = (
            {str(path.relative_to(root)) for path in root.glob(f'{folder}/**/*.py')} for root in (mim, REPO)
        )
        assert packed == here
    flops = [mim / 'tools/analysis_tools/get_flops.py', mim / 'configs/aurora_fmc_demo.py', '--shape', '128', '128']
    assert 'head landmark: FUGC' in run(flops, installed, tmp_path)


@pytest.mark.slow
def test_the_demo_runs_from_a_wheel_in_an_empty_folder(installed, tmp_path):
    origin = run(['-c', 'import aurora_mm; print(aurora_mm.__file__)'], installed, tmp_path)
    assert Path(origin.strip()).is_relative_to(installed)

    def aurora_mm(text):
        run(['-m', 'aurora_mm', *shlex.split(text)], installed, tmp_path)

    aurora_mm('make-demo-data data --images-per-task 4')
    small = '--cfg-options train_cfg.max_epochs=1 train_dataloader.batch_sampler.num_batches=2'
    aurora_mm(f'train aurora_fmc_demo.py --data-root data --work-dir run {small}')
    aurora_mm('test aurora_fmc_demo.py run/epoch_1.pth --data-root data --out-dir test --constant --submission')
    aurora_mm('report run --results test')
    assert (tmp_path / 'test/report.html').is_file()
    assert (tmp_path / 'test/submission/classification_predictions.json').is_file()
