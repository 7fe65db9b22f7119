import pytest
import torch

from aurora_mm.engine import AutocastOptimWrapper, AutocastValidationHook
from aurora_mm.errors import ConfigError
from aurora_mm.models import MultiTaskModel
from aurora_mm.registry import OPTIM_WRAPPERS
from tests.engine.hooks.tiny_run import tiny_config, tiny_run


@OPTIM_WRAPPERS.register_module(force=True)
class AutocastOnACPU(AutocastOptimWrapper):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, on_cpu=True, **kwargs)


class Seen(MultiTaskModel):
    """Notes the dtypes in which the encoder's maps and those of the heads are computed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dtypes = []
        self.backbone.register_forward_hook(lambda module, args, out: self.dtypes.append(out[0].dtype))

    def predict(self, inputs, data_samples):
        self.dtypes.clear()
        return super().predict(inputs, data_samples)


def validated(tmp_path, wrapper, hooks=()):
    """Train for an epoch; returns the model and the dtypes of the maps in its validation."""
    model = Seen(**tiny_config())
    tiny_run(tmp_path.name, tmp_path, model, [(0.5,) * 3], epochs=1, hooks=hooks, wrapper=wrapper).train()
    return model, set(model.dtypes)


def test_validation_has_the_precision_of_the_training(tmp_path):
    model, dtypes = validated(tmp_path, 'AutocastOnACPU', [AutocastValidationHook()])
    assert dtypes == {torch.bfloat16}
    assert model.encoder_dtype is None  # what predicts after it is exact again


@pytest.mark.parametrize(
    ('wrapper', 'hooks'),
    [('AccumulatingOptimWrapper', [AutocastValidationHook()]), ('AutocastOnACPU', [])],
    ids=['a training in fp32', 'without the hook'],
)
def test_otherwise_it_is_in_fp32(wrapper, hooks, tmp_path):
    assert validated(tmp_path, wrapper, hooks)[1] == {torch.float32}


@pytest.mark.skipif(torch.cuda.is_available(), reason='this is about machines without a GPU')
def test_an_autocast_that_is_off_on_a_cpu_leaves_it_in_fp32(tmp_path):
    assert validated(tmp_path, 'AutocastOptimWrapper', [AutocastValidationHook()])[1] == {torch.float32}


def test_the_hook_may_not_be_there_twice(tmp_path):
    with pytest.raises(ConfigError, match='AutocastValidationHook is there twice'):
        validated(tmp_path, 'AutocastOnACPU', [AutocastValidationHook(), AutocastValidationHook()])
