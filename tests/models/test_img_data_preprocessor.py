"""The preprocessor prepares batches as MMEngine's does."""

import pytest
import torch
from mmengine.model import ImgDataPreprocessor as MMEngineImgDataPreprocessor

from aurora_mm.errors import ConfigError
from aurora_mm.models import ImgDataPreprocessor

FULL = dict(mean=[120.0, 100.0, 80.0], std=[60.0, 50.0, 40.0], bgr_to_rgb=True, pad_size_divisor=32, pad_value=1)
SIZES = {'one size': [(30, 40)] * 3, 'several sizes': [(30, 40), (64, 32), (8, 8)], 'nothing to pad': [(32, 64)] * 2}


def images(sizes, dtype=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (3, *size), generator=generator).to(dtype) for size in sizes]


@pytest.mark.parametrize('sizes', SIZES)
@pytest.mark.parametrize('options', [FULL, dict(), dict(mean=[127.5], std=[127.5], rgb_to_bgr=True)])
def test_it_is_mmengines(sizes, options):
    batch = images(SIZES[sizes])
    ours = ImgDataPreprocessor(**options)(dict(inputs=batch, data_samples=[1]))
    theirs = MMEngineImgDataPreprocessor(**options)(dict(inputs=batch, data_samples=[1]))
    assert ours.keys() == theirs.keys()
    assert ours['inputs'].dtype == torch.float32
    assert torch.equal(ours['inputs'], theirs['inputs'])


def test_a_batch_that_is_collated_already():
    batch = torch.stack(images([(30, 40)] * 2, torch.float32))
    ours = ImgDataPreprocessor(**FULL)(dict(inputs=batch))
    theirs = MMEngineImgDataPreprocessor(**FULL)(dict(inputs=batch.clone()))
    assert torch.equal(ours['inputs'], theirs['inputs'])
    assert ours['data_samples'] is None


def test_the_host_does_not_wait(accelerator):
    preprocessor = ImgDataPreprocessor(**FULL).to(accelerator.device)
    with accelerator.watch() as waits:
        for sizes in SIZES.values():
            assert preprocessor(dict(inputs=images(sizes)))['inputs'].device == accelerator.device
    assert waits == []


def test_grey_images_are_not_taken_for_colours():
    with pytest.raises(ConfigError, match='1 channels'):
        ImgDataPreprocessor(**FULL)(dict(inputs=[torch.zeros(1, 32, 32)]))
