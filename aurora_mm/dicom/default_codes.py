"""Codes of classes, points and measurements whose task gives none: ``(value, scheme, meaning)``.

SCT is SNOMED CT, LN is LOINC, DCM the DICOM standard (PS3.16). The names are those of the shipped task tables, in small
letters and with spaces. What is not listed is written under its own name in the private scheme :data:`PRIVATE_SCHEME`.
"""

from __future__ import annotations

Code = tuple[str, str, str]
"""Value, designator of the coding scheme and meaning."""

PRIVATE_SCHEME = '99AURORA_MM'

ANATOMY: Code = ('91723000', 'SCT', 'Anatomical Structure')
ABNORMAL: Code = ('49755003', 'SCT', 'Morphologically Abnormal Structure')

STRUCTURES: dict[str, Code] = {
    'artery': ('51114001', 'SCT', 'Artery'),
    'cervix': ('71252005', 'SCT', 'Cervix'),
    'fetal head': ('69536005', 'SCT', 'Head'),
    'head': ('69536005', 'SCT', 'Head'),
    'heart': ('80891009', 'SCT', 'Heart'),
    'left atrium': ('82471001', 'SCT', 'Left atrium'),
    'left ventricle': ('87878005', 'SCT', 'Left ventricle'),
    'liver': ('10200004', 'SCT', 'Liver'),
    'lumen': ('113342003', 'SCT', 'Lumen'),
    'lung': ('39607008', 'SCT', 'Lung'),
    'myocardium': ('49848007', 'SCT', 'Left Ventricle Myocardium'),
    'nerve': ('91728009', 'SCT', 'Nerve'),
    'pubic symphysis': ('82561000', 'SCT', 'Symphysis pubis'),
    'stomach': ('69695003', 'SCT', 'Stomach'),
    'vein': ('29092000', 'SCT', 'Vein'),
    'vessel': ('59820001', 'SCT', 'Blood Vessel'),
}
"""Classes that are parts of the body."""

FINDINGS: dict[str, Code] = {
    'fibroid': ('1162890002', 'SCT', 'Leiomyoma'),
    'lesion': ('52988006', 'SCT', 'Lesion'),
    'nodule': ('27925004', 'SCT', 'Nodule'),
    'tumor': ('108369006', 'SCT', 'Tumor'),
}
"""Classes that are abnormal."""

ANSWERS: dict[str, Code] = {
    'benign': ('30807003', 'SCT', 'Benign'),
    'malignant': ('21594007', 'SCT', 'Malignant'),
    'normal': ('17621005', 'SCT', 'Normal'),
}
"""Classes of whole images."""

QUANTITIES: dict[str, Code] = {
    'bpd': ('11820-8', 'LN', 'Biparietal Diameter'),
    'cervical length': ('11961-0', 'LN', 'Cervix Length'),
    'femur length': ('11963-6', 'LN', 'Femur Length'),
    'hc': ('11984-2', 'LN', 'Head Circumference'),
    'ofd': ('11851-3', 'LN', 'Occipital-Frontal Diameter'),
}
"""Measurements by their names."""

MEASUREMENT_TYPES: dict[str, Code] = {
    'Angle': ('1483009', 'SCT', 'Angle'),
    'Area': ('42798000', 'SCT', 'Area'),
    'AxesCircumference': ('74551000', 'SCT', 'Circumference'),
    'BoxWidth': ('103355008', 'SCT', 'Width'),
    'Circumference': ('74551000', 'SCT', 'Circumference'),
    'Distance': ('410668003', 'SCT', 'Length'),
    'LargestDiameter': ('410668003', 'SCT', 'Length'),
    'LongAxis': ('131187009', 'SCT', 'Major Axis'),
    'PerpendicularDiameter': ('103355008', 'SCT', 'Width'),
    'ShortAxis': ('131188004', 'SCT', 'Minor Axis'),
}
"""Measurements by their registered types, where the name says nothing."""

UNITS: dict[str, Code] = {
    '': ('1', 'UCUM', 'no units'),
    'mm': ('mm', 'UCUM', 'millimeter'),
    'mm2': ('mm2', 'UCUM', 'square millimeter'),
    'deg': ('deg', 'UCUM', 'degree'),
    'px': ('{pixels}', 'UCUM', 'pixels'),
    'px2': ('{pixels}', 'UCUM', 'pixels'),  # an area is counted in pixels
    'cm': ('cm', 'UCUM', 'centimeter'),
    'ml': ('ml', 'UCUM', 'milliliter'),
    '%': ('%', 'UCUM', 'percent'),
    'days': ('d', 'UCUM', 'day'),
    'weeks': ('wk', 'UCUM', 'week'),
    'months': ('mo', 'UCUM', 'month'),
    'years': ('a', 'UCUM', 'year'),
}
"""Units of measurements and of values by what tasks call them."""
