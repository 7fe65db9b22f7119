"""Images of a batch are mixed, and their labels by the same fractions; images with masks, boxes or points never."""

import math

import numpy as np
import pytest
import torch

from aurora_mm.engine.random_state import random_state, restore_random_state, seed_generators
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.models import ImgDataPreprocessor
from aurora_mm.models.batch_augments import CutMix, Mixup, RandomBatchAugment
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from tests.models.conftest import DET, POINTS, SEG, make_sample

SIDE = 40


def labelled(label, task='cls', classes=3):
    """A sample of a classification task."""
    sample = TaskDataSample(metainfo=dict(task=task, task_type='classification', num_outputs=classes))
    sample.gt_label = torch.tensor([label])
    return sample


def image(*samples):
    return MultiTaskDataSample(samples)


def flat(*values, height=SIDE, width=SIDE):
    """Images ``(B, 3, height, width)``, each of one value."""
    return torch.tensor([float(value) for value in values])[:, None, None, None].expand(-1, 3, height, width).clone()


def mix(batch, samples, *configs, seed=0, **options):
    np.random.seed(seed)
    augment = RandomBatchAugment(configs or dict(type='Mixup'), **options)
    return augment(batch, [tuple(batch.shape[-2:])] * len(batch), samples)


@pytest.mark.parametrize('kind', ['CutMix', 'Mixup'])
def test_the_label_is_the_mixture_that_the_pixels_are(kind):
    """Images of class c have the value c, so that the mean of a mixed image tells the fractions of its classes."""
    seen = []
    for seed in range(20):
        batch, samples = flat(0, 2), [image(labelled(0)), image(labelled(2))]
        mixed = mix(batch, samples, dict(type=kind), seed=seed)
        for pixels, sample in zip(mixed, samples, strict=True):
            scores = sample['cls'].gt_scores
            assert scores.dtype == torch.float32
            assert scores.sum().item() == pytest.approx(1)
            assert scores[1] == 0
            assert pixels.mean().item() / 2 == pytest.approx(scores[2].item(), abs=1e-6)
            assert 'gt_label' not in sample['cls']
            seen.append(scores[2].item())
        assert torch.equal(batch, flat(0, 2))
    assert min(seen) < 0.2 < 0.8 < max(seen)


def test_mixup_is_the_weighted_mean():
    np.random.seed(0)
    first, second = torch.rand(3, 4, 5), torch.rand(3, 4, 5)
    mixed, fraction = Mixup().mix(first, second)
    torch.testing.assert_close(mixed, fraction * first + (1 - fraction) * second)


def test_cutmix_pastes_one_rectangle_from_the_same_place():
    first, second = torch.zeros(3, 30, 50), torch.arange(1, 3 * 30 * 50 + 1.0).reshape(3, 30, 50)
    reaches_border = 0
    for seed in range(50):
        np.random.seed(seed)
        mixed, fraction = CutMix().mix(first, second)
        pasted = mixed == second
        assert torch.equal(mixed, second.where(pasted, 0))
        assert torch.equal(pasted[0], pasted[2])
        rows, columns = pasted[0].any(1).nonzero().flatten(), pasted[0].any(0).nonzero().flatten()
        assert pasted[0].sum() == len(rows) * len(columns)  # every pixel of the rectangle, and no other
        assert fraction == pytest.approx(1 - pasted[0].float().mean().item(), abs=1e-6)
        if len(rows):
            reaches_border += int(rows[0] == 0 or rows[-1] == 29 or columns[0] == 0 or columns[-1] == 49)
            assert rows[-1] - rows[0] + 1 == len(rows)
            assert columns[-1] - columns[0] + 1 == len(columns)
    assert 0 < reaches_border < 50


def test_the_rectangle_is_cut_off_at_the_border_by_hand(monkeypatch):
    """A rectangle of half the sides, 10 x 20 pixels, around the last pixel: 6 x 11 of them are inside the image."""
    monkeypatch.setattr(np.random, 'beta', lambda a, b: 0.75)
    monkeypatch.setattr(np.random, 'randint', lambda size: size - 1)
    mixed, fraction = CutMix().mix(torch.zeros(1, 20, 40), torch.ones(1, 20, 40))
    expected = torch.zeros(1, 20, 40)
    expected[:, 14:, 29:] = 1
    assert torch.equal(mixed, expected)
    assert fraction == 1 - 6 * 11 / 800


