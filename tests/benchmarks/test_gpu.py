"""Everything that is measured on a GPU, in one go: no part takes the figures of the others with it."""

import argparse
import json
import shlex
import sys

import pytest

from aurora_mm.cli.main import load_verbs

FIGURES = 'import json, sys; json.dump(dict(images_per_s=7), open(sys.argv[1], "w")); print("| a | 7 |")'
FAILS = 'print("| b | 8 |", flush=True); raise ValueError("no such kernel")'
HANGS = 'import time\nprint("| c | 9 |", flush=True)\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print("came to 5")'
DEAF = 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)'
HALF = 'import sys; open(sys.argv[1], "w").write("{")'


@pytest.fixture
def gpu(load_benchmark, monkeypatch):
    gpu = load_benchmark('gpu')
    monkeypatch.setattr(gpu, 'LAST_WORDS', 1.0)
    return gpu


def run(gpu, monkeypatch, out, minutes, **programs):
    """The exit status, the outcomes by part and the text."""
    commands = {name: [sys.executable, '-c', code, str(out / f'{name}.json')] for name, code in programs.items()}
    listed = [gpu.Part(name, command, 1.0) for name, command in commands.items()]
    monkeypatch.setattr(gpu, 'parts', lambda args, out: listed)
    monkeypatch.setattr(sys, 'argv', ['gpu.py', '--device', 'cpu', '--out', str(out), '--minutes', str(minutes)])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    return ended.value.code, json.loads((out / 'figures.json').read_text())['parts'], (out / 'figures.md').read_text()


def test_parts_that_end_well(gpu, monkeypatch, tmp_path):
    status, parts, text = run(gpu, monkeypatch, tmp_path, 1, first=FIGURES, second=FIGURES)
    assert status == 0
    assert [part['figures'] for part in parts.values()] == [dict(images_per_s=7)] * 2
    assert text.count('| a | 7 |') == 2


def test_a_part_that_fails(gpu, monkeypatch, tmp_path):
    status, parts, text = run(gpu, monkeypatch, tmp_path, 1, fails=FAILS, half=HALF, after=FIGURES)
    assert status == 1
    assert parts['fails']['ended'] == 'exit status 1'
    assert 'half.json cannot be read' in parts['half']['ended']
    assert parts['after']['figures'] == dict(images_per_s=7)
    assert '| b | 8 |' in text
    assert '```text\n' in text  # the output stays as it is where the markdown is shown
    assert 'ValueError: no such kernel' in text


@pytest.mark.long
def test_a_part_that_does_not_end_says_how_far_it_came(gpu, monkeypatch, tmp_path):
    status, parts, text = run(gpu, monkeypatch, tmp_path, 0.3, hangs=HANGS, deaf=DEAF, after=FIGURES)
    assert status == 1
    assert parts['hangs']['ended'] == 'stopped after 6 s'
    assert parts['deaf']['ended'].startswith('stopped')
    assert sum(part['seconds'] for part in parts.values()) < 30
    assert parts['after']['figures'] == dict(images_per_s=7)
    assert 'came to 5' in text


def test_tables_stay_apart(gpu, monkeypatch, tmp_path):
    code = "print('loading\\n| a |\\n|---|\\n| 1 |\\n\\nthen\\n\\n| b |\\n|---|\\n| 2 |')"
    _, _, text = run(gpu, monkeypatch, tmp_path, 1, first=code)
    assert text.endswith('s\n\n| a |\n|---|\n| 1 |\n\n| b |\n|---|\n| 2 |\n')


def test_figures_of_an_earlier_run_are_not_taken(gpu, monkeypatch, tmp_path):
    (tmp_path / 'fails.json').write_text('{"images_per_s": 1}')
    _, parts, _ = run(gpu, monkeypatch, tmp_path, 1, fails=FAILS)
    assert 'figures' not in parts['fails']


@pytest.mark.parametrize(('data_root', 'first'), [(None, 'data'), ('data/fmc_uia', 'training')])
def test_each_part_is_a_program_of_this_repository(gpu, tmp_path, data_root, first):
    args = gpu.argparse.Namespace(
        device='cuda', preset='8b', size=448, batch=[1, 16], repeats=5, steps=20, tests=[], processes=1
    )
    args.data_root = data_root
    listed = gpu.parts(args, tmp_path)
    assert sum(part.share for part in listed if part.name != 'data') == pytest.approx(1)
    assert listed[0].name == first
    assert all(part.command[1] in ('-m', '-c') or (gpu.REPO / part.command[1]).is_file() for part in listed)
    training = [part for part in listed if part.name.startswith('training')]
    assert all(part.command[part.command.index('--batch') + 1] == '16' for part in training)
    assert {part.command[part.command.index('--data-root') + 1] for part in training} == {
        data_root or str(tmp_path / 'data')
    }
    assert len({part.command[-1] for part in training}) == len(training) == 3


def test_the_commands_are_ones_that_our_parser_takes(gpu, tmp_path):
    known, taken = load_verbs(), []
    script = gpu.commands('my data', tmp_path / 'a folder')
    for line in script.splitlines():
        words = shlex.split(line)
        if 'aurora_mm' not in words:
            continue
        verb, *rest = words[words.index('aurora_mm') + 1 :]
        parser = argparse.ArgumentParser()
        known[verb].add_arguments(parser)
        parser.parse_args(rest)
        taken.append(verb)
        assert ('my data' in words) == (verb != 'predict')
        for config in (word for word in words if word.startswith('configs/')):
            assert (gpu.REPO / config).is_file()
    assert taken == ['train', 'train', 'test', 'predict']


@pytest.mark.parametrize(('device', 'batch'), [('cuda', [1, 4, 16]), ('cpu', [2])])
def test_a_trial_on_a_cpu_is_small(gpu, monkeypatch, tmp_path, device, batch):
    seen = []
    monkeypatch.setattr(gpu, 'parts', lambda args, out: seen.append(args) or [])
    monkeypatch.setattr(gpu.torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(gpu.torch.cuda, 'get_device_name', lambda: 'a GPU')
    monkeypatch.setattr(sys, 'argv', ['gpu.py', '--device', device, '--out', str(tmp_path), '--repeats', '3'])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 0
    assert (seen[0].batch, seen[0].repeats) == (batch, 3)
