"""Defects that the tests must find: each takes the effect of one option, or of one rule, out of the code.

An entry is a file below ``aurora_mm``, the tests that must turn red, and pairs of an old text, which occurs in the file
exactly once, and the text that takes its place.
"""

_HEADS = 'tests/models/heads'
_LOSSES = 'tests/models/losses tests/models/heads/test_losses_by_hand.py'
_TRANSFORMS = 'tests/datasets/transforms'
_BALANCERS = 'tests/models/balancers'
_POLICIES = 'tests/datasets/samplers'
_CODECS = 'tests/models/codecs'
_METRICS = 'tests/evaluation/metrics tests/evaluation/functional'

MUTATIONS: list[tuple[str, str, list[tuple[str, str]]]] = [
    (
        'evaluation/functional/box_matching.py',
        'tests/evaluation/metrics/test_box_ap_metric.py',
        [
            ("np.argsort(-scores, kind='mergesort')[:MOST_BOXES]", 'np.arange(len(scores))'),
            ('free[best], found[row, column] = False, True', 'found[row, column] = True'),
            ('[:, ::-1], axis=1)[:, ::-1]', ', axis=1)'),
        ],
    ),
    (
        'evaluation/functional/agreement.py',
        'tests/evaluation/functional/test_agreement.py',
        [
            ('np.sqrt(error_variance * per_image)', 'np.sqrt(error_variance)'),
            ('bias - 1.96 * spread', 'bias - 2 * spread'),
            ('2 * (between_raters - residual) / count', '0.0'),
        ],
    ),
    (
        'evaluation/functional/multi_label.py',
        'tests/evaluation/metrics/test_multi_label_metric.py',
        [
            ('np.append(np.diff(scores[order]) != 0, True)', 'np.ones(len(order), bool)'),
            ('2 * hits', 'hits'),
        ],
    ),
    (
        'models/heads/scalar_regression_head.py',
        'tests/models/heads/test_scalar_regression_head.py',
        [
            ('in zip(output.float() * deviation + mean', 'in zip(output.float()'),
            ('values.std()', '1.0'),
            ('bool((self.statistics[:, 1] > 0).all())', 'False'),
        ],
    ),
    (
        'datasets/annotations/multi_label_annotation.py',
        'tests/datasets/test_multi_label_annotation.py',
        [
            ('int(after[label]) for label', 'int(label) for label'),
            ('if len(set(labels)) != len(labels):', 'if False:'),
        ],
    ),
    (
        'models/losses/mask_loss.py',
        'tests/models/heads/test_multi_label_segmentation_head.py',
        [
            ('(values * labelled).sum(1) / labelled.sum(1).clamp(min=1)', 'values.mean(1)'),
            ('/ labelled.sum(1).clamp(min=1)', '/ labelled.shape[1]'),
            ('values * tensor_like(task.class_weight, values)', 'values'),
        ],
    ),
    (
        'models/heads/multi_label_segmentation_head.py',
        'tests/models/heads/test_multi_label_segmentation_head.py',
        [
            ("type='mmdet.DiceLoss', naive_dice=True, eps=1.0", "type='mmdet.DiceLoss', naive_dice=True"),
            ("type='mmdet.DiceLoss', naive_dice=True, eps=1.0", "type='mmdet.DiceLoss', eps=1.0"),
            ('rows @ probs @ columns.T >= LABEL_THRESHOLD', 'rows @ probs @ columns.T >= 0.4'),
        ],
    ),
    (
        'models/predictions/multi_label_mask_prediction.py',
        'tests/models/heads/test_multi_label_segmentation_head.py',
        [
            ('PixelData(data=masks[original])', 'PixelData(data=masks)'),
            ('view._replace(probs=view.probs[original.to(view.probs.device)])', 'view'),
        ],
    ),
    (
        'datasets/annotations/multi_label_mask_annotation.py',
        'tests/datasets/test_multi_label_mask_annotation.py',
        [
            ('for label in applied_flip_indices(row)', "for label in range(row['num_outputs'])"),
            ('if mask[0, 0] == IGNORED', 'if False'),
            ('if len(paths) not in (1, task.num_outputs):', 'if False:'),
        ],
    ),
    (
        'datasets/class_masks.py',
        'tests/datasets/test_multi_label_mask_annotation.py',
        [
            ('order = [2, 1, 0, 3]', 'order = [0, 1, 2, 3]'),
            ('values.max() >= 2**num_classes:', 'False:'),
        ],
    ),
    (
        'evaluation/metrics/multi_label_segmentation_metric.py',
        'tests/evaluation/metrics/test_multi_label_segmentation_metric.py',
        [
            ('if truth[0, 0] != IGNORED:', 'if True:'),
        ],
    ),
    (
        'evaluation/functional/weighted_mean.py',
        'tests/evaluation/functional/test_weighted_mean.py',
        [('count = weights @ is_known', 'count = weights @ np.ones(values.shape)')],
    ),
    (
        'evaluation/functional/hausdorff.py',
        'tests/evaluation/functional/test_hausdorff.py',
        [('sampling=spacing', 'sampling=spacing[::-1]')],
    ),
    (
        'evaluation/functional/surface.py',
        'tests/evaluation/functional/test_surface.py',
        [('* spacing[::-1]', '* spacing'), (' * (1 + _ROUNDING)', '')],
    ),
    (
        'evaluation/functional/landmarks.py',
        'tests/evaluation/functional/test_landmark_error.py',
        [('* spacing[::-1]', '* spacing')],
    ),
    (
        'evaluation/metrics/segmentation_metric.py',
        'tests/evaluation/metrics/test_millimetre_metric.py',
        [
            ('HD_mm=hausdorff_distance(pred, truth, spacing)', 'HD_mm=hausdorff_distance(pred, truth)'),
            ('*in_mm, spacing=spacing)', '*in_mm)'),
            ('[tolerance / side for', '[tolerance for'),
        ],
    ),
    (
        'evaluation/metrics/millimetre_metric.py',
        'tests/evaluation/metrics/test_millimetre_metric.py',
        [
            ('known = sum(cls._is_in_mm(rows) for rows in images)', 'known = len(images)'),
            ('if column.optional and len({column.name in row.values for row in rows}) > 1:', 'if False:'),
        ],
    ),
    (
        'datasets/pipeline_order.py',
        'tests/datasets/test_pipeline_order.py',
        [
            ('    (CropToUltrasound, FitToSize),\n', ''),
            ("annotations == 'network' and loaded > warp", 'False'),
            ('if place[kind] and min(place[kind]) < loaded < warp:', 'if False:'),
            ('first < loader[0]', 'False'),
        ],
    ),
    (
        'images/reading.py',
        'tests/test_exported_dicom.py',
        [
            ("name != 'dicomdir' and ", ''),
            ("path.suffix.strip('.0123456789')", 'path.suffix'),
            ('path.is_file() and is_dicom(path)', 'path.is_file()'),
        ],
    ),
    (
        'challenge/quoted_cells.py',
        'tests/challenge/test_quoted_cells.py',
        [
            ('doubled = closing[:-1] + 1 == opening[1:]', 'doubled = np.zeros(len(opening) - 1, bool)'),
            ('(np.searchsorted(ends, opening) != np.searchsorted(ends, closing)).any()', 'False'),
            ('np.isin(before, (_COMMA, _NEWLINE)).all() and ', ''),
        ],
    ),
    (
        'challenge/spacing_column.py',
        'tests/challenge/test_spacing_column.py',
        [('if not is_spacing(sides):', 'if False:')],
    ),
    (
        'challenge/index_parts.py',
        'tests/challenge/test_spacing_column.py',
        [('*self._conflicts(SPACING_COLUMN, names, wrong_spacings, sizes),', '')],
    ),
    (
        'datasets/items.py',
        'tests/challenge/test_spacing_column.py',
        [("item['pixel_spacing'] = record.pixel_spacing", 'pass')],
    ),
    (
        'datasets/transforms/load_image.py',
        'tests/datasets/transforms/test_loading.py',
        [('_tell_spacing(results, image)', 'pass')],
    ),
    (
        'datasets/annotations/multi_box_annotation.py',
        'tests/datasets/test_multi_box_annotation.py',
        [
            ('if len(labels) != len(boxes):', 'if False:'),
            ('if min(box) < 0:', 'if False:'),
            ('if label not in range(task.num_outputs):', 'if False:'),
        ],
    ),
    (
        'models/heads/base_mask_head.py',
        _HEADS,
        [
            ('nn.Dropout2d(dropout)', 'nn.Dropout2d(0)'),
            ('lambda task: task.num_outputs, share_outputs\n', 'lambda task: task.num_outputs, False\n'),
        ],
    ),
    (
        'models/heads/segmentation_head.py',
        _HEADS,
        [
            (
                'loss_cls, pixels=True)\n        self.loss_dice',
                'loss_cls, pixels=True)\n        loss_dice = None\n        self.loss_dice',
            ),
            ('        require_network_coordinates(data_samples)\n        target', '        target'),
            ('background_weight=0.2', 'background_weight=1.0'),
        ],
    ),
    (
        'models/heads/base_pooled_head.py',
        _HEADS,
        [
            ("'avg_max': (torch.mean, torch.amax)", "'avg_max': (torch.mean, torch.mean)"),
            ('nn.Dropout(dropout)', 'nn.Dropout(0)'),
            ('for _ in range(num_blocks)', 'for _ in range(2)'),
            ('lambda task: task.num_outputs, share_outputs\n', 'lambda task: task.num_outputs, False\n'),
            ('for feat in feats for pool', 'for feat in [feats[0]] * len(feats) for pool'),
            ('return x + self.out', 'return self.out'),
        ],
    ),
    (
        'models/heads/landmark_head.py',
        _HEADS,
        [
            (
                'average_cells(feats[-1], (self.pool_size, self.pool_size))',
                'average_cells(feats[-1], (1, 1)).expand(-1, -1, self.pool_size, self.pool_size)',
            ),
            ('lambda task: 2 * task.num_outputs, share_outputs', 'lambda task: 2 * task.num_outputs, False'),
            ('        require_network_coordinates(data_samples)\n', ''),
            ('[len(in_channels) - 1]', '[0]'),
            ('points.isnan().any(-1).logical_not()', 'points.isfinite().any(-1).logical_or(points.isnan().any(-1))'),
            ('.sum(1, keepdim=True).clamp(min=1)', '.shape[1]'),
        ],
    ),
    (
        'models/heads/heatmap_landmark_head.py',
        _HEADS,
        [
            (
                'list(range(len(self.in_channels)) if in_index is None else in_index)',
                'list(range(len(self.in_channels)))',
            ),
            ("loss_heatmap', loss_heatmap)", "loss_heatmap', None)"),
            ("loss_landmark', loss_landmark, dimensions=2)", "loss_landmark', None)"),
            ('lambda task: task.num_outputs, share_outputs\n', 'lambda task: task.num_outputs, False\n'),
            ('loss_weight=0.05)', 'loss_weight=1.0)'),
            ('coordinate_channels(feats[i])]', '0 * coordinate_channels(feats[i])]'),
        ],
    ),
    (
        'models/heads/dense_detection_head.py',
        _HEADS,
        [
            (
                'list(range(len(self.in_channels)) if in_index is None else in_index)',
                'list(range(len(self.in_channels)))',
            ),
            ('.detach()', ''),
            ('overlap.sqrt()', 'overlap'),
            ('.clamp(min=1)', '.clamp(min=1e-6)'),
            ('for _ in range(num_convs)', 'for _ in range(2)'),
            ('-math.log(1 / _PRIOR_SCORE - 1)', '0.0'),
            ('            share_outputs,\n', '            False,\n'),
            ('coordinate_channels(feats[i])]', '0 * coordinate_channels(feats[i])]'),
        ],
    ),
    (
        'models/heads/grid_detection_head.py',
        _HEADS,
        [
            ('list(in_index)', '[1, 2, 3]'),
            ('for _ in range(num_blocks)', 'for _ in range(2)'),
            (' / logits[0].numel()', ''),
            ('lambda task: 4 + task.num_outputs, share_outputs\n', 'lambda task: 4 + task.num_outputs, False\n'),
            ('loss_weight=10.0', 'loss_weight=1.0'),
            ('loss_weight=5.0', 'loss_weight=1.0'),
        ],
    ),
    (
        'models/heads/base_detection_head.py',
        _HEADS,
        [
            ("loss_iou', loss_iou, dimensions=4)", "loss_iou', None)"),
            ("loss_bbox', loss_bbox, dimensions=4)", "loss_bbox', None)"),
            ('        self.require_one_of(loss_bbox=loss_bbox, loss_iou=loss_iou)\n', ''),
            (', targets.weights.flatten(1))', ', (targets.weights.flatten(1) > 0).float())'),
        ],
    ),
    (
        'models/losses/balanced_cross_entropy_loss.py',
        _LOSSES,
        [
            ('weight[:, 0] = self.background_weight', 'weight[:, 0] = 1.0'),
            ('** -self.class_balance', '** 0'),
            ('        if self.label_smoothing:\n', '        if False:\n'),
            ('return self.loss_weight * total', 'return total'),
            ('counted = (target != ignore_index)', 'counted = (target != -1)'),
            ('            counted = counted * weight\n', '            pass\n'),
            ('            total = total / pixel_weight', '            total = total / (pixel_weight > 0)'),
            ('entropy = (1 - self.label_smoothing) * entropy', 'entropy = entropy'),
        ],
    ),
    (
        'models/losses/balanced_binary_cross_entropy_loss.py',
        _LOSSES,
        [
            ('.clamp(1, self.max_pos_weight)', '.clamp(1, 50.0)'),
            ('.clamp(1, self.max_pos_weight)', '.clamp(0, self.max_pos_weight)'),
            ('pos_weight=pos_weight, ', ''),
            ('return self.loss_weight * reduce', 'return reduce'),
        ],
    ),
    (
        'models/losses/foreground_dice_loss.py',
        _LOSSES,
        [
            ('(2 * overlap + self.smooth)', '(2 * overlap + 1.0)'),
            ('return self.loss_weight * (1 - dice)', 'return (1 - dice)'),
            ('counted = (target != ignore_index)', 'counted = (target != -1)'),
            ('            counted = counted * weight\n', '            pass\n'),
            ('pred.softmax(1)[:, 1:]', 'pred.softmax(1)[:, 1:].detach().requires_grad_()'),
        ],
    ),
    (
        'models/losses/quality_focal_loss.py',
        _LOSSES,
        [
            ('** self.beta', '** 2.0'),
            ('return self.loss_weight * reduce', 'return reduce'),
            ('.abs() ** self.beta * entropy', '.abs() ** 0 * entropy'),
        ],
    ),
    (
        'models/losses/overlap_losses.py',
        _LOSSES,
        [
            ('return self.loss_weight * reduce', 'return reduce'),
            ('overlap = staticmethod(aligned_giou)', 'overlap = staticmethod(aligned_iou)'),
        ],
    ),
    (
        'models/losses/head_loss.py',
        _LOSSES,
        [
            ('self._build(cfg | more)', 'self._build(cfg)'),
            (
                '        if unknown := by_task.keys() - {task.name for task in tasks}:\n',
                '        if unknown := set():\n',
            ),
            ('(low < high).all()', '(low <= low).all()'),
            ("if (reduction := getattr(loss, 'reduction', 'mean')) != 'mean':", "if (reduction := 'mean') != 'mean':"),
        ],
    ),
    (
        'models/losses/class_loss.py',
        _LOSSES,
        [
            ('counted = target != IGNORED', 'counted = target != -1'),
            ("        if hasattr(loss, 'image_losses'):\n", '        if False:\n'),
            ("dict(ignore_index=IGNORED) if 'ignore_index' in takes", "dict() if 'ignore_index' in takes"),
        ],
    ),
    (
        'models/losses/coordinate_loss.py',
        _LOSSES,
        [
            ('return (values * weight).sum(1)', 'return values.mean(1)'),
            ('reshape(*weight.shape, -1).mean(2)', 'reshape(*weight.shape, -1).sum(2)'),
        ],
    ),
    (
        'models/losses/heatmap_loss.py',
        _LOSSES,
        [('.reshape(pred.shape[:2]) * weight).sum(1)', '.reshape(pred.shape[:2])).mean(1)')],
    ),
    (
        'models/balancers/ema_loss_balancer.py',
        _BALANCERS,
        [
            ('** self.power', '** -1.0'),
            ('relative.clamp(*self.limits)', 'relative'),
            ('torch.where(self.selected, relative, torch.ones_like(relative))', 'relative'),
            ('.nan_to_num(nan=1.0)', '.nan_to_num(nan=0.0)'),
        ],
    ),
    (
        'models/balancers/selective_loss_balancer.py',
        _BALANCERS,
        [
            ('float(init_raw)', '0.0'),
            (' / (2 * s**2) + s.log()', ' / (2 * s**2)'),
            ('super().__init__(tasks, power, limits, types)', 'super().__init__(tasks, 0.5, limits, types)'),
            ('for name in types})', "for name in ('classification', 'detection')})"),
        ],
    ),
    (
        'models/balancers/famo_loss_balancer.py',
        _BALANCERS,
        [
            ('self.logits -= self.lr *', 'self.logits -= 0.025 *'),
            (' + self.decay * self.logits', ''),
            ('        self.before.copy_(tracker.ema)\n', ''),
        ],
    ),
    (
        'models/balancers/igb_loss_balancer.py',
        _BALANCERS,
        [('self.base_steps = tuple(base_steps)', 'self.base_steps = (51, 100)'), (' * known.sum(), 1.0)', ', 1.0)')],
    ),
    (
        'models/balancers/uncertainty_loss_balancer.py',
        _BALANCERS,
        [
            ("task.type if per == 'type' else task.name", 'task.type'),
            ('0.5 if task.type in regression else 1.0', '1.0'),
            ('logs / 2 * losses.counts', 'logs * 0 * losses.counts'),
        ],
    ),
    (
        'models/balancers/factors.py',
        _BALANCERS,
        [
            ('factors.get(task.name, factors.get(task.type, 1.0))', 'factors.get(task.type, 1.0)'),
            ('        if not 0 <= factor < math.inf:\n', '        if False:\n'),
        ],
    ),
    (
        'models/balancers/gradient_norm_balancer.py',
        f'{_BALANCERS} tests/models/test_multi_task_model.py',
        [
            ("task.type if per == 'type' else task.name", 'task.type'),
            ('self.same @ self.sums[0], self.same @ self.sums[1]', 'self.sums[0], self.sums[1]'),
            ('self.momentum * old + (1 - self.momentum) * mean', '0.9 * old + 0.1 * mean'),
            ('.square().sum() for g', '.sum() for g'),
            ('.clamp(min=1e-24).log() / 2', '.clamp(min=1e-24).log()'),
            ('.clamp(1 / self.limit, self.limit)', '.clamp(1e-3, 1e3)'),
            ('self.factors.clamp(min=1e-12).log() - ', '-'),
            ('square.where(finite, 0)', 'square'),
            ('            self.sums.zero_()\n', ''),
            ('self._updates = int(self.updates)', 'self._updates = 0'),
            ('        logs = logs - logs.sum() / known.sum().clamp(min=1)\n', ''),
            ('m.detach().requires_grad_() for m', 'm for m'),
        ],
    ),
    (
        'models/balancers/task_loss_tracker.py',
        f'{_BALANCERS} tests/models/test_multi_task_model.py',
        [
            ('self.momentum * old + (1 - self.momentum) * mean', '0.98 * old + 0.02 * mean'),
            ('[losses.sums, losses.counts]', '[losses.sums / losses.counts.clamp(min=1), losses.counts]'),
            ('        self.sums.zero_()\n', ''),
        ],
    ),
    (
        'models/balancers/task_losses.py',
        _BALANCERS,
        [
            ('losses.where(finite, 0)', 'losses'),
            ('(of_task * finite).sum(1)', 'of_task.sum(1)'),
            ('(of_task * losses.where(finite, 0)).sum(1)', 'of_task @ losses.where(finite, 0)'),
        ],
    ),
    (
        'models/heads/tasks_alike.py',
        f'{_HEADS}/test_tasks_alike.py',
        [
            ('(task.num_outputs, *(loss.loss_of(task) for loss in losses))', '(task.num_outputs,)'),
            ('(task.num_outputs, *(', 'tuple(('),
            ("getattr(method, 'for_tasks_alike', False)", 'True'),
            ("getattr(method, 'for_tasks_alike', False)", 'False'),
        ],
    ),
    (
        'models/heads/base_detection_head.py',
        f'{_HEADS}/test_tasks_alike.py',
        [('super().joins_tasks and takes_tasks_alike(self.score_loss)', 'super().joins_tasks')],
    ),
    (
        'datasets/samplers/policies/loss_aware_policy.py',
        _POLICIES,
        [
            ('self.size_power)\n', '0.5)\n'),
            (', self.loss_power)\n', ', 1.0)\n'),
            (' + self.offset)', ')'),
            (' / self.temperature', ''),
            ('dict(landmark=300.0) if scales is None', 'dict() if scales is None'),
        ],
    ),
    (
        'datasets/samplers/policies/score_gap_policy.py',
        _POLICIES,
        [
            ('gap**self.gap_power', 'gap'),
            (' ** self.size_power', ' ** 0.25'),
            ('self.floor / len(tasks)', '0'),
            ('1 / of_type[task.type]', '1'),
        ],
    ),
    (
        'datasets/samplers/policies/size_policy.py',
        _POLICIES,
        [('power = 1 / temperature', 'power = temperature'), ('sqrt=0.5', 'sqrt=1.0')],
    ),
    (
        'datasets/samplers/task_aware_batch_sampler.py',
        _POLICIES,
        [
            ('frozenset(types[name] for name in kind)', 'kind'),
            ('return self._given_batches or math', 'return math'),
            ('        if drop_last:\n', '        if False:\n'),
            ('        self.drawn = drawn\n', ''),
            ('    rng.shuffle(drawn)\n', ''),
            ('        if not self._knows_progress:\n', '        if False:\n'),
        ],
    ),
    (
        'datasets/transforms/random_geometry.py',
        _TRANSFORMS,
        [
            ('np.random.random() < self.flip_prob', 'np.random.random() < 0.5'),
            ('np.random.random() < self.prob', 'True'),
            ('uniform(-degrees, degrees)', 'uniform(-15, 15)'),
            ('enlarged_x / enlarged_y', '1.0'),
            ('np.random.uniform(*scale)', '1.0'),
            ("if all(row['may_zoom'] for row in rows) else (1.0, 1.0)", ''),
            ('np.random.uniform(-self.shift, self.shift, 2)', 'np.zeros(2)'),
            ("all(row['may_flip'] for row in rows)", 'True'),
        ],
    ),
    (
        'datasets/transforms/intensity.py',
        _TRANSFORMS,
        [
            ('gain = 1 + np.random.uniform(-self.contrast, self.contrast)', 'gain = 1'),
            ('offset = 255 * np.random.uniform(-self.brightness, self.brightness)', 'offset = 0'),
            ('np.random.uniform(*self.std)', '3.0'),
        ],
    ),
    (
        'datasets/transforms/blur.py',
        _TRANSFORMS,
        [
            ('np.random.uniform(*self.sigma)', '1.0'),
            ('np.random.choice(self.lengths)', '3'),
            ('np.random.uniform(0, 180))', '0)'),
            ('    kernel += kernel[::-1, ::-1]\n', ''),
        ],
    ),
    (
        'datasets/transforms/apply_geometry.py',
        _TRANSFORMS,
        [('            self.fill,\n', '            0,\n')],
    ),
    ('datasets/transforms/fit_to_size.py', _TRANSFORMS, [('self.size, self.mode)', "self.size, 'squash')")]),
    (
        'datasets/annotations/box_annotation.py',
        _TRANSFORMS,
        [('_LEAST_VISIBLE = 0.5', '_LEAST_VISIBLE = 0.0'), ('.astype(np.float32)', '')],
    ),
    (
        'datasets/annotations/landmark_annotation.py',
        f'{_TRANSFORMS} tests/datasets/test_landmark_annotation.py',
        [
            ('[applied_flip_indices(row)]', ''),
            ('return not ((points < 0).any()', 'return not (False'),
            ('if points.count(None) == len(points)', 'if False'),
            ('None if np.isnan(xy).any() else xy.tolist()', 'xy.tolist()'),
        ],
    ),
    (
        'datasets/annotations/label_annotation.py',
        f'{_TRANSFORMS} tests/datasets/test_fmc_uia_dataset.py',
        [
            ("int(class_after_flip(row)[row['gt_label']])", "row['gt_label']"),
            ("label: int = annotation['gt_label']", 'label: int = 0'),
        ],
    ),
    (
        'datasets/annotations/mask_annotation.py',
        _TRANSFORMS,
        [("cv2.LUT(row['gt_seg_map'], after)", "row['gt_seg_map']")],
    ),
    (
        'models/codecs/heatmap_codec.py',
        _CODECS,
        [
            ('(centres - wanted) / self.sigma', '(centres - wanted) / 1.5'),
            ('> counts + self.margin, -torch.inf', '> counts.max() + self.margin, -torch.inf'),
            ('_STEPS = 6', '_STEPS = 0'),
            ('cell_centres(w, maps, self.margin)', 'cell_centres(maps.shape[-1], maps)'),
        ],
    ),
    (
        'models/codecs/dense_box_codec.py',
        f'{_CODECS} {_HEADS}/test_dense_detection_head.py',
        [
            ('(self.sigma * sides)', '(sides / 6)'),
            ('self.min_sigma / n', '0.75 / n'),
            ('labels, self.iou_threshold)', 'labels, 0.5)'),
            ('candidates) > self.vote_threshold', 'candidates) > 1.0'),
            ('[: self.max_per_img]', ''),
            ('>= self.score_thr]', '>= 0]'),
            ('        votes &= labels[keep, None] == labels\n', ''),
            ('min(self.nms_pre, scores.numel())', 'scores.numel()'),
            ('shares.sum(1) / counts', 'shares.sum(1)'),
        ],
    ),
    (
        'models/codecs/cell_assignment.py',
        _CODECS,
        [('areas, torch.inf).argmin(1)', '-areas, torch.inf).argmin(1)'), ('& valid[..., None, None]', '')],
    ),
    (
        'models/adapters/task_bottleneck_adapter.py',
        'tests/models/adapters',
        [
            ('groups=channels if depthwise else 1', 'groups=channels'),
            ('return x + self.up', 'return self.up'),
            ('constant_init(self.up, 0)', 'pass'),
        ],
    ),
    ('models/adapters/task_film.py', 'tests/models/adapters', [(' + self.shift', ''), ('(1 + self.scale) * x', 'x')]),
    (
        'models/predictions/label_prediction.py',
        'tests/models/predictions tests/models/test_time_augs',
        [('sample.pred_scores[torch.tensor(', 'sample.pred_scores[0 * torch.tensor('), ('.mean(0))', '[0])')],
    ),
    (
        'models/predictions/landmark_prediction.py',
        'tests/models/predictions tests/models/test_time_augs',
        [('found[torch.tensor(', 'found[0 * torch.tensor('), ('.mean(0)', '[0]')],
    ),
    (
        'models/predictions/mask_prediction.py',
        'tests/models/predictions tests/models/test_time_augs',
        [('PixelData(data=original[mask])', 'PixelData(data=mask)')],
    ),
    (
        'models/predictions/box_prediction.py',
        'tests/models/predictions tests/models/test_time_augs',
        [('device=labels.device)[labels]', 'device=labels.device)[labels] * 0 + labels')],
    ),
    (
        'evaluation/metrics/task_metric.py',
        f'{_METRICS} tests/extending/test_extending_evaluation.py',
        [('mean if column.higher_is_better else -mean', 'mean')],
    ),
    (
        'evaluation/metrics/column.py',
        'tests/evaluation/test_score_table.py',
        [('if value is None or math.isnan(value)', 'if value is None')],
    ),
    (
        'images/ultrasound_image.py',
        'tests/images/test_dicom_file.py',
        [('None if self.spacing_fault else self.pixel_spacing', 'self.pixel_spacing')],
    ),
    (
        'evaluation/metrics/landmark_metric.py',
        _METRICS,
        [
            ("1.0 - scores['MRE_diagonal'])", "1.0 - scores['MRE'])"),
            (' / rows[0].diagonal,)', ',)'),
            ('np.nanmean(errors, axis=1)', 'np.nan_to_num(errors).mean(axis=1)'),
            ('weighted_mean_of_known(errors, weights)', 'weighted_mean(np.nan_to_num(errors), weights)'),
            ('(of_point[name][key] if name in of_point else None for name in names)', '(row[key] for row in rows)'),
        ],
    ),
    (
        'analysis/report/results.py',
        'tests/extending/test_judge_and_files.py',
        [('return [row for row in rows if row.metric == rows[0].metric]', 'return rows')],
    ),
    (
        'analysis/results_folder.py',
        'tests/extending/test_judge_and_files.py',
        [
            (
                'bootstrap_intervals(result.rows, result.tasks, unscored)',
                'bootstrap_intervals(result.rows, result.tasks)',
            ),
            ('bootstrap_intervals(result.rows, result.tasks, unscored)', 'bootstrap_intervals(result.rows)'),
        ],
    ),
    (
        'task_types.py',
        'tests/test_task_types.py',
        [
            ('        if same and known != task_type:\n', '        if False:\n'),
            ('known.csv_name.lower() == task_type.csv_name.lower()', 'False'),
        ],
    ),
    (
        'evaluation/task_metrics.py',
        'tests/extending/test_judge_and_files.py',
        [
            ('sorted(pairs, key=lambda pair: pair[0] is not self.judge)', 'pairs'),
        ],
    ),
    (
        'models/utils/nonfinite_guard.py',
        'tests/models/utils/test_nonfinite_guard.py tests/models/test_multi_task_model.py',
        [
            ('int(self._dropped) - self._labels', 'int(self._dropped)'),
            ('        self._report_updates()\n\n', '\n'),
        ],
    ),
    (
        'models/backbones/compile_blocks.py',
        'tests/models/backbones/test_compile_blocks.py',
        [("    refuse_cuda_graphs(options, 'compile_blocks')\n", '')],
    ),
    (
        'engine/optim/accumulating_optim_wrapper.py',
        'tests/accelerator/test_parts_on_an_accelerator.py',
        [('        _count_steps_on_the_host(self.optimizer)\n', '')],
    ),
    (
        'apis/row_predictor.py',
        'tests/accelerator/test_parts_on_an_accelerator.py',
        [('to_host(self._model.test_step(', '(self._model.test_step(')],
    ),
]