@pytest.mark.parametrize('other', [SEG, DET, POINTS])
def test_nothing_with_a_mask_a_box_or_points_is_touched(other):
    samples = [image(labelled(0), make_sample(other)), image(labelled(1), make_sample(other)), image(labelled(2))]
    mixed = mix(flat(0, 1, 2), samples)
    assert torch.equal(mixed, flat(0, 1, 2))
    assert [sample['cls'].gt_label.item() for sample in samples] == [0, 1, 2]
    assert not any('gt_scores' in sample['cls'] for sample in samples)


def test_only_images_of_the_same_tasks_are_mixed():
    samples = [
        image(labelled(0)),
        image(labelled(0), labelled(0, 'other')),
        image(labelled(1)),
        image(labelled(1, 'other'), labelled(1)),
        image(labelled(2, 'other')),
    ]
    mixed = mix(flat(0, 10, 1, 20, 30), samples)
    means = mixed.mean((1, 2, 3)).tolist()
    assert 0 < means[0] < 1
    assert 0 < means[2] < 1
    assert 10 < means[1] < 20
    assert 10 < means[3] < 20
    assert means[4] == 30
    assert samples[4]['other'].gt_label.item() == 2
    for i in (1, 3):
        assert torch.equal(samples[i]['cls'].gt_scores, samples[i]['other'].gt_scores)
        assert samples[i]['cls'].gt_scores[1].item() == pytest.approx((means[i] - 10) / 10, abs=1e-6)


def test_no_image_is_mixed_with_itself():
    for seed in range(20):
        samples = [image(labelled(i, classes=4)) for i in range(4)]
        mix(flat(*range(4)), samples, seed=seed)
        assert all((sample['cls'].gt_scores > 0).sum() == 2 for sample in samples)
        assert all(sample['cls'].gt_scores[i] > 0 for i, sample in enumerate(samples))


def test_sizes_are_not_mixed_and_padding_stays():
    batch = flat(0, 1, 5, height=32, width=64)
    batch[:2, :, :, 48:] = 99
    samples = [image(labelled(i)) for i in range(3)]
    np.random.seed(0)
    mixed = RandomBatchAugment(dict(type='CutMix'))(batch, [(32, 48), (32, 48), (32, 64)], samples)
    assert (mixed[:2, :, :, 48:] == 99).all()
    assert torch.equal(mixed[2], batch[2])
    for i in (0, 1):
        assert mixed[i, :, :, :48].mean().item() == pytest.approx(samples[i]['cls'].gt_scores[1].item(), abs=1e-6)


def test_probabilities():
    counts = dict(cut=0, blended=0, untouched=0)
    for seed in range(100):
        samples = [image(labelled(i)) for i in range(2)]
        configs = dict(type='CutMix'), dict(type='Mixup')
        mixed = mix(flat(0, 1), samples, *configs, probs=[0.2, 0.5], seed=seed)
        for pixels, sample in zip(mixed, samples, strict=True):
            kind = 'untouched' if 'gt_label' in sample['cls'] else 'cut' if len(pixels.unique()) == 2 else 'blended'
            counts[kind] += 1
    assert 20 <= counts['cut'] <= 60
    assert 75 <= counts['blended'] <= 125
    assert 40 <= counts['untouched'] <= 85
    samples = [image(labelled(i)) for i in range(2)]
    assert torch.equal(mix(flat(0, 1), samples, dict(type='Mixup'), probs=0.0), flat(0, 1))


def test_several_labels_of_an_image_become_fractions():
    samples = []
    for scores in ([1.0, 1.0, 0.0], [0.0, 1.0, 0.0]):
        sample = TaskDataSample(metainfo=dict(task='signs', task_type='multi_label_classification'))
        sample.gt_scores = torch.tensor(scores)
        samples.append(image(sample))
    mixed = mix(flat(1, 0), samples)
    for pixels, sample in zip(mixed, samples, strict=True):
        torch.testing.assert_close(sample['signs'].gt_scores, torch.tensor([pixels.mean().item(), 1.0, 0.0]))


