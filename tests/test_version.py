"""What `import aurora_mm` says of an environment, and what it loads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aurora_mm import version


def test_this_environment_is_right():
    version.check_environment()


@pytest.mark.parametrize(
    ('installed', 'message'),
    [
        (
            {},
            r'needs onedl-mmcv>=2\.3\.6 or mmcv-lite>=2\.1\.0 or mmcv>=2\.1\.0 and it is missing: '
            r'pip install "onedl-mmcv>=2\.3\.6"',
        ),
        ({'onedl-mmcv': '2.3.1'}, r'onedl-mmcv 2\.3\.1 is too old'),
    ],
)
def test_a_missing_or_old_package_is_one_sentence(monkeypatch, installed, message):
    real = version._version
    monkeypatch.setattr(version, '_version', lambda name: installed.get(name) if 'mmcv' in name else real(name))
    with pytest.raises(ImportError, match=message):
        version.check_environment()


def test_windows_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr('platform.system', lambda: 'Windows')
    with pytest.raises(ImportError, match='on Windows, install it in WSL 2'):
        version.check_environment()


@pytest.mark.parametrize('mmcv', ['mmcv', 'mmcv-lite'])
def test_the_original_packages_do_as_well(monkeypatch, mmcv):
    originals = {'mmengine': '0.10.7', mmcv: '2.1.0', 'mmdet': '3.3.0', 'mmsegmentation': '1.2.2'}
    real = version._version
    monkeypatch.setattr(
        version, '_version', lambda name: real(name) if name in ('torch', 'transformers') else originals.get(name)
    )
    version.check_environment()


def test_the_import_is_light():
    code = 'import sys, aurora_mm; print([m for m in ("mmdet", "mmseg", "torch", "transformers") if m in sys.modules])'
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == '[]'


def test_setup_installs_what_the_check_asks_for():
    """Each package with the least version that the check knows, in whatever list of setup.py it stands."""
    lines = (Path(__file__).parents[1] / 'setup.py').read_text()
    required = dict(re.findall(r"'([\w-]+)[=>]=([\d.]+)'", lines))
    required['mmcv'] = required['mmcv-lite']  # the same package without operators, which needs no compiler
    for choices in version._NEEDED:
        for name, least in choices.items():
            assert required[name] == least, name


def test_installing_leaves_openmmlab_and_opencv_as_they_are(tmp_path):
    """mmcv is compiled by hand and brings its OpenCV; another one of either would overwrite files of theirs."""
    command = [sys.executable, 'setup.py', '-q', 'egg_info', '--egg-base', str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
    text = (tmp_path / 'aurora_mm.egg-info' / 'requires.txt').read_text()
    always, _, extras = text.partition('[')
    assert 'transformers' in always
    assert not re.search('mm|opencv', always)
    assert {'onedl-mmcv==2.3.6', 'mmcv-lite==2.1.0'} <= set(extras.split())


def test_the_version_is_the_same_everywhere():
    root = Path(__file__).parents[1]
    citation = re.search(r'^version: (.+)$', (root / 'CITATION.cff').read_text(), re.MULTILINE)[1]
    newest = re.search(r'^## (\S+)', (root / 'CHANGELOG.md').read_text(), re.MULTILINE)[1]
    assert citation == newest == version.__version__
