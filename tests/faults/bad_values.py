"""Values that were taken for something else, or raised a bare Python error, in public bug reports or here."""

from __future__ import annotations

TEXTS = (
    *('', ' ', '\u00a0', '\u200b', '\ufeff', 'nan', 'NaN', 'inf', '-inf', 'Infinity', 'None', 'null', 'true', 'False'),
    *('0', '1', '-1', '2', '1.0', '1.5', '+1', '1e0', '1e3', '1e308', '1e999', '1_000', '1,000', '0x10', '\u0661'),
    *('9' * 400, '[' * 2000, 'x' * 300, '[1, 2]', '[1,2,3]', '[]', '[[1, 2]]', '"12"', '{"1":2,"3":4}', '[true,false]'),
    *('[NaN, 1]', '[1e999, 1]', '[1_0, 2]', '(1, 2)', '1, 2', '["1", "2"]', '[-1, 2]', '[1000, 2]'),
    *('kind ', 'Kind', 'KIND', 'kind\u00a0', 'k ind', 'a/b', '../a', '/etc/passwd', '..', '.', 'a\0b', 'a\nb', '\\'),
    *('type', 'train', 'keys', 'to', 'a[/b]', r'$\frac{$', '<script>', '%s', '{0}', '=1+1', "'", '"', 'cafe\u0301'),
    *('../csv_files', '../csv_files/a.csv', '../nowhere/1.png', '../../x.png', 'segmentation', 'Regression', 'ranking'),
)

JSON_VALUES = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 1.5, -0.5, 1e308, 10**30, 64, 48, 10_000, 1_000_000),
    *('', ' ', '3', '7', 'a.png', 'b.png', '../a.png', '/etc/passwd', 'nodule', 'Nodule', 'x' * 300, '\ud800', 'a\0b'),
    *([], [[]], [1], [1, 2], [1, 2, 3, 4], [-5, -5, 10, 10], [8, 10, 0, 5], [8, 10, 16, 1e9], [[1, 2, 3, 4]]),
    *(['x'] * 4, [True] * 4, [[1, 1, 20, 1, 20, 20]], {}, {'id': 3}, {'size': [48, 64], 'counts': 'o'}),
    *({'size': [48, 64], 'counts': counts} for counts in ('PPYo', [5, 10], [0, 3072], [-1, 3073], '')),
    {'size': [64, 48], 'counts': [0, 3072]},
)
