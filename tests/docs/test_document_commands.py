"""Every bash block of the documents: bash accepts it, and each program accepts the arguments that it gets."""

import pytest

from tests.docs.document_blocks import BLOCKS, LANGUAGES, REPO, blocks_in, blocks_of
from tests.docs.programs import CommandError, check
from tests.docs.shell_commands import ShellError, commands_of

# What a reader sets first.
VARIABLES = dict(AURORA_REAL_DATA='data/us_real')


@pytest.mark.parametrize('block', blocks_in('bash'), ids=lambda block: block.place)
def test_arguments_are_accepted(block, tmp_path):
    for other in blocks_in('python'):  # a config that the page shows
        first = other.text.partition('\n')[0]
        if other.page == block.page and first.startswith('# ') and first.endswith('.py'):
            (tmp_path / first.removeprefix('# ')).write_text(other.text)
    try:
        commands = commands_of(block.text, tmp_path, VARIABLES)
        assert commands, block.failure('it calls no program')
        for command in commands:
            check(command, tmp_path)
    except (ShellError, CommandError) as error:
        pytest.fail(block.failure(str(error)), pytrace=False)


@pytest.mark.parametrize('block', BLOCKS, ids=lambda block: block.place)
def test_its_language_and_comment_are_known(block):
    assert block.language in LANGUAGES, block.failure(f'the fence names one of {", ".join(LANGUAGES)}')
    if block.on:
        assert block.language == 'python' and (REPO / block.on).is_file(), block.failure(f'no config {block.on}')
    if block.tested_in:
        test = REPO / block.tested_in
        assert test.is_file(), block.failure(f'no test {block.tested_in}')
        assert block.page.rpartition('/')[2] in test.read_text(), block.failure(f'{block.tested_in} does not read it')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('aurora-mm trian configs/aurora_fmc.py', "no verb 'trian'"),
        ('aurora-mm train configs/aurora_fmc.py --data-rot DATA', 'unrecognized arguments: --data-rot'),
        ('aurora-mm train configs/aurora_fcm.py --data-root DATA', 'aurora_fcm.py'),
        ('aurora-mm train configs/aurora_fmc.py --cfg-options img_sise=3', 'img_sise'),
        ('python benchmarks/sampler.py --speed 3', 'unrecognized arguments: --speed'),
        ('python benchmarks/gone.py', 'has no benchmarks/gone.py'),
        ('torchrun --nproc_per_node 2 -m aurora_mm train', 'CONFIG'),
        ('make everything', "no target 'everything'"),
        ('pip install "aurora_mm[al]"', 'no extra al'),
        ('for k in 0 1; do aurora-mm fold-tabel $k; done', "no verb 'fold-tabel'"),
        ('frobnicate', "no check for the program 'frobnicate'"),
    ],
)
def test_a_broken_command_is_found(text, message, tmp_path):
    with pytest.raises(CommandError, match=message):
        for command in commands_of(text, tmp_path, VARIABLES):
            check(command, tmp_path)


def test_bash_expands_what_is_written(tmp_path):
    text = 'A="x  y"\nfor k in 1 2; do\n  .venv/bin/aurora-mm $A "$A" \\\n    $k  # why\ndone\n'
    assert commands_of(text, tmp_path, {}) == [['aurora-mm', 'x', 'y', 'x  y', k] for k in '12']
    with pytest.raises(ShellError, match='NOWHERE'):
        commands_of('aurora-mm $NOWHERE', tmp_path, {})


def test_blocks_are_found_with_what_is_said_of_them(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n\n<!-- not run: hours -->\n```bash\nx\n```\n\n- b\n  ```python\n  y\n    z\n  ```\n')
    first, second = blocks_of(page)
    assert (first.line, first.language, first.text, first.not_run) == (4, 'bash', 'x\n', 'hours')
    assert (second.line, second.language, second.text, second.not_run) == (9, 'python', 'y\n  z\n', '')
    assert 'page.md:4: broken' in first.failure('broken') and 'not run: why' in first.failure('broken')
