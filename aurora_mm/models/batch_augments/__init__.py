from aurora_mm.models.batch_augments.cutmix import CutMix
from aurora_mm.models.batch_augments.mixup import Mixup
from aurora_mm.models.batch_augments.random_batch_augment import RandomBatchAugment

__all__ = ['CutMix', 'Mixup', 'RandomBatchAugment']
