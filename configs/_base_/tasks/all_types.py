# A task of each type; aurora-mm make-demo-data draws phantoms of them.
tasks = [
    dict(name='organs', type='segmentation', classes=['background', 'liver', 'kidney']),
    dict(name='plane', type='classification', classes=['long_axis', 'short_axis']),
    dict(name='nodule', type='detection', classes=['nodule']),
    dict(name='femur_ends', type='landmark', points=['left_end', 'right_end'], swaps=[('left_end', 'right_end')]),
    dict(name='lesions', type='multi_object_detection', classes=['cyst', 'solid']),
    dict(name='covered', type='scalar_regression', values=['covered part'], unit='%', zoom=False, rotation=0),
    dict(name='signs', type='multi_label_classification', classes=['effusion', 'calcification', 'mass']),
    dict(name='overlapping', type='multi_label_segmentation', classes=['lobe', 'duct', 'cyst']),
]
