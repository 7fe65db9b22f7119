import numpy as np
import pytest
import torch

from aurora_mm.datasets.transforms import PackMaskedInputs, RandomPatchMask
from aurora_mm.datasets.transforms.random_patch_mask import tissue_cells
from aurora_mm.errors import ConfigError


def image_of(cells, patch=8):
    """Bright cells where ``cells`` is 1."""
    return np.kron(np.array(cells, np.uint8), np.full((patch, patch), 100, np.uint8))[..., None].repeat(3, 2)


def mask_of(image, **options):
    return RandomPatchMask(patch_size=8, **options)(dict(img=image))['mask']


def test_only_tissue_is_masked_and_as_many_cells_as_the_ratio_says():
    cells = np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 1, 0, 0]])
    masks = [mask_of(image_of(cells), ratio=0.6) for _ in range(50)]
    for mask in masks:
        assert mask.dtype == bool
        assert mask.sum() == 5  # of 7, rounded up
        assert not mask[cells == 0].any()
    assert (np.mean(masks, axis=0)[cells == 1] > 0).all()
    assert len({mask.tobytes() for mask in masks}) > 5


def test_the_random_state_decides():
    image = image_of(np.ones((5, 5)))
    drawn = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        drawn.append(mask_of(image))
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_share_and_level_of_tissue_by_hand():
    """Of 64 pixels 3 are brighter than 8, which is less than .05; a fourth makes it tissue."""
    image = np.full((8, 8), 8, np.uint8)
    image.flat[:3] = 9
    assert not tissue_cells(image, 8, level=8, min_share=0.05).any()
    image.flat[3] = 9
    assert tissue_cells(image, 8, level=8, min_share=0.05).all()
    assert not tissue_cells(image, 8, level=9, min_share=0.05).any()
    assert tissue_cells(np.zeros_like(image), 8, level=8, min_share=0.0).all()


def test_a_black_image_has_no_masked_cell():
    assert not mask_of(np.zeros((16, 24, 3), np.uint8)).any()


def test_an_image_of_no_whole_number_of_cells():
    with pytest.raises(ConfigError, match='20 x 16 pixels has no whole number of cells of 8'):
        mask_of(np.zeros((20, 16, 3), np.uint8))


def test_packing():
    image = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    mask = np.array([[True, False]])
    packed = PackMaskedInputs()(dict(img=image, mask=mask, img_path='a.png'))
    assert torch.equal(packed['inputs'], torch.from_numpy(image).permute(2, 0, 1))
    assert packed['data_samples'].mask.tolist() == [[True, False]]
    assert packed['data_samples'].img_path == 'a.png'
