import cv2
import numpy as np
import pytest
from mmengine.dataset import DefaultSampler

from aurora_mm.datasets import ImageFolderDataset, SeededSampler
from aurora_mm.errors import ConfigError, DataError

PIPELINE = [
    dict(type='LoadUltrasoundImage'),
    dict(type='FitToSize', size=32),
    dict(type='RandomGeometry'),
    dict(type='ApplyGeometry'),
    dict(type='RandomPatchMask', patch_size=8),
    dict(type='PackMaskedInputs'),
]


@pytest.fixture
def folder(tmp_path):
    """Three images, one of them in a folder below, and two frames of a clip."""
    rng = np.random.default_rng(0)
    for name in ('a.png', 'b.png', 'below/c.png'):
        file = tmp_path / 'scans' / name
        file.parent.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(file), rng.integers(20, 256, (40, 50), dtype=np.uint8))
    clip = cv2.VideoWriter(str(tmp_path / 'scans/clip.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5, (48, 32))
    for _ in range(3):
        clip.write(rng.integers(20, 256, (32, 48, 3), dtype=np.uint8))
    clip.release()
    (tmp_path / 'scans/notes.txt').write_text('no image')
    return tmp_path / 'scans'


def names(dataset):
    return [dataset.get_data_info(i)['img_path'].rpartition('/')[2] for i in range(len(dataset))]


def test_pictures_and_frames_are_found_in_folders_and_patterns(folder):
    everything = ImageFolderDataset([str(folder)], every=2)
    assert names(everything) == ['a.png', 'b.png', 'clip.avi#frame=0', 'clip.avi#frame=2', 'c.png']
    assert names(ImageFolderDataset(str(folder / 'below'))) == ['c.png']
    assert names(ImageFolderDataset([str(folder / '*.png'), str(folder.parent / '*/below')])) == [
        'a.png',
        'b.png',
        'c.png',
    ]


def test_items_are_masked_images(folder):
    dataset = ImageFolderDataset([folder], PIPELINE)
    for i in range(len(dataset)):
        item = dataset[i]
        assert item['inputs'].shape == (3, 32, 32)
        assert item['data_samples'].mask.shape == (4, 4)
        assert item['data_samples'].mask.any()


def test_augmentation_and_mask_belong_to_seed_epoch_and_position(folder):
    dataset = ImageFolderDataset([folder], PIPELINE)

    def read(epoch, seed=3):
        sampler = SeededSampler(dataset, seed=seed)
        sampler.set_epoch(epoch)
        return [(int(i), dataset[i]['inputs'].numpy().tobytes()) for i in sampler]

    assert read(1) == read(1)
    assert sorted(i for i, _ in read(1)) == list(range(len(dataset)))
    assert len({pixels for epoch in (0, 1) for _, pixels in read(epoch)}) == 2 * len(dataset)
    theirs = DefaultSampler(dataset, seed=3)
    theirs.set_epoch(1)
    assert list(theirs) == [i for i, _ in read(1)]


def test_bad_files_are_refused_or_left_out(folder):
    (folder / 'bad.dcm').write_bytes(b'no DICOM')
    (folder / 'empty.png').write_bytes(b'')
    with pytest.raises(DataError, match=r'bad\.dcm'):
        len(ImageFolderDataset([folder]))
    kept = names(ImageFolderDataset([folder], on_error='skip', every=3))
    assert kept == ['a.png', 'b.png', 'clip.avi#frame=0', 'c.png']


def test_an_image_that_cannot_be_decoded_is_named(folder):
    whole = (folder / 'a.png').read_bytes()
    (folder / 'a.png').write_bytes(whole[: len(whole) // 2])
    dataset = ImageFolderDataset([folder / 'a.png'], PIPELINE)
    with pytest.raises(DataError, match=r'a\.png'):
        dataset[0]


@pytest.mark.parametrize(
    ('options', 'error', 'told'),
    [
        (dict(folders=[]), ConfigError, 'no folders: name them with --images'),
        (dict(folders=['x'], on_error='hide'), ConfigError, 'on_error'),
        (
            dict(folders=['x'], every=0),
            ConfigError,
            'ImageFolderDataset: every must be a whole number from 1 on, not 0',
        ),
        (dict(folders=['nowhere']), DataError, 'nowhere'),
        (dict(folders=['nowhere/*']), DataError, 'matches no file'),
        (dict(folders=['nowhere'], on_error='skip'), DataError, 'no image in nowhere'),
    ],
)
def test_bad_arguments(options, error, told):
    with pytest.raises(error, match=told):
        len(ImageFolderDataset(**options))
