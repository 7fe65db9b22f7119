"""The official scorer's arithmetic, written a second time: plain loops over the CSV files and the submission folder,
SimpleITK and scikit-learn, and nothing of aurora_mm."""

import csv
import json
import math
from pathlib import Path

import cv2
import numpy as np
import SimpleITK
from sklearn.metrics import f1_score, matthews_corrcoef, roc_auc_score


def read_rows(root):
    rows = {}
    for file in sorted((Path(root) / 'csv_files').glob('*.csv')):
        with file.open(newline='') as stream:
            for row in csv.DictReader(stream):
                rows.setdefault((row['task_id'], row['task_name'], int(row['num_classes'])), []).append(row)
    return rows


def read_entries(folder, name):
    entries = json.loads((Path(folder) / name).read_text())
    return {(entry['task_id'], entry['image_path']): entry for entry in entries}


def score(root, folder):
    """{task: {metric: value}}"""
    functions = dict(segmentation=segmentation, classification=classification, detection=detection, Regression=points)
    return {
        task: functions[kind](rows, count, Path(root), Path(folder))
        for (task, kind, count), rows in read_rows(root).items()
    }


def segmentation(rows, count, root, folder):
    dsc, hd = ({index: [] for index in range(1, count)} for _ in range(2))
    for row in rows:
        truth = cv2.imread(str(root / 'csv_files' / row['mask_path']), cv2.IMREAD_GRAYSCALE)
        pred = cv2.imread(str(folder / row['mask_path'].replace('../', '')), cv2.IMREAD_GRAYSCALE)
        if pred is None:
            continue
        if pred.shape != truth.shape:
            pred = cv2.resize(pred, truth.shape[::-1], interpolation=cv2.INTER_NEAREST)
        for index in range(1, count):
            a, b = (pred == index).astype(np.uint8), (truth == index).astype(np.uint8)
            total = int(a.sum()) + int(b.sum())
            dsc[index].append(1.0 if total == 0 else 2.0 * int((a * b).sum()) / total)
            hd[index].append(hausdorff(a, b))
    return {
        'DSC': np.mean([np.mean(values) for values in dsc.values()]),
        'HD': np.mean([np.mean(values) for values in hd.values()]),
    }


def hausdorff(a, b):
    if a.sum() == 0 and b.sum() == 0:
        return 0.0
    if a.sum() == 0 or b.sum() == 0:
        return math.sqrt(a.shape[0] ** 2 + a.shape[1] ** 2)
    distance = SimpleITK.HausdorffDistanceImageFilter()
    distance.Execute(SimpleITK.GetImageFromArray(a * 255), SimpleITK.GetImageFromArray(b * 255))
    return distance.GetHausdorffDistance()


def classification(rows, count, root, folder):
    entries = read_entries(folder, 'classification_predictions.json')
    truth, pred, probs = [], [], []
    for row in rows:
        entry = entries.get((row['task_id'], row['image_path']))
        if entry is not None:
            truth.append(int(row['mask']))
            pred.append(entry['predicted_class'])
            probs.append(entry['predicted_probs'])
    probs = np.array(probs)
    if len(set(truth)) < 2:
        area = 0.0  # scikit-learn raised an error here once and gives nan today
    else:
        try:
            scores = probs[:, 1] if count == 2 else probs
            area = roc_auc_score(truth, scores, average='macro', multi_class='ovr')
        except ValueError:
            area = 0.0
    return {
        'AUC': area,
        'Accuracy': sum(a == b for a, b in zip(truth, pred, strict=True)) / len(truth),
        'F1_macro': f1_score(truth, pred, average='macro', zero_division=0),
        'F1_weighted': f1_score(truth, pred, average='weighted', zero_division=0),
        'MCC': matthews_corrcoef(truth, pred),
    }


def detection(rows, count, root, folder):
    entries = read_entries(folder, 'detection_predictions.json')
    overlaps = []
    for row in rows:
        entry = entries.get((row['task_id'], row['image_path']))
        if entry is not None:
            truth = [float(row[name]) for name in ('x_min', 'y_min', 'x_max', 'y_max')]
            overlaps.append(iou(entry['bbox_pixels'], truth))
    return {'IoU': np.mean(overlaps)}


def iou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union else 0.0


def points(rows, count, root, folder):
    entries = read_entries(folder, 'regression_predictions.json')
    errors = []
    for row in rows:
        entry = entries.get((row['task_id'], row['image_path']))
        if entry is not None:
            truth = np.array([json.loads(row[f'point_{i + 1}_xy']) for i in range(count)])
            pred = np.array(entry['predicted_points_pixels']).reshape(-1, 2)
            errors.append(np.mean([math.dist(a, b) for a, b in zip(pred, truth, strict=True)]))
    return {'MRE': np.mean(errors)}
