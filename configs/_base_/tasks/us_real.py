# Eight tasks on public ultrasound: HC18 fetal heads, BUSI breasts, nerves and vessels (see README). HC18 draws a head's
# ellipse with a line of 3 pixels, from which masks are filled, so that 1.5 pixels at their border belong to the line.
# Heads lie at any angle.
tasks = [
    dict(name='nerve_vessel_multi', type='segmentation', classes=['background', 'nerve', 'vessel']),
    dict(
        name='fetal_head',
        type='segmentation',
        classes=['background', 'head'],
        rotation=60,
        measurements=[
            dict(type='Circumference', name='HC', label='head', border=1.5),
            dict(type='ShortAxis', name='BPD', label='head', border=1.5),
            dict(type='LongAxis', name='OFD', label='head', border=1.5),
        ],
    ),
    dict(
        name='breast_lesion',
        type='segmentation',
        classes=['background', 'lesion'],
        measurements=[
            dict(type='LargestDiameter', name='length', label='lesion'),
            dict(type='PerpendicularDiameter', name='width', label='lesion'),
            dict(type='Area', name='area', label='lesion'),
        ],
    ),
    dict(name='breast_2cls', type='classification', classes=['benign', 'malignant']),
    dict(name='breast_3cls', type='classification', classes=['normal', 'benign', 'malignant']),
    dict(name='fetal_head_det', type='detection', classes=['head'], rotation=60),
    dict(name='breast_lesion_det', type='detection', classes=['lesion']),
    dict(
        name='fetal_head_axes',
        type='landmark',
        points=['long_left', 'long_right', 'short_top', 'short_bottom'],
        rotation=60,
        swaps=[('long_left', 'long_right')],
        ordered=[('x', 'long_left', 'long_right'), ('y', 'short_top', 'short_bottom')],
        measurements=[
            dict(type='AxesCircumference', name='HC', points=['long_left', 'long_right', 'short_top', 'short_bottom']),
            dict(type='Distance', name='OFD', points=['long_left', 'long_right']),
            dict(type='Distance', name='BPD', points=['short_top', 'short_bottom']),
        ],
    ),
]
