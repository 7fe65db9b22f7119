"""The blocks of each document are run in their order, in a folder where they find what they name."""

import re

import pytest

from tests.docs.document_blocks import BLOCKS, PAGES, REPO
from tests.docs.stage import copy_stage, make_stage, run_block
from tests.docs.test_document_python import CODE

CONFIG_FILE = re.compile(r'# (\S+\.py)\n')
RUNNABLE = [b for b in BLOCKS if (b.language == 'bash' or b in CODE) and not (b.not_run or b.tested_in)]
_NAMES = [page.relative_to(REPO).as_posix() for page in PAGES]


@pytest.fixture(scope='module')
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp('documents')
    make_stage(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('page', [name for name in _NAMES if any(block.page == name for block in RUNNABLE)])
def test_page(page, stage, tmp_path):
    copy_stage(stage, tmp_path)
    for block in BLOCKS:
        if block.page != page:
            continue
        if block.language == 'python' and (name := CONFIG_FILE.match(block.text)):
            (tmp_path / name[1]).write_text(block.text)  # for the commands after it
        elif block in RUNNABLE:
            done = run_block(block, tmp_path)
            if done.returncode:
                pytest.fail(block.failure(f'status {done.returncode}\n{done.stderr[-3000:]}'), pytrace=False)
