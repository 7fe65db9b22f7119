"""``torch.compile`` and bfloat16: they are used, predictions agree with fp32, and what cannot work is refused."""

import numpy as np
import pytest
import torch

from aurora_mm.apis import MultiTaskInferencer
from aurora_mm.apis.fast_prediction import require_bfloat16
from aurora_mm.errors import ConfigError
from tests.fixtures.checkpoints import TASKS


@pytest.fixture
def images(generated):
    return [sorted(map(str, generated.glob(f'*/**/{task}/images/*.png')))[0] for task in TASKS]


def predictions(inferencer, images):
    return inferencer(images, task='all')['predictions']


def largest_difference(found, expected):
    """Over probabilities, pixels with another class, and points and boxes as shares of 100 pixels."""
    differences = []
    for a, b in zip(found, expected, strict=True):
        differences += [abs(a['kind']['scores'][name] - b['kind']['scores'][name]) for name in b['kind']['scores']]
        differences.append((a['organs']['mask'] != b['organs']['mask']).mean())
        differences += list(np.abs(np.subtract(list(a['ends']['points'].values()), list(b['ends']['points'].values())))
                            .ravel() / 100)  # fmt: skip
        boxes = [one['find']['boxes'][0]['box'] for one in (a, b)]
        differences += list(np.abs(np.subtract(*boxes)) / 100)
    return max(differences)


@pytest.fixture(scope='module')
def exact(checkpoints):
    return MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False)


def dtypes_of(inferencer, images):
    """The dtypes of the encoder's maps and of those that the first head reads."""
    found = set()
    model = inferencer.model
    hooks = [
        model.backbone.register_forward_hook(lambda *args: found.update(('encoder', m.dtype) for m in args[2])),
        next(iter(model.heads.values())).register_forward_pre_hook(
            lambda module, args: found.update(('head', m.dtype) for m in args[0])
        ),
    ]
    predictions(inferencer, images)
    for hook in hooks:
        hook.remove()
    return found


def test_the_encoder_runs_in_bfloat16_and_nothing_else(checkpoints, exact, images):
    fast = MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False, amp=True)
    assert ('head', torch.float32) in dtypes_of(fast, images)
    assert fast.model.encoder_dtype == torch.bfloat16 and exact.model.encoder_dtype is None
    difference = largest_difference(predictions(fast, images), predictions(exact, images))
    assert 0 < difference < 0.05


def test_linear_layers_of_the_encoder_give_bfloat16(checkpoints, images):
    fast = MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False, amp=True)
    layer = next(module for module in fast.model.backbone.modules() if isinstance(module, torch.nn.Linear))
    found = set()
    layer.register_forward_hook(lambda module, inputs, output: found.add(output.dtype))
    predictions(fast, images)
    assert found == {torch.bfloat16}


def test_encoder_detail_branch_and_necks_are_compiled(checkpoints, exact, images):
    """With a backend that runs the traced graphs as they are, so that only the tracing takes time."""
    traced = []

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    compiled = MultiTaskInferencer(checkpoints[:1], device='cpu', show_progress=False, compile=dict(backend=backend))
    assert len(traced) == 1  # of the check that the machine can compile
    difference = largest_difference(predictions(compiled, images), predictions(exact, images))
    assert len(traced) >= 4
    assert difference < 1e-4
    parts = (compiled.model.backbone, compiled.model.detail, *compiled.model.necks.values())
    assert all(part._compiled_call_impl is not None for part in parts)
    torch._dynamo.reset()


@pytest.mark.slow
def test_inductor_agrees_with_the_exact_model(checkpoints, exact, images):
    compiled = MultiTaskInferencer(checkpoints[0], device='cpu', show_progress=False, compile=True)
    assert largest_difference(predictions(compiled, images), predictions(exact, images)) < 1e-3
    torch._dynamo.reset()


def test_members_of_an_ensemble_with_views(checkpoints):
    together = MultiTaskInferencer(checkpoints, device='cpu', tta=(), amp=True)
    assert [member.encoder_dtype for member in together.model.module.members] == [torch.bfloat16] * 2


def test_what_cannot_work_is_refused(checkpoints):
    with pytest.raises(ConfigError, match=r'--compile \(compile=True\) does not work on this machine \(.*no_such_one'):
        MultiTaskInferencer(checkpoints[0], device='cpu', compile=dict(backend='no_such_one'))
    with pytest.raises(ConfigError, match="compile: mode='reduce-overhead' records CUDA graphs"):
        MultiTaskInferencer(checkpoints[0], device='cpu', compile=dict(mode='reduce-overhead'))
    with pytest.raises(ConfigError, match='needs bfloat16, which the device meta does not have'):
        require_bfloat16(torch.device('meta'))
