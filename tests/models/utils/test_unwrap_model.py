from mmengine.model import BaseModel, BaseTTAModel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from aurora_mm.models.utils.unwrap_model import unwrap_model


class Wrapper(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module


class Model(BaseModel):
    forward = None


class TTAModel(BaseTTAModel):
    merge_preds = None


def test_takes_off_all_wrappers_and_nothing_else():
    model = Model()
    wrapped = TTAModel(model)
    assert unwrap_model(model) is model
    assert unwrap_model(wrapped) is model
    MODEL_WRAPPERS.register_module(module=Wrapper)
    try:
        assert unwrap_model(Wrapper(wrapped)) is model
    finally:
        MODEL_WRAPPERS.module_dict.pop('Wrapper')