def test_the_seed_determines_the_mixture():
    runs = [
        mix(flat(0, 1, 2, 3), [image(labelled(i, classes=4)) for i in range(4)], dict(type='CutMix'), seed=seed)
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_resumed_run_draws_the_mixtures_of_an_unbroken_one():
    augment = RandomBatchAugment([dict(type='CutMix'), dict(type='Mixup')])

    def step():
        samples = [image(labelled(i, classes=4)) for i in range(4)]
        return augment(flat(0, 1, 2, 3), [(SIDE, SIDE)] * 4, samples)

    seed_generators(5, 2, 0)  # of a run with seed 5, before its epoch 2, on rank 0
    steps = [step() for _ in range(2)]
    state = random_state()
    steps += [step() for _ in range(2)]
    restore_random_state(state)  # a run goes on within the epoch
    assert torch.equal(torch.stack([step(), step()]), torch.stack(steps[2:]))
    seed_generators(5, 2, 0)  # a run goes on at the epoch
    assert torch.equal(step(), steps[0])
    seed_generators(5, 2, 1)  # another rank
    assert not torch.equal(step(), steps[0])


class TestPreprocessor:
    def preprocessor(self, **augments):
        return ImgDataPreprocessor(
            mean=[127.5], std=[127.5], pad_size_divisor=32, batch_augments=augments or dict(augments=dict(type='Mixup'))
        )

    def data(self):
        images = [torch.full((3, 30, 30), value, dtype=torch.uint8) for value in (0, 255)]
        return dict(inputs=images, data_samples=[image(labelled(0)), image(labelled(1))])

    def test_it_mixes_normalised_images_in_training_only(self):
        np.random.seed(0)
        data = self.data()
        plain = self.preprocessor()(data)
        assert plain['inputs'][:, 0, 0, 0].tolist() == [-1, 1]
        assert plain['data_samples'][0]['cls'].gt_label.item() == 0
        mixed = self.preprocessor()(data, training=True)
        for pixels, sample in zip(mixed['inputs'], mixed['data_samples'], strict=True):
            assert pixels.shape == (3, 32, 32)
            assert (pixels[:, 30:] == 0).all()
            assert pixels[0, 0, 0].item() == pytest.approx(2 * sample['cls'].gt_scores[1].item() - 1, abs=1e-6)
        assert data['data_samples'][0]['cls'].gt_label.item() == 0  # those of the data loader are as they were

    def test_images_without_our_samples_are_refused(self):
        with pytest.raises(ConfigError, match='MultiTaskDataSamples'):
            self.preprocessor()(self.data() | dict(data_samples=None), training=True)

    def test_the_host_does_not_wait(self, accelerator):
        preprocessor = self.preprocessor(augments=[dict(type='CutMix'), dict(type='Mixup')]).to(accelerator.device)
        data = self.data()
        with accelerator.watch() as waits:
            for _ in range(5):
                mixed = preprocessor(data, training=True)
        assert waits == []
        assert mixed['inputs'].device == accelerator.device
        assert mixed['data_samples'][0]['cls'].gt_scores.device == accelerator.device


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(augments=[]), 'augments is empty'),
        (dict(augments=dict(type='Mixup', alpha=0)), r'alpha of Mixup must be above 0'),
        (dict(augments=dict(type='CutMix', alpha=-1)), r'alpha of CutMix must be above 0'),
        (dict(augments=dict(type='Cutmix')), "'Cutmix' is not registered"),
        (dict(augments=dict(type='Mixup', beta=1)), 'Mixup cannot be built: .*beta'),
        (dict(augments=[dict(alpha=1.0)]), 'is a config with a type, not'),
        (dict(augments=['Mixup']), "is a config with a type, not 'Mixup'"),
        (dict(augments=dict(type='LossBalancer', tasks=[])), 'LossBalancer mixes no images'),
        (dict(augments=dict(type='Mixup'), probs=[0.5, 0.5]), r'each of the 1 augments'),
        (dict(augments=[dict(type='Mixup')] * 2, probs=[0.5, 0.6]), r'at most 1; it is \[0.5, 0.6\]'),
        (dict(augments=dict(type='Mixup'), probs=-0.5), r'at most 1; it is -0.5'),
        (dict(augments=dict(type='Mixup'), probs=math.nan), r'at most 1; it is nan'),
        (dict(augments=dict(type='Mixup', alpha=math.nan)), r'alpha of Mixup must be above 0'),
        (dict(augments=dict(type='CutMix', alpha=math.nan)), r'alpha of CutMix must be above 0'),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RandomBatchAugment(**options)


def test_a_sample_must_know_its_number_of_classes():
    sample = TaskDataSample(metainfo=dict(task='cls', task_type='classification', img_path='a.png'))
    sample.gt_label = torch.tensor([0])
    with pytest.raises(DataError, match=r'a\.png .* num_outputs must be among the meta_keys'):
        mix(flat(0, 1), [image(sample), image(sample.clone())])
