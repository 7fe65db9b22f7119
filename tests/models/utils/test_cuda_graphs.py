"""Arguments of ``torch.compile`` that would record CUDA graphs are refused."""

import pytest
import torch._inductor.config

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.cuda_graphs import refuse_cuda_graphs


def run_as_traced(graph, inputs):
    return graph.forward


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (dict(mode='reduce-overhead'), "mode='reduce-overhead'"),
        (dict(mode='max-autotune', dynamic=True), "mode='max-autotune'"),
        (dict(options={'triton.cudagraphs': True}), "options={'triton.cudagraphs': True}"),
        (dict(backend='cudagraphs'), "backend='cudagraphs'"),
    ],
)
def test_cuda_graphs_are_refused(options, told):
    with pytest.raises(ConfigError) as raised:
        refuse_cuda_graphs(options, 'compile_blocks')
    assert str(raised.value).startswith(f'compile_blocks: {told} records CUDA graphs')
    assert "mode='max-autotune-no-cudagraphs'" in str(raised.value)


def test_those_of_the_environment_are_refused_unless_the_options_turn_them_off():
    with torch._inductor.config.patch({'triton.cudagraphs': True}):
        for options in ({}, dict(mode='default')):
            with pytest.raises(ConfigError, match='the variable TORCHINDUCTOR_CUDAGRAPHS records'):
                refuse_cuda_graphs(options, 'compile_blocks')
        refuse_cuda_graphs(dict(options={'triton.cudagraphs': False}), 'compile_blocks')


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(mode='default'),
        dict(mode='max-autotune-no-cudagraphs'),
        dict(options=dict(max_autotune=True)),
        dict(backend='aot_eager'),
        dict(backend=run_as_traced),
        dict(mode=None, options=None),
    ],
    ids=lambda options: ', '.join(options) or 'none',
)
def test_others_are_not(options):
    refuse_cuda_graphs(options, 'compile_blocks')


def test_a_mode_that_torch_does_not_know():
    with pytest.raises(ConfigError, match="compile_blocks: mode='fastest' is none of default, "):
        refuse_cuda_graphs(dict(mode='fastest'), 'compile_blocks')
