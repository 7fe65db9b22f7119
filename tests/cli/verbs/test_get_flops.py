"""``aurora-mm get-flops``: the size of the input."""

from __future__ import annotations

import pytest

from aurora_mm.cli.main import main

CONFIG = 'aurora_fmc_demo.py'


@pytest.mark.parametrize(
    ('arguments', 'size'),
    [((), '128 x 128'), (('--cfg-options', 'img_size=64'), '64 x 64'), (('--shape', '64', '96'), '64 x 96')],
)
def test_the_size_is_that_of_the_config(arguments, size, capsys):
    main(['get-flops', CONFIG, *arguments])
    assert f'one image of {size}' in capsys.readouterr().out


def test_a_config_that_says_no_size(tmp_path, capsys):
    file = tmp_path / 'config.py'
    file.write_text("_base_ = 'aurora_mm::_base_/models/aurora-plus_qwen3-vl-tiny_s8.py'\nmodel = dict(tasks=[])\n")
    with pytest.raises(SystemExit):
        main(['get-flops', str(file)])
    assert 'no pipeline has FitToSize' in capsys.readouterr().err
