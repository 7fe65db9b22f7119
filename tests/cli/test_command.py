"""How a verb ends."""

import logging

import pytest
from mmengine.logging import print_log
from torch.utils.data import DataLoader, Dataset

from aurora_mm.cli.command import command, message_of
from aurora_mm.errors import AuroraError, ConfigError, DataError, WeightsError


def verb(error=None, **options):
    @command(lambda parser: parser.add_argument('--number', type=int, default=1), **options)
    def main(args):
        print(f'number {args.number}')
        if error is not None:
            raise error

    return main


def test_what_is_logged_outside_of_a_run_is_shown_as_in_a_run(capsys):
    @command(lambda parser: None)
    def main(args):
        print_log('3 images are left out', logger='current', level=logging.WARNING)
        print_log('for the log file alone', logger='current')

    main([])
    assert capsys.readouterr().out == 'warning: 3 images are left out\n'


def test_arguments_are_parsed_and_the_verb_is_run(capsys):
    verb()(['--number', '3'])
    assert capsys.readouterr().out == 'number 3\n'


def test_options_may_stand_anywhere(capsys):
    def add_arguments(parser):
        parser.add_argument('model', nargs='?')
        parser.add_argument('images', nargs='*')
        parser.add_argument('--out')

    @command(add_arguments)
    def main(args):
        print(args.model, args.images, args.out)

    for argv in (['m', '--out', 'x', 'a', 'b'], ['--out', 'x', 'm', 'a', 'b'], ['m', 'a', '--out', 'x', 'b']):
        main(argv)
        assert capsys.readouterr().out == "m ['a', 'b'] x\n"
    main(['m', '--', '--out', 'b'])
    assert capsys.readouterr().out == "m ['--out', 'b'] None\n"


@pytest.mark.parametrize(
    ('error', 'options', 'status'),
    [
        (ConfigError('bad'), {}, 2),
        (DataError('bad'), {}, 1),
        (WeightsError('bad'), {}, 1),
        (AuroraError('bad'), {}, 1),
        (DataError('bad'), dict(error_status=2), 2),
    ],
)
def test_an_error_that_can_be_mended_is_one_sentence(capsys, error, options, status):
    with pytest.raises(SystemExit) as end:
        verb(error, **options)([])
    assert end.value.code == status
    assert capsys.readouterr().err == 'error: bad\n'


def test_the_traceback_is_shown_when_it_is_asked_for(capsys):
    with pytest.raises(SystemExit) as end:
        verb(DataError('bad'))(['--traceback'])
    assert end.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith('Traceback') and err.endswith('error: bad\n')


@pytest.mark.parametrize(
    ('interrupt', 'message'),
    [(KeyboardInterrupt(), 'interrupted'), (KeyboardInterrupt('interrupted; go on'), 'interrupted; go on')],
)
def test_ctrl_c_is_one_sentence(capsys, interrupt, message):
    with pytest.raises(SystemExit) as end:
        verb(interrupt)([])
    assert end.value.code == 130
    assert capsys.readouterr().err == f'{message}\n'


def test_a_defect_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        verb(ZeroDivisionError())([])


def test_a_wrong_argument_ends_as_argparse_has_it(capsys):
    with pytest.raises(SystemExit) as end:
        verb()(['--nummber', '3'])
    assert end.value.code == 2
    assert 'usage: aurora-mm test-command' in capsys.readouterr().err


class BadRows(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise DataError('the box is empty\nin two lines', file='a.csv', row=index + 2) from ValueError('no')


def test_the_error_of_a_loaders_worker_is_its_own_message():
    with pytest.raises(DataError) as caught:
        list(DataLoader(BadRows(), num_workers=1, multiprocessing_context='fork'))
    assert 'Traceback' in str(caught.value)
    assert message_of(caught.value) == 'a.csv, row 2: the box is empty\nin two lines'
    assert message_of(DataError('plain')) == 'plain'
