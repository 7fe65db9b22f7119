"""What of a log is shown on the console."""

import logging

import pytest

from aurora_mm.console import ConsoleHandler, console_handler, show


@pytest.fixture
def logger():
    logger = logging.Logger('a run')
    logger.addHandler(ConsoleHandler())
    return logger


def test_what_is_for_the_log_file_alone_is_not_shown(logger, capsys):
    logger.info('paramwise_options -- a.bias:weight_decay=0.0')
    logger.debug('more of it')
    assert capsys.readouterr().out == ''


def test_what_is_meant_for_people_is_shown_as_it_is(logger, capsys):
    show(
        logger,
        'best so far: 0.5, [bold]best.pth[/]\nand a line that is longer than a narrow console is wide ' + 60 * '-',
    )
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == 'best so far: 0.5, [bold]best.pth[/]'
    assert len(shown) == 2


def test_a_message_of_all_processes_is_shown_once(logger, capsys, monkeypatch):
    monkeypatch.setattr(console_handler, 'is_main_process', lambda: False)
    logger.warning('3 images are left out')
    show(logger, 'best so far: 0.5')
    logger.error('no image is left')
    assert capsys.readouterr().out == 'error: no image is left\n'


@pytest.mark.parametrize('level', ['warning', 'error', 'critical'])
def test_warnings_and_errors_are_shown_with_their_level(logger, capsys, level):
    getattr(logger, level)('%d images are left out', 3)
    assert capsys.readouterr().out == f'{level}: 3 images are left out\n'


def test_warnings_of_mmengine_about_its_own_code_are_not_shown(logger, capsys):
    logger.warning('"FileClient" will be deprecated in future. Please use io functions in https://...')
    logger.warning('"HardDiskBackend" is the alias of "LocalBackend" and the former will be deprecated in future.')
    logger.warning('backbone.blocks.0.attn.qkv.base_layer.weight is skipped since its requires_grad=False')
    assert capsys.readouterr().out == ''
