"""Samples of each task type, small enough to work out by hand."""

import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TaskTable

TASKS = TaskTable(
    [
        {'name': 'organs', 'type': 'segmentation', 'classes': ['background', 'liver', 'vein']},
        {'name': 'plane', 'type': 'classification', 'classes': ['axial', 'coronal', 'sagittal']},
        {'name': 'nodule', 'type': 'detection', 'classes': ['nodule']},
        {'name': 'femur', 'type': 'landmark', 'points': ['left', 'right']},
        {'name': 'lesion', 'type': 'segmentation', 'classes': ['background', 'lesion']},
    ]
)
OWN_METRICS = {
    'segmentation': [{'type': 'aurora_mm.SegmentationMetric'}],
    'classification': [{'type': 'aurora_mm.ClassificationMetric'}],
    'detection': [{'type': 'aurora_mm.BoxIoUMetric'}],
    'landmark': [{'type': 'aurora_mm.LandmarkMetric'}],
}


def make_sample(task, img_id=0, ori_shape=(30, 40), **metainfo):
    meta = {
        'task': task,
        'task_type': TASKS[task].type,
        'img_id': img_id,
        'img_path': f'images/{img_id}.png',
        'ori_shape': ori_shape,
        'gt_frame': 'original',
    }
    return MultiTaskDataSample(metainfo=meta | metainfo)


def segmentation_sample(truth, pred, task='organs', **metainfo):
    truth, pred = torch.as_tensor(truth), torch.as_tensor(pred)
    sample = make_sample(task, ori_shape=tuple(truth.shape), **metainfo)
    sample.gt_sem_seg = PixelData(data=truth[None])
    sample.pred_sem_seg = PixelData(data=pred[None])
    return sample


def classification_sample(truth, scores, task='plane', **metainfo):
    sample = make_sample(task, **metainfo)
    sample.gt_label = torch.tensor([truth])
    sample.pred_scores = torch.tensor(scores)
    sample.pred_label = sample.pred_scores.argmax().reshape(1)
    return sample


def detection_sample(truth, boxes, scores=None, task='nodule', **metainfo):
    sample = make_sample(task, **metainfo)
    sample.set_metainfo({'instances': [{'bbox': list(truth), 'bbox_label': 0, 'ignore_flag': 0}]})
    sample.gt_instances = InstanceData(bboxes=torch.tensor([truth], dtype=torch.float32), labels=torch.tensor([0]))
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor(scores if scores is not None else [1.0] * len(boxes)),
        labels=torch.zeros(len(boxes), dtype=torch.int64),
    )
    return sample


def landmark_sample(truth, pred, task='femur', **metainfo):
    sample = make_sample(task, **metainfo)
    sample.gt_landmarks = torch.tensor(truth, dtype=torch.float32)
    sample.pred_landmarks = torch.tensor(pred, dtype=torch.float32)
    return sample


def random_samples(seed, number):
    """``number`` samples of each task, but three fewer of the last, with imperfect predictions."""
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for name, task in TASKS.items():
        for _ in range(number - 3 * (name == 'lesion')):
            meta = {'task': name, 'img_id': len(samples)}
            if task.type == 'segmentation':
                masks = torch.randint(task.num_outputs, (2, 12, 16), generator=generator)
                samples.append(segmentation_sample(*masks, **meta))
            elif task.type == 'classification':
                scores = torch.rand(3, generator=generator)
                samples.append(classification_sample(len(samples) % 3, (scores / scores.sum()).tolist(), **meta))
            elif task.type == 'detection':
                shift = torch.rand(2, generator=generator).tolist()
                box = [4 + shift[0], 5, 14, 15 + shift[1]]
                samples.append(detection_sample([5, 5, 15, 15], [box], **meta))
            else:
                points = (30 * torch.rand(2, 2, 2, generator=generator)).tolist()
                samples.append(landmark_sample(*points, **meta))
    return samples
