# The 27 tasks of FMC-UIA (ISBI 2026). The counts are the challenge's; names of classes and points follow the public
# data sets behind the tasks. Where the order is not published, names are numbered: rename them here, nothing else
# reads them by name. `flip=False`: the answer depends on the side, so a mirrored image is no true example.
tasks = [
    dict(
        name='breast_lesion',
        type='segmentation',
        classes=['background', 'lesion'],
        measurements=[
            dict(type='LargestDiameter', name='length', label='lesion'),
            dict(type='PerpendicularDiameter', name='width', label='lesion'),
        ],
    ),
    dict(
        name='cardiac_multi',
        type='segmentation',
        classes=['background', 'left_ventricle', 'myocardium', 'left_atrium'],
    ),
    dict(name='carotid_artery', type='segmentation', classes=['background', 'lumen']),
    dict(name='cervix', type='segmentation', classes=['background', 'cervix']),
    dict(name='cervix_multi', type='segmentation', classes=['background', 'anterior_lip', 'posterior_lip']),
    dict(
        name='fetal_abdomen_multi',
        type='segmentation',
        classes=['background', 'artery', 'liver', 'stomach', 'vein'],
    ),
    dict(
        name='fetal_head',
        type='segmentation',
        classes=['background', 'head'],
        measurements=[
            dict(type='Circumference', name='HC', label='head'),
            dict(type='ShortAxis', name='BPD', label='head'),
            dict(type='LongAxis', name='OFD', label='head'),
        ],
    ),
    dict(name='fetal_heart', type='segmentation', classes=['background', 'heart']),
    dict(
        name='head_symphysis_multi',
        type='segmentation',
        classes=['background', 'pubic_symphysis', 'fetal_head'],
        measurements=[dict(type='AngleOfProgression', name='AoP', symphysis='pubic_symphysis', head='fetal_head')],
    ),
    dict(name='lung', type='segmentation', classes=['background', 'lung']),
    dict(
        name='ovary_tumor',
        type='segmentation',
        classes=['background', 'tumor'],
        measurements=[
            dict(type='LargestDiameter', name='length', label='tumor'),
            dict(type='PerpendicularDiameter', name='width', label='tumor'),
        ],
    ),
    dict(
        name='thyroid_nodule',
        type='segmentation',
        classes=['background', 'nodule'],
        measurements=[
            dict(type='LargestDiameter', name='length', label='nodule'),
            dict(type='PerpendicularDiameter', name='width', label='nodule'),
        ],
    ),
    dict(name='breast_2cls', type='classification', classes=['benign', 'malignant']),
    dict(name='breast_3cls', type='classification', classes=['normal', 'benign', 'malignant']),
    dict(
        name='fetal_head_pos_cls',
        type='classification',
        classes=[f'position_{i}' for i in range(8)],
        flip=False,
    ),
    dict(name='fetal_plane_cls', type='classification', classes=[f'plane_{i}' for i in range(6)]),
    dict(
        name='fetal_sacral_pos_cls',
        type='classification',
        classes=[f'position_{i}' for i in range(8)],
        flip=False,
    ),
    dict(name='liver_lesion_2cls', type='classification', classes=['benign', 'malignant']),
    dict(name='lung_2cls', type='classification', classes=['class_0', 'class_1']),
    dict(name='lung_disease_3cls', type='classification', classes=[f'disease_{i}' for i in range(3)]),
    dict(name='organ_cls', type='classification', classes=[f'organ_{i}' for i in range(6)]),
    dict(name='spinal_cord_injury_loc', type='detection', classes=['injury']),
    dict(name='thyroid_nodule_det', type='detection', classes=['nodule']),
    dict(name='uterine_fibroid_det', type='detection', classes=['fibroid']),
    dict(
        name='FUGC',
        type='landmark',
        points=['internal_os', 'external_os'],
        flip=False,
        measurements=[dict(type='Distance', name='cervical length', points=['internal_os', 'external_os'])],
    ),
    dict(
        name='IUGC',
        type='landmark',
        points=['symphysis_1', 'symphysis_2', 'head_tangent'],
        flip=False,
        measurements=[dict(type='Angle', name='AoP', points=['symphysis_1', 'symphysis_2', 'head_tangent'])],
    ),
    dict(
        name='fetal_femur',
        type='landmark',
        points=['left_end', 'right_end'],
        swaps=[('left_end', 'right_end')],
        measurements=[dict(type='Distance', name='femur length', points=['left_end', 'right_end'])],
    ),
]
