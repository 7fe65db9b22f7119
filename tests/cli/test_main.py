"""The command as a whole: its verbs, their help, the scripts of the same names."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from aurora_mm import __version__
from aurora_mm.cli import main as cli

REPO = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((REPO / 'tools').rglob('*.py'))
HEAVY = ('torch', 'transformers', 'mmcv', 'mmdet', 'mmseg', 'cv2', 'matplotlib', 'scipy', 'sklearn')
ASK_ALL = f"""
import contextlib, io, runpy, sys
from aurora_mm.cli.main import load_verbs, main

for verb in load_verbs():
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        main([verb, '--help'])
    assert 'usage: aurora-mm ' + verb in printed.getvalue(), printed.getvalue()
for script in {[str(script) for script in SCRIPTS]}:
    sys.argv = [script, '--help']
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        runpy.run_path(script, run_name='__main__')
    assert 'usage: aurora-mm ' in printed.getvalue(), printed.getvalue()
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_help_imports_nothing_heavy():
    """Of all verbs and all scripts, one after the other in one process."""
    done = subprocess.run([sys.executable, '-c', ASK_ALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == '[]\n'


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda script: script.stem)
def test_each_script_is_the_verb_of_its_name(script, load_tool):
    assert load_tool(script.stem).main is import_module(f'aurora_mm.cli.verbs.{script.stem}').main


def test_each_verb_has_a_script_of_its_name():
    assert {script.stem.replace('_', '-') for script in SCRIPTS} == set(cli.load_verbs())


def test_the_help_lists_all_verbs_with_a_line_each(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['--help'])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    for verb, module in cli.load_verbs().items():
        assert re.search(rf'^  {verb} +{re.escape(module.__doc__.splitlines()[0])}$', printed, re.MULTILINE)


def test_no_verb_is_a_question_for_help(capsys):
    cli.main([])
    assert 'make-demo-data' in capsys.readouterr().out


def test_an_unknown_verb_ends_with_the_nearest_one(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['make_demo_data', 'out'])
    assert end.value.code == 2
    assert "no verb 'make_demo_data'; did you mean make-demo-data?" in capsys.readouterr().err


def test_the_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(['--version'])
    assert (end.value.code, capsys.readouterr().out) == (0, f'aurora_mm {__version__}\n')


def test_setup_installs_the_command():
    (entry,) = re.findall(r"'aurora-mm = ([\w.]+):(\w+)'", (REPO / 'setup.py').read_text())
    assert getattr(import_module(entry[0]), entry[1]) is cli.main
