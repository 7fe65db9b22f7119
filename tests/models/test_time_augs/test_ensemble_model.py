import copy

import pytest
import torch
from mmengine.model import ImgDataPreprocessor

from aurora_mm.errors import ConfigError
from aurora_mm.models import EnsembleModel, MultiTaskModel, MultiTaskTTAModel
from aurora_mm.models.utils.original_coordinates import map_to_original
from tests.models import test_multi_task_model as real
from tests.models.test_time_augs.conftest import TASKS


def random_model(seed, std=127.5):
    torch.manual_seed(seed)
    preprocess = dict(type=ImgDataPreprocessor, mean=[127.5] * 3, std=[std] * 3)
    return MultiTaskModel(
        **real.config(tasks=[task.to_config() for task in TASKS], data_preprocessor=preprocess)
    ).eval()


def test_an_ensemble_of_one_model_twice_is_that_model(toy_model, image, predict):
    alone = predict(toy_model, image, TASKS)
    twice = predict(EnsembleModel([toy_model, copy.deepcopy(toy_model)]), image, TASKS)
    assert torch.equal(alone[0].pred_sem_seg.data, twice[0].pred_sem_seg.data)
    torch.testing.assert_close(alone[3].pred_instances.bboxes, twice[3].pred_instances.bboxes)
    torch.testing.assert_close(alone[4].pred_landmarks, twice[4].pred_landmarks)


def test_members_are_averaged_before_the_decision_each_with_its_own_normalisation(image, predict):
    models = [random_model(0), random_model(1, std=64.0)]
    each = [predict(model, image, TASKS) for model in models]
    together = predict(EnsembleModel(models), image, TASKS)
    maps = [map_to_original(*next(iter(sample[0].mask_views)), (64, 64)) for sample in each]
    assert torch.equal(together[0].pred_sem_seg.data[0], (maps[0] + maps[1]).argmax(0))
    for i in (1, 2):
        torch.testing.assert_close(together[i].pred_scores, (each[0][i].pred_scores + each[1][i].pred_scores) / 2)
    torch.testing.assert_close(together[4].pred_landmarks, (each[0][4].pred_landmarks + each[1][4].pred_landmarks) / 2)


def test_an_ensemble_under_test_time_augmentation_keeps_all_views(image, predict):
    merged = predict(EnsembleModel([random_model(0), random_model(1)]), image, TASKS[:1], tta=())
    assert len(merged[0].mask_views) == 4
    assert isinstance(MultiTaskTTAModel(EnsembleModel([random_model(0)])), MultiTaskTTAModel)


def test_members_of_other_tasks_are_refused_by_name(toy_model):
    other = real.config()
    with pytest.raises(ConfigError, match=r'members 1 and 2 .* differ in their tasks: cls, det'):
        EnsembleModel([toy_model, MultiTaskModel(**other)])
    with pytest.raises(ConfigError, match='at least one'):
        EnsembleModel([])
