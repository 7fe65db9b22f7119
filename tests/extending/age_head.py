"""A head with a codec and a loss of its own, for tasks of the type in age_type.py."""

from torch import nn

from aurora_mm.models.codecs import BaseCodec, build_codec
from aurora_mm.models.heads import BasePooledHead
from aurora_mm.registry import MODELS, TASK_UTILS


@TASK_UTILS.register_module()
class TermCodec(BaseCodec):
    def encode(self, weeks):
        return weeks / 40 - 0.5

    def decode(self, raw):
        return 40 * (raw + 0.5)


@MODELS.register_module()
class AgeLoss(nn.Module):
    def forward(self, pred, target):
        return (pred - target).abs()


@MODELS.register_module()
class AgeHead(BasePooledHead):
    task_type = 'age'

    def __init__(self, tasks, in_channels, codec, loss_age, **kwargs):
        super().__init__(tasks, in_channels, **kwargs)
        self.codec, self.loss_age = build_codec(codec, BaseCodec, 'AgeHead'), MODELS.build(loss_age)

    def loss_by_feat(self, output, data_samples, task):
        target = self.codec.encode(output.new_tensor([sample.gt_age for sample in data_samples]))
        return dict(loss_age=self.loss_age(output[:, 0], target))

    def predict_by_feat(self, output, data_samples, task):
        for sample, weeks in zip(data_samples, self.codec.decode(output[:, 0]).tolist(), strict=True):
            sample.pred_age = weeks
