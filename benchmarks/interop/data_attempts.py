"""Attempts at reading one data set class of mmdet or mmseg as a task, on generated files in its layout."""

from __future__ import annotations

import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aurora_mm.datasets import TaskDataset
from aurora_mm.datasets.refused_sources import refuse_source
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import Task

_CLASSES = ('first', 'second')


def attempt_data_set(host: str, name: str) -> str:
    """Write two images in the layout of a data set and read it through :class:`TaskDataset`.

    Args:
        host: 'mmdet' or 'mmseg'.
        name: Of the class.

    Returns:
        What kind of task it became.

    Raises:
        AuroraError: If it is refused.
        RuntimeError: If it was read otherwise than it was written.
    """
    if name == 'ConcatDataset':
        return 'around other data sets'
    kind = DATASETS.get(f'{host}.{name}')
    bases = {base.__name__ for base in kind.__mro__}
    classes = tuple((getattr(kind, 'METAINFO', None) or {}).get('classes') or _CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if 'BaseSegDataset' in bases:
            return _read_masks(f'{host}.{name}', kind, classes, root)
        own = classes if name in ('CrowdHumanDataset', 'VOCDataset', 'WIDERFaceDataset') else _CLASSES
        layout = _voc if 'XMLDataset' in bases else _LAYOUTS.get(name, _coco)
        return _read_boxes(f'{host}.{name}', layout(root, name, own), own)


def _read_masks(kind: str, found: type, classes: tuple[str, ...], root: Path) -> str:
    refuse_source(kind, Task('tissue', 'segmentation', classes=_CLASSES))
    (root / 'list.txt').write_text('a\nb\n')
    argument = inspect.signature(found).parameters.get('ann_file')
    needs_list = argument is not None and argument.default is inspect.Parameter.empty
    listed = dict(ann_file=str(root / 'list.txt')) if needs_list else {}
    probe = DATASETS.build(dict(type=kind, data_prefix=dict(img_path=str(root)), lazy_init=True, **listed))
    classes = classes if len(classes) > 1 else (*classes, 'other')
    last = min(len(classes), 200) - 1
    value = last + bool(getattr(probe, 'reduce_zero_label', False))
    for name in ('a', 'b'):
        _write(root / f'img/{name}{probe.img_suffix}', 100)
        _write(root / f'ann/{name}{probe.seg_map_suffix}', value)
    source = dict(type=kind, data_prefix=dict(img_path=str(root / 'img'), seg_map_path=str(root / 'ann')), **listed)
    task = Task('tissue', 'segmentation', classes=classes)
    steps = [dict(type='LoadUltrasoundImage'), dict(type='LoadTaskAnnotations'), dict(type='PackMultiTaskInputs')]
    dataset = TaskDataset(task, source, steps)
    values = np.unique(dataset[0]['data_samples']['tissue'].gt_sem_seg.data.numpy()).tolist()
    if len(dataset) != 2 or values != [last]:
        raise RuntimeError(f'{kind}: {len(dataset)} images with classes {values}, not 2 with {last}')
    return 'for segmentation'


def _read_boxes(kind: str, source: dict[str, Any], classes: tuple[str, ...]) -> str:
    dataset = TaskDataset(Task('objects', 'detection', classes=classes), source | dict(type=kind))
    found = [dataset.get_data_info(index) for index in range(len(dataset))]
    boxes = [np.round(box).tolist() for entry in found for box in entry['bboxes']]
    if len(found) != 2 or boxes != [[8, 10, 24, 30]] * 2:
        raise RuntimeError(f'{kind}: {len(found)} images with boxes {boxes}')
    return 'for detection'


def _write(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    png = path.with_suffix('.png')
    cv2.imwrite(str(png), np.full((48, 64), value, np.uint8))
    png.rename(path)  # whatever the name, since JPEG does not keep values


def _coco(root: Path, name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    images = [dict(id=i, file_name=f'{i}.png', height=48, width=64) for i in (1, 2)]
    for image in images:
        _write(root / image['file_name'], 100)
    box = dict(category_id=1, bbox=[8, 10, 16, 20], area=320, iscrowd=0, segmentation=[[8, 10, 24, 10, 24, 30, 8, 30]])
    annotations = [dict(id=i, image_id=i, **box) for i in (1, 2)]
    categories = [dict(id=i, name=text) for i, text in enumerate(classes, 1)]
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / 'train.json').write_text(json.dumps(content))
    return dict(ann_file=str(root / 'train.json'), data_prefix=dict(img=str(root)))


def _voc(root: Path, name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    wider = name == 'WIDERFaceDataset'  # which counts pixels from 0, VOC from 1
    corners = [number + (not wider) for number in (8, 10, 24, 30)]
    box = ''.join(f'<{key}>{n}</{key}>' for key, n in zip(('xmin', 'ymin', 'xmax', 'ymax'), corners, strict=True))
    base = root / 'VOC2007'
    (base / 'Annotations').mkdir(parents=True)
    for image in ('1', '2'):
        _write(base / ('scene' if wider else 'JPEGImages') / f'{image}.jpg', 100)
        (base / f'Annotations/{image}.xml').write_text(
            f'<annotation><folder>scene</folder><filename>{image}.jpg</filename>'
            f'<size><width>64</width><height>48</height></size>'
            f'<object><name>{classes[0]}</name><difficult>0</difficult><bndbox>{box}</bndbox></object></annotation>'
        )
    (base / 'train.txt').write_text('1\n2\n')
    prefix = dict(img=str(base)) if wider else dict(sub_data_root='VOC2007/', img='')
    return dict(data_root=str(root), ann_file='VOC2007/train.txt', data_prefix=prefix)


def _crowd_human(root: Path, name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    boxes = dict(tag='person', extra={}) | {key: [8, 10, 16, 20] for key in ('fbox', 'hbox', 'vbox')}
    lines = []
    for image in ('1', '2'):
        _write(root / f'Images/{image}.jpg', 100)
        lines.append(json.dumps(dict(ID=image, gtboxes=[boxes])))
    (root / 'annotation_train.odgt').write_text('\n'.join(lines))
    return dict(data_root=str(root), ann_file='annotation_train.odgt', data_prefix=dict(img='Images'))


def _openmmlab(root: Path, name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    box = dict(bbox=[8, 10, 24, 30], bbox_label=0, ignore_flag=0)
    items = [dict(img_path=f'{i}.png', img_id=i, height=48, width=64, instances=[box]) for i in (1, 2)]
    for item in items:
        _write(root / str(item['img_path']), 100)
    (root / 'train.json').write_text(json.dumps(dict(metainfo={}, data_list=items)))
    return dict(ann_file=str(root / 'train.json'), data_prefix=dict(img_path=str(root)))


_LAYOUTS = dict(BaseDetDataset=_openmmlab, CrowdHumanDataset=_crowd_human)
