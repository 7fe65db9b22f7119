# Eight tasks on public ultrasound: HC18 fetal heads, BUSI breasts, nerves and vessels (see README).
tasks = [
    dict(name='nerve_vessel_multi', type='segmentation', classes=['background', 'nerve', 'vessel']),
    dict(name='fetal_head', type='segmentation', classes=['background', 'head']),
    dict(name='breast_lesion', type='segmentation', classes=['background', 'lesion']),
    dict(name='breast_2cls', type='classification', classes=['benign', 'malignant']),
    dict(name='breast_3cls', type='classification', classes=['normal', 'benign', 'malignant']),
    dict(name='fetal_head_det', type='detection', classes=['head']),
    dict(name='breast_lesion_det', type='detection', classes=['lesion']),
    dict(
        name='fetal_head_axes',
        type='landmark',
        points=['long_left', 'long_right', 'short_top', 'short_bottom'],
        swaps=[('long_left', 'long_right')],
    ),
]
