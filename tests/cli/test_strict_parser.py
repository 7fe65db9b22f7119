import pytest

from aurora_mm.cli.command import command
from aurora_mm.cli.strict_parser import StrictParser


def parser():
    result = StrictParser()
    result.add_argument('files', nargs='*')
    result.add_argument('--out')
    result.add_argument('--cfg-options', nargs='+', default=[])
    result.add_argument('--quiet', action='store_true')
    return result


def test_options_given_once_are_those_of_argparse():
    args = parser().parse_intermixed_args(['a', '--out', 'x', 'b', '--cfg-options', 'k=1', 'l=2', '--quiet', '--quiet'])
    assert vars(args) == dict(files=['a', 'b'], out='x', cfg_options=['k=1', 'l=2'], quiet=True)
    assert vars(parser().parse_args([])) == dict(files=[], out=None, cfg_options=[], quiet=False)


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        (['--out', 'x', '--out', 'x'], 'argument --out: given twice, and only the last would count\n'),
        (['--out=x', 'a', '--ou', 'y'], 'argument --out: given twice'),
        (['--cfg-options', 'a=1', '--cfg-options', 'b=2'], 'write all its values behind one\n'),
    ],
)
def test_an_option_given_twice(argv, said, capsys):
    with pytest.raises(SystemExit) as end:
        parser().parse_intermixed_args(argv)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_verbs_refuse_it(capsys):
    @command(lambda parser: parser.add_argument('--number', type=int))
    def main(args):
        raise AssertionError('must not run')

    with pytest.raises(SystemExit):
        main(['--number', '1', '--number', '2'])
    assert 'argument --number: given twice' in capsys.readouterr().err
