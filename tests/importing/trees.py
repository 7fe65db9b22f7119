"""Tiny data sets in the layouts in which they are published or exported, with what must be found in them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 40, 60
BOX = (10, 8, 34, 28)  # xyxy of the object in every picture


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(30, 220, (HEIGHT, WIDTH), np.uint8)


def mask(value: int = 1, other: int = 0) -> np.ndarray:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = value
    pixels[32:36, 40:50] = other
    return pixels


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def volume(path: Path, pixels: np.ndarray, spacing: tuple[float, ...] = (0.3, 0.2)) -> None:
    import SimpleITK as sitk

    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(pixels)
    image.SetSpacing(spacing[: image.GetDimension()] + (1.0,) * (image.GetDimension() - len(spacing)))
    sitk.WriteImage(image, str(path))


def busi(root: Path, count: int = 3) -> None:
    for seed, kind in enumerate(('benign', 'malignant', 'normal')):
        for i in range(1, count + 1):
            save(root / kind / f'{kind} ({i}).png', picture(10 * seed + i))
            save(root / kind / f'{kind} ({i})_mask.png', mask(0 if kind == 'normal' else 255))
    second = np.zeros((HEIGHT, WIDTH), np.uint8)
    second[32:36, 40:50] = 255
    save(root / 'benign' / 'benign (1)_mask_1.png', second)


def hc18(root: Path, count: int = 3) -> None:
    for i in range(count):
        for name in (f'{i:03d}_HC', f'{i:03d}_2HC')[: 1 + (i == 0)]:
            save(root / 'training_set' / f'{name}.png', picture(i))
            outline = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.ellipse(outline, (30, 20), (20, 12), 0, 0, 360, 255, 3)
            save(root / 'training_set' / f'{name}_Annotation.png', outline)
        save(root / 'test_set' / f'{i:03d}_HC.png', picture(50 + i))
    text(root / 'training_set_pixel_size_and_HC.csv', 'filename,pixel size(mm),head circumference (mm)\n')


def camus(root: Path, count: int = 3) -> None:
    for i in range(1, count + 1):
        for view in ('2CH_ED', '4CH_ES'):
            name = f'patient{i:04d}_{view}'
            volume(root / f'patient{i:04d}' / f'{name}.nii.gz', picture(i))
            volume(root / f'patient{i:04d}' / f'{name}_gt.nii.gz', mask(1, 3))
        volume(root / f'patient{i:04d}' / f'patient{i:04d}_2CH_half_sequence.nii.gz', np.stack([picture(1)] * 2))
        text(root / f'patient{i:04d}' / 'Info_2CH.cfg', 'ED: 1\n')


def tn3k(root: Path, count: int = 3) -> None:
    for side in ('trainval', 'test'):
        for i in range(count):
            save(root / f'{side}-image' / f'{i:04d}.jpg', picture(i + (side == 'test') * 20))
            save(root / f'{side}-mask' / f'{i:04d}.jpg', mask(255))


def usgra_seg(root: Path, count: int = 3) -> None:
    for folder, first in ((root / 'dataset', 0), (root / 'dataset' / 'test', count)):
        for i in range(first, first + count):
            save(folder / 'images' / f'{i:04d}.png', picture(i))
            save(folder / 'masks' / f'{i:04d}.png', mask(1, 2))
    text(root / 'README.md', '# usgra-seg\n')


def ddti(root: Path, count: int = 3) -> None:
    for i in range(count):
        save(root / '1_or_data' / 'image' / f'{i}.PNG', picture(i))
        save(root / '1_or_data' / 'mask' / f'{i}.PNG', mask(255))


def fh_ps_aop(root: Path, count: int = 3) -> None:
    for i in range(count):
        colours = np.stack([picture(i), picture(i) // 2, picture(i) // 3])
        volume(root / 'image_mha' / f'{i:05d}.mha', colours)
        volume(root / 'label_mha' / f'{i:05d}.mha', mask(1, 2))


def pocus(root: Path, count: int = 3) -> None:
    for kind in ('covid', 'pneumonia', 'regular'):
        for i in range(count):
            save(root / kind / f'{kind}_{i}.png', picture(hash(kind) % 100 + i))


def split_class_folders(root: Path, count: int = 3) -> None:
    for split in ('train', 'valid'):
        for kind in ('a', 'b'):
            for i in range(count):
                save(root / split / kind / f'{i}.png', picture(i))


def coco_content(count: int, kind: str) -> dict:
    x1, y1, x2, y2 = BOX
    polygon = [x1, y1, x2, y1, x2, y2, x1, y2]
    extra: dict = {}
    category: dict = dict(id=3, name='nodule')
    if kind == 'segmentation':
        extra = dict(segmentation=[polygon])
    elif kind == 'landmark':
        category |= dict(keypoints=['left', 'right'], skeleton=[])
        extra = dict(keypoints=[x1, y1, 2, x2, y2, 2], num_keypoints=2)
    return dict(
        images=[dict(id=i, file_name=f'{i}.png', height=HEIGHT, width=WIDTH) for i in range(count)],
        annotations=[
            dict(id=i, image_id=i, category_id=3, bbox=[x1, y1, x2 - x1, y2 - y1], area=480, iscrowd=0, **extra)
            for i in range(count)
        ],
        categories=[category],
    )


def coco(root: Path, count: int = 3, kind: str = 'segmentation') -> None:
    for split in ('train2017', 'val2017'):
        text(root / 'annotations' / f'instances_{split}.json', json.dumps(coco_content(count, kind)))
        for i in range(count):
            save(root / split / f'{i}.png', picture(i + (split == 'val2017') * 20))


def coco_landmarks(root: Path, count: int = 3) -> None:
    coco(root, count, 'landmark')


def roboflow_coco(root: Path, count: int = 3) -> None:
    for split in ('train', 'valid'):
        text(root / split / '_annotations.coco.json', json.dumps(coco_content(count, 'detection')))
        for i in range(count):
            save(root / split / f'{i}.png', picture(i + (split == 'valid') * 20))


def label_studio_coco(root: Path, count: int = 3) -> None:
    text(root / 'result.json', json.dumps(coco_content(count, 'segmentation')))
    for i in range(count):
        save(root / 'images' / f'{i}.png', picture(i))


def fiftyone_coco(root: Path, count: int = 3) -> None:
    text(root / 'labels.json', json.dumps(coco_content(count, 'detection')))
    for i in range(count):
        save(root / 'data' / f'{i}.png', picture(i))


def cvat_coco(root: Path, count: int = 3) -> None:
    text(root / 'annotations' / 'instances_default.json', json.dumps(coco_content(count, 'detection')))
    for i in range(count):
        save(root / 'images' / 'default' / f'{i}.png', picture(i))


def yolo(root: Path, count: int = 3) -> None:
    x1, y1, x2, y2 = BOX
    line = f'0 {(x1 + x2) / 2 / WIDTH} {(y1 + y2) / 2 / HEIGHT} {(x2 - x1) / WIDTH} {(y2 - y1) / HEIGHT}\n'
    for split in ('train', 'val'):
        for i in range(count):
            save(root / 'images' / split / f'{i}.png', picture(i + (split == 'val') * 20))
            text(root / 'labels' / split / f'{i}.txt', line)
    text(root / 'data.yaml', 'names: [nodule]\n')


def roboflow_yolo(root: Path, count: int = 3) -> None:
    yolo(root / 'x', count)
    for split, new in (('train', 'train'), ('val', 'valid')):
        for side in ('images', 'labels'):
            (root / new).mkdir(exist_ok=True)
            (root / 'x' / side / split).rename(root / new / side)
    (root / 'x' / 'data.yaml').rename(root / 'data.yaml')


def labelme(root: Path, count: int = 3) -> None:
    x1, y1, x2, y2 = BOX
    shapes = [
        dict(label='lesion', shape_type='polygon', points=[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]),
        dict(label='lesion', shape_type='rectangle', points=[[x2, y2], [x1, y1]]),
        dict(label='left', shape_type='point', points=[[x1, y1]]),
        dict(label='right', shape_type='point', points=[[x2, y2]]),
    ]
    for i in range(count):
        save(root / f'{i}.png', picture(i))
        content = dict(version='5.0', shapes=shapes, imagePath=f'{i}.png', imageHeight=HEIGHT, imageWidth=WIDTH)
        text(root / f'{i}.json', json.dumps(content))


def pascal_voc(root: Path, count: int = 3) -> None:
    x1, y1, x2, y2 = BOX
    for i in range(2 * count):
        save(root / 'JPEGImages' / f'{i}.jpg', picture(i))
        box = f'<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>'
        content = f'<annotation><object><name>nodule</name><bndbox>{box}</bndbox></object></annotation>'
        text(root / 'Annotations' / f'{i}.xml', content)
    text(root / 'ImageSets' / 'Main' / 'train.txt', ''.join(f'{i}\n' for i in range(count)))
    text(root / 'ImageSets' / 'Main' / 'val.txt', ''.join(f'{i}\n' for i in range(count, 2 * count)))


def via_regions() -> list[dict]:
    x1, y1, x2, y2 = BOX
    polygon = dict(name='polygon', all_points_x=[x1, x2, x2, x1], all_points_y=[y1, y1, y2, y2])
    rectangle = dict(name='rect', x=x1, y=y1, width=x2 - x1, height=y2 - y1)
    points = [(dict(name='point', cx=x, cy=y), name) for x, y, name in ((x1, y1, 'left'), (x2, y2, 'right'))]
    shapes = [(polygon, 'lesion'), (rectangle, 'lesion'), *points]
    return [dict(shape_attributes=shape, region_attributes=dict(finding=label)) for shape, label in shapes]


def via(root: Path, count: int = 3) -> None:
    images = {}
    for i in range(count):
        save(root / f'{i}.png', picture(i))
        size = (root / f'{i}.png').stat().st_size
        images[f'{i}.png{size}'] = dict(filename=f'{i}.png', size=size, regions=via_regions(), file_attributes={})
    options = dict(lesion='', left='', right='')
    attributes = dict(region=dict(finding=dict(type='dropdown', options=options)), file={})
    content = dict(_via_settings={}, _via_img_metadata=images, _via_attributes=attributes)
    text(root / 'via_project.json', json.dumps(content))


def via_json(root: Path, count: int = 3) -> None:
    """The annotations of a project, exported as JSON, in each folder of a split."""
    for split in ('train', 'val'):
        via(root / split, count)
        content = json.loads((root / split / 'via_project.json').read_text())['_via_img_metadata']
        (root / split / 'via_project.json').unlink()
        text(root / split / 'via_region_data.json', json.dumps(content))


def via_csv(root: Path, count: int = 3) -> None:
    via(root, count)
    images = json.loads((root / 'via_project.json').read_text())['_via_img_metadata'].values()
    (root / 'via_project.json').unlink()
    names = 'filename file_size file_attributes region_count region_id region_shape_attributes region_attributes'
    with (root / 'via_export_csv.csv').open('w', newline='') as stream:
        writer = csv.writer(stream)
        writer.writerow(names.split())
        for image in images:
            for number, region in enumerate(image['regions']):
                shape, attributes = (json.dumps(region[key]) for key in ('shape_attributes', 'region_attributes'))
                row = [image['filename'], image['size'], '{}', len(image['regions']), number, shape, attributes]
                writer.writerow(row)


def cvat_runs(pixels: np.ndarray) -> list[int]:
    """Run lengths along the rows, zeros first."""
    flat = np.concatenate([[0], pixels.ravel() > 0, [-1]]).astype(int)
    starts = np.flatnonzero(np.diff(flat)) + 1
    return np.diff(np.concatenate([[1], starts])).tolist()


def cvat(root: Path, count: int = 3) -> None:
    x1, y1, x2, y2 = BOX
    painted = np.ones((y2 - y1, x2 - x1))
    sides = f'left="{x1}" top="{y1}" width="{x2 - x1}" height="{y2 - y1}"'
    shapes = (
        f'<box label="lesion" occluded="0" xtl="{x1:.2f}" ytl="{y1:.2f}" xbr="{x2:.2f}" ybr="{y2:.2f}" z_order="0"/>'
        f'<mask label="lesion" rle="{", ".join(map(str, cvat_runs(painted)))}" {sides} z_order="0"/>'
        f'<skeleton label="axis"><points label="left" outside="0" points="{x1:.2f},{y1:.2f}"/>'
        f'<points label="right" outside="0" points="{x2:.2f},{y2:.2f}"/></skeleton>'
    )
    names = ''.join(f'<label><name>{name}</name></label>' for name in ('benign', 'malignant', 'lesion'))
    images = []
    for i in range(count):
        save(root / 'images' / f'{i}.png', picture(i))
        tag = f'<tag label="{("benign", "malignant")[i % 2]}" source="manual"/>'
        head = f'<image id="{i}" name="{i}.png" width="{WIDTH}" height="{HEIGHT}">'
        images.append(f'{head}{shapes}{tag}</image>')
    meta = f'<version>1.1</version><meta><task><labels>{names}</labels></task></meta>'
    xml = '<?xml version="1.0" encoding="utf-8"?>\n'
    text(root / 'annotations.xml', f'{xml}<annotations>{meta}{"".join(images)}</annotations>\n')


def cvat_masks(root: Path, count: int = 3) -> None:
    for i in range(count):
        save(root / 'JPEGImages' / f'{i}.png', picture(i))
        colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        colours[mask() == 1] = (61, 61, 245)  # BGR
        for folder in ('SegmentationClass', 'SegmentationObject'):
            save(root / folder / f'{i}.png', colours)
    lines = ['# label:color_rgb:parts:actions', 'lesion:245,61,61::', 'background:0,0,0::']
    text(root / 'labelmap.txt', '\n'.join(lines) + '\n')


def brush_bytes(pixels: np.ndarray) -> list[int]:
    """Run lengths of Label Studio: runs of equal values, and one run whose values all differ."""
    values = np.repeat((pixels.ravel() > 0) * 255, 4).tolist()
    bits = f'{len(values):032b}{7:05b}' + ''.join(f'{size - 1:04b}' for size in (3, 4, 8, 16))
    bits += '0' + '00' + f'{3:03b}' + ''.join(f'{value:08b}' for value in values[:4])
    at = 4
    while at < len(values):
        end = next((i for i in range(at, len(values)) if values[i] != values[at]), len(values))
        choice, size = next((c, s) for c, s in enumerate((3, 4, 8, 16)) if end - at <= 1 << s)
        bits += f'1{choice:02b}{end - at - 1:0{size}b}{values[at]:08b}'
        at = end
    bits += '0' * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def label_studio(root: Path, count: int = 3) -> None:
    left, top, right, bottom = (100 * a / b for a, b in zip(BOX, (WIDTH, HEIGHT) * 2, strict=True))
    values = [
        ('rectanglelabels', 'lesion', dict(x=left, y=top, width=right - left, height=bottom - top, rotation=0)),
        ('brushlabels', 'lesion', dict(format='rle', rle=brush_bytes(mask()))),
        ('keypointlabels', 'left', dict(x=left, y=top, width=0.5)),
        ('keypointlabels', 'right', dict(x=right, y=bottom, width=0.5)),
    ]
    shared = dict(from_name='label', to_name='image', original_width=WIDTH, original_height=HEIGHT, image_rotation=0)
    tasks = []
    for i in range(count):
        save(root / 'images' / f'{i}.png', picture(i))
        results = [
            shared | dict(id=f'r{number}', type=kind, value=value | {kind: [label]})
            for number, (kind, label, value) in enumerate(values)
        ]
        choice = dict(choices=[('benign', 'malignant')[i % 2]])
        results.append(dict(id='c', from_name='diagnosis', to_name='image', type='choices', value=choice))
        annotation = dict(id=10 + i, result=results, was_cancelled=False, ground_truth=False)
        data = dict(image=f'/data/upload/3/1a2b3c4d-{i}.png')
        tasks.append(dict(id=1 + i, annotations=[annotation], predictions=[], data=data))
    text(root / 'project-3-at-2026-11-28-10-00-1a2b3c4d.json', json.dumps(tasks))


def yolo_polygons(root: Path, count: int = 3) -> None:
    x1, y1, x2, y2 = BOX
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    yolo(root, count)
    for file in root.glob('labels/*/*.txt'):
        text(file, '0 ' + ' '.join(f'{x / WIDTH} {y / HEIGHT}' for x, y in corners) + '\n')


def yolo_points(root: Path, count: int = 3) -> None:
    x1, y1, x2, y2 = BOX
    yolo(root, count)
    for file in root.glob('labels/*/*.txt'):
        points = f' {x1 / WIDTH} {y1 / HEIGHT} 2 {x2 / WIDTH} {y2 / HEIGHT} 1\n'
        text(file, file.read_text().strip() + points)
    text(root / 'data.yaml', 'names: [head]\nkpt_shape: [2, 3]\nkpt_names: {0: [left, right]}\n')


def mmseg(root: Path, count: int = 3) -> None:
    for split in ('train', 'val'):
        for i in range(count):
            save(root / 'img_dir' / split / f'{i}.png', picture(i + (split == 'val') * 20))
            save(root / 'ann_dir' / split / f'{i}.png', mask(1, 2))


def nnunet(root: Path, count: int = 3) -> None:
    folder = root / 'Dataset042_Nerve'
    for i in range(count):
        save(folder / 'imagesTr' / f'case_{i}_0000.png', picture(i))
        save(folder / 'labelsTr' / f'case_{i}.png', mask(1, 2))
        save(folder / 'imagesTs' / f'case_{i + 50}_0000.png', picture(i))
    labels = dict(background=0, nerve=1, vessel=2)
    text(folder / 'dataset.json', json.dumps(dict(labels=labels, channel_names={'0': 'US'}, file_ending='.png')))


def nnunet_volumes(root: Path, count: int = 3) -> None:
    folder = root / 'Dataset007_Prostate'
    for i in range(count):
        volume(folder / 'imagesTr' / f'case_{i}_0000.nii.gz', np.stack([picture(i), picture(i + 9)]), (0.3, 0.2, 1.0))
        volume(folder / 'labelsTr' / f'case_{i}.nii.gz', np.stack([mask(1, 0), mask(0, 1)]), (0.3, 0.2, 1.0))
    text(folder / 'dataset.json', json.dumps(dict(labels={'0': 'background', '1': 'gland'})))


def masks_beside(root: Path, count: int = 3) -> None:
    for i in range(count):
        save(root / f'scan{i}.png', picture(i))
        save(root / f'scan{i}_mask.png', mask(1))


def table(root: Path, count: int = 3) -> None:
    lines = ['file,Diagnosis,patient_id,age']
    for seed, kind in enumerate(('benign', 'malignant')):
        for i in range(count):
            save(root / 'scans' / f'{kind[0]}{i}.png', picture(10 * seed + i))
            lines.append(f'{kind[0]}{i}.png,{kind},P{i // 2},{40 + i}')
    text(root / 'labels.csv', '\n'.join(lines) + '\n')
